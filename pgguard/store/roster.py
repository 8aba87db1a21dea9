"""roster.csv: read with every mistake named at once, and drafted from what was seen.

Columns: person, login, email, function, replaces, valid_until (ISO date, may be empty). Everything in it
ends up in SQL as a quoted name or not at all; what PostgreSQL would not take is refused here.
"""

from __future__ import annotations

import csv
import datetime
import difflib
import io
import unicodedata
from typing import TYPE_CHECKING

from pgguard.errors import InputError
from pgguard.model.roster import RosterEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

COLUMNS = ("person", "login", "email", "function", "replaces", "valid_until")
_NAME_BYTES = 63
# names that mean something else to PostgreSQL wherever a role stands (manual, CREATE ROLE and GRANT)
_RESERVED = frozenset({"public", "none", "current_user", "session_user", "current_role", "user"})
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def load(
    path: Path, *, roles: Iterable[str], today: datetime.date, members: Iterable[tuple[str, str]] = ()
) -> tuple[RosterEntry, ...]:
    """The people of a roster file; `roles` are those that the cluster has, `members` (role, member).

    A login that is there already is one that an earlier plan made when it is a member of its function.

    Raises `InputError` with a line for each mistake: file, line, column, what was expected.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        msg = f"{path}: the roster cannot be read: {error.strerror}"
        raise InputError(msg) from None
    except UnicodeDecodeError as error:
        msg = f"{path}: the roster is not UTF-8 text (byte {error.start + 1})"
        raise InputError(msg) from None
    return parse(text, str(path), roles=roles, today=today, members=members)


def parse(
    text: str,
    file: str,
    *,
    roles: Iterable[str],
    today: datetime.date,
    members: Iterable[tuple[str, str]] = (),
) -> tuple[RosterEntry, ...]:
    """The people of a roster's text (see `load`).

    Raises `InputError` with a line for each mistake.
    """
    rows = list(_rows(text))
    if not rows:
        msg = f"{file}:1: the roster is empty: its columns are {','.join(COLUMNS)}"
        raise InputError(msg)
    number, heading = rows[0]
    names = [one.strip().lower() for one in heading]
    absent = [one for one in COLUMNS if one not in names]
    unknown = [one for one in names if one not in COLUMNS]
    if absent or unknown or len(set(names)) != len(names):
        wrong = [f"column {one} is missing" for one in absent]
        wrong += [f"there is no column {one}{_near(one, COLUMNS)}" for one in unknown]
        wrong = wrong or ["a column is there twice"]
        msg = f"{file}:{number}: {'; '.join(wrong)}: the columns are {','.join(COLUMNS)}"
        raise InputError(msg)
    known, belongs = frozenset(roles), frozenset(members)
    mistakes: list[tuple[int, str]] = []
    entries: list[RosterEntry] = []
    for line, cells in rows[1:]:
        if len(cells) != len(names):
            mistakes.append((line, f"{len(cells)} fields, {len(names)} are expected"))
            continue
        row = dict(zip(names, (cell.strip() for cell in cells), strict=True))
        mistakes += [(line, what) for what in _mistakes(row, known, today, belongs)]
        entries.append(_entry(row, line))
    mistakes += _repeated(entries)
    if not entries and not mistakes:
        mistakes.append((number, "there is nobody in the roster"))
    if mistakes:
        raise InputError("\n".join(f"{file}:{line}: {what}" for line, what in sorted(mistakes)))
    return tuple(entries)


def draft(rows: Iterable[tuple[str, str]]) -> str:
    """A roster to complete: for each (shared login, who was seen) a row without person and login.

    Names of people are never made up: what was seen stands in the column person as a hint to replace.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for login, hint in rows:
        writer.writerow([f"? {hint}", "", "", "", login, ""])
    return text.getvalue()


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    before = 0
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield before + 1, cells
        before = reader.line_num


def _mistakes(
    row: dict[str, str], roles: frozenset[str], today: datetime.date, members: frozenset[tuple[str, str]]
) -> Iterator[str]:
    if not row["person"] or row["person"].startswith("?"):
        yield "person: say who it is"
    for column in COLUMNS:
        if any(unicodedata.category(one) in _INVISIBLE for one in row[column]):
            yield f"{column}: there is an invisible character in it"
    for column in ("login", "function"):
        yield from _name_mistakes(column, row[column])
    functions = (row["function"], f"{row['function']}_{row['replaces']}")
    if row["login"] in roles and not any((one, row["login"]) in members for one in functions):
        yield f"login: there is already a role {row['login']}"
    if not row["replaces"]:
        yield "replaces: name the shared login that the person uses now"
    elif row["replaces"] not in roles:
        yield f"replaces: there is no role {row['replaces']}{_near(row['replaces'], roles)}"
    if row["email"] and row["email"].count("@") != 1:
        yield f"email: {row['email']} is no e-mail address"
    if row["valid_until"]:
        try:
            if datetime.date.fromisoformat(row["valid_until"]) < today:
                yield f"valid_until: {row['valid_until']} is past: leave out who has left"
        except ValueError:
            yield f"valid_until: {row['valid_until']} is no date as in {today.isoformat()}"


def _name_mistakes(column: str, name: str) -> Iterator[str]:
    if not name:
        yield f"{column}: is required"
    elif len(name.encode()) > _NAME_BYTES:
        yield f"{column}: {name} has {len(name.encode())} bytes, PostgreSQL takes {_NAME_BYTES}"
    elif name.lower().startswith("pg_") or name.lower() in _RESERVED:
        yield f"{column}: {name} is a name that PostgreSQL keeps for itself"


def _entry(row: dict[str, str], line: int) -> RosterEntry:
    try:
        until = datetime.date.fromisoformat(row["valid_until"]) if row["valid_until"] else None
    except ValueError:
        until = None
    return RosterEntry(
        row["person"], row["login"], row["email"], row["function"], row["replaces"], until, line
    )


def _repeated(entries: list[RosterEntry]) -> Iterator[tuple[int, str]]:
    logins: dict[str, int] = {}
    people: dict[tuple[str, str], int] = {}
    for one in entries:
        first = logins.setdefault(one.login, one.line)
        if one.login and first != one.line:
            yield one.line, f"login: {one.login} is in line {first} already"
        who = (one.person.casefold(), one.email.casefold())
        first = people.setdefault(who, one.line)
        if one.person and first != one.line:
            yield one.line, f"person: {one.person} is in line {first} already"


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""
