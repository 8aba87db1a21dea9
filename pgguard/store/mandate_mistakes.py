"""What can be wrong in mandates, as far as the policy's file shows it."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

from pgguard.model.mandate_names import MANDATE_NAME
from pgguard.store.policy_mistakes import Mistake, entry_texts, near, section_entries, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def mandate_mistakes(data: dict[str, Any]) -> Iterator[Mistake]:
    """Mandates without tables, tables and folders of none, and dates that contradict each other."""
    names = [entry_texts(entry, "name")[0] for _, entry in section_entries(data, "mandate")]
    # what a folder follows may be written elsewhere, as long as no mandate is written here
    for section in ("mandate_table", "folder") if names else ("mandate_table",):
        for place, name in texts(data, section, "*", "mandate"):
            if name.strip() and name not in names:
                yield Mistake(place, f"there is no [[mandate]] {name}{near(name, names)}")
    taken = {name for _, name in texts(data, "mandate_table", "*", "mandate")}
    roles: dict[str, int] = {}
    for number, entry in section_entries(data, "mandate"):
        yield from _of_mandate(number, entry, taken)
        (role,) = entry_texts(entry, "role")
        if role.strip() and roles.setdefault(role, number) != number:
            at = ("mandate", number, "role")
            yield Mistake(at, f"{role} is another mandate's", ("mandate", roles[role], "role"))
    yield from _of_tables(data)


def mandate_contracts(data: dict[str, Any]) -> Iterator[Mistake]:
    """Mandates under a contract that the register does not have."""
    names = [entry_texts(entry, "name")[0] for _, entry in section_entries(data, "contract")]
    for place, name in texts(data, "mandate", "*", "contract"):
        if name.strip() and name not in names:
            yield Mistake(place, f"there is no [[contract]] {name}{near(name, names)}")


def _of_mandate(number: int, entry: dict[str, Any], taken: set[str]) -> Iterator[Mistake]:
    name, digest = entry_texts(entry, "name", "sha256")
    if name.strip() and not MANDATE_NAME.match(name):
        said = "expected up to 40 lower-case letters, digits and _: a schema and a folder are called so"
        yield Mistake(("mandate", number, "name"), said)
    if name.strip() and name not in taken:
        yield Mistake(("mandate", number), f"no [[mandate_table]] says what {name} takes")
    if digest.strip() and not _DIGEST.match(digest):
        said = "expected the 64 digits that sha256sum prints for the document"
        yield Mistake(("mandate", number, "sha256"), said)
    if entry.get("recipients") == []:
        yield Mistake(("mandate", number, "recipients"), "expected a public key at least")
    if entry.get("ceiling") == 0:
        yield Mistake(("mandate", number, "ceiling"), "expected how many rows may leave, at most")
    for first, last in (("start", "until"), ("until", "erase_by"), ("instructed_on", "until")):
        begin, end = entry.get(first), entry.get(last)
        if type(begin) is datetime.date and type(end) is datetime.date and end < begin:
            where = ("mandate", number, last)
            yield Mistake(where, f"must not be before {first}", ("mandate", number, first))


def _of_tables(data: dict[str, Any]) -> Iterator[Mistake]:
    ceilings = {
        entry_texts(entry, "name")[0]: entry.get("ceiling") for _, entry in section_entries(data, "mandate")
    }
    for number, entry in section_entries(data, "mandate_table"):
        columns, reviewed = entry.get("columns"), entry.get("reviewed", [])
        if columns == []:
            yield Mistake(("mandate_table", number, "columns"), "expected the columns that were instructed")
        if isinstance(columns, list) and isinstance(reviewed, list):
            for at, one in enumerate(reviewed):
                if one not in columns:
                    place = ("mandate_table", number, "reviewed", at)
                    yield Mistake(place, "is none of the columns", ("mandate_table", number, "columns"))
        own, whole = entry.get("ceiling"), ceilings.get(entry_texts(entry, "mandate")[0])
        if type(own) is int and type(whole) is int and own > whole:
            where = ("mandate_table", number, "ceiling")
            yield Mistake(where, f"must not be more than the mandate's own ({whole})")
