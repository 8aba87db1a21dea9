"""What can be wrong in the register of processing, as far as its file and the policy's show it."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from pgguard.model.policy import Policy
from pgguard.model.register import REGISTER_SECTIONS
from pgguard.store.policy_mistakes import Mistake, entry_texts, near, section_entries, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

# keys that name an entry of another section of the register
_REGISTERED = (
    (("processor", "*", "engaged_by"), "processor"),
    (("certificate", "*", "processor"), "processor"),
    (("contract", "*", "processor"), "processor"),
    (("contract", "*", "controller"), "controller"),
    (("contract", "*", "activities", "*"), "activity"),
    (("activity", "*", "controllers", "*"), "controller"),
    (("account", "*", "processor"), "processor"),
)
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def register_mistakes(data: dict[str, Any]) -> Iterator[Mistake]:
    """Entries that name what is not declared, and documents whose digest cannot be one."""
    for pattern, section in _REGISTERED:
        names = [entry_texts(entry, "name")[0] for _, entry in section_entries(data, section)]
        for place, name in texts(data, *pattern):
            if name.strip() and name not in names:
                yield Mistake(place, f"there is no [[{section}]] {name}{near(name, names)}")
    for number, entry in section_entries(data, "processor"):
        name, engaged_by = entry_texts(entry, "name", "engaged_by")
        if name and name == engaged_by:
            yield Mistake(("processor", number, "engaged_by"), "nobody engages itself")
    for number, entry in section_entries(data, "contract"):
        document, digest = entry_texts(entry, "document", "sha256")
        if digest and not _DIGEST.match(digest):
            said = "expected the 64 digits that sha256sum prints for the document"
            yield Mistake(("contract", number, "sha256"), said)
        if digest and not document:
            yield Mistake(("contract", number, "sha256"), "there is no document that it would be of")
    yield from contract_names(data)


def contract_names(data: dict[str, Any]) -> Iterator[Mistake]:
    """Contracts that services and publications name and that are not among those declared."""
    names = [entry_texts(entry, "name")[0] for _, entry in section_entries(data, "contract")]
    for section in ("service", "publication") if names else ():
        for number, entry in section_entries(data, section):
            (name,) = entry_texts(entry, "contract")
            if name.strip() and name not in names:
                said = f"there is no [[contract]] {name}{near(name, names)}"
                yield Mistake((section, number, "contract"), said)


def misplaced(data: dict[str, Any], register: str) -> Iterator[Mistake]:
    """Sections of the register in a policy that names `register` as the register's file."""
    for section in REGISTER_SECTIONS:
        if section in data:
            yield Mistake((section,), f"the register is in {register}: put it there")


def foreign(data: dict[str, Any]) -> Iterator[Mistake]:
    """Sections of a register's file that belong in the policy."""
    for field in dataclasses.fields(Policy):
        if field.name in data and field.name not in REGISTER_SECTIONS:
            yield Mistake((field.name,), "does not belong in the register: put it into the policy")
