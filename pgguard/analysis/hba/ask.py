"""Questions about pg_hba.conf as people write them: mistakes are said, with the names that are near."""

from __future__ import annotations

import csv
import difflib
import io
import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.addresses import single
from pgguard.analysis.admission import obstacles
from pgguard.analysis.hba.explain import Connection, first_match, passed_over
from pgguard.analysis.hba.index import REPLICATION
from pgguard.analysis.hba.rules import LOCAL, PLAIN, SOCKET, TLS, doubt
from pgguard.errors import UsageError
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.analysis.addresses import Addresses
    from pgguard.analysis.hba.decisions import Entry
    from pgguard.analysis.hba.explain import Match, Passed
    from pgguard.model.snapshot import Snapshot

COLUMNS = ("user", "database", "address", "tls")
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1", "tls"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0", ""})
# how people write the socket: ours, and that of the server's log
_SOCKET = frozenset({"local", "[local]"})
_MOST_PROBLEMS = 10


class Asked(NamedTuple):
    """A question as it was written."""

    user: str
    database: str
    address: str
    tls: bool


class Row(NamedTuple):
    """A row of a batch: its cells as they were written, and the question, or what is wrong with it."""

    cells: tuple[str, ...]
    asked: Asked | None
    problem: str = ""


class Explained(NamedTuple):
    """The answer to one question: what decides, what did not, and what keeps the login out all the same."""

    asked: Asked
    match: Match
    passed: tuple[Passed, ...]
    obstacles: tuple[str, ...]
    unknown: tuple[str, ...]


def explain(snapshot: Snapshot, asked: Asked, *, replication: bool = False) -> Explained:
    """What pg_hba.conf does with one connection.

    Raises `UsageError` for a role, database or address that does not exist, and `Unread` when the rules
    could not be read.
    """
    problems = list(_unknown_names(snapshot, asked, replication=replication))
    if problems:
        raise UsageError("; ".join(problems))
    connection = _connection(snapshot, asked, replication=replication)
    match = first_match(snapshot, connection)
    role = snapshot.role(asked.user)
    why: Iterable[str] = ()
    if match.rule is not None and role is not None:
        why = obstacles(snapshot, role, connection.database, match.rule)
    return Explained(asked, match, passed_over(snapshot, connection), tuple(why), unknowns(snapshot))


def unknowns(snapshot: Snapshot) -> tuple[str, ...]:
    """What an answer about pg_hba.conf rests on that could not be known, in words."""
    found = []
    reason = doubt(snapshot)
    if reason:
        found.append(f"which rules are in force: {reason}")
    missing = snapshot.missing()
    if "verifiers" in missing:
        found.append(f"who has a password ({missing['verifiers']}): each login is taken to have one")
    if "hba_quotes" in missing:
        found.append(
            f"which words of pg_hba.conf are quoted ({missing['hba_quotes']}): none is taken to be one"
        )
    return tuple(found)


def read_batch(text: str, file: str) -> list[Row]:
    """The questions of a CSV file of user, database, address, tls, with or without a heading.

    Raises `UsageError` when there is no question in it, or a column is missing.
    """
    lines = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    order = list(range(len(COLUMNS)))
    heading = [cell.strip().lower() for cell in lines[0]] if lines else []
    if {"user", "database"} <= set(heading):
        del lines[0]
        absent = [name for name in COLUMNS[:3] if name not in heading]
        if absent:
            msg = f"{file}: there is no column {absent[0]}: the columns are {', '.join(COLUMNS)}"
            raise UsageError(msg)
        order = [heading.index(name) if name in heading else len(heading) for name in COLUMNS]
    if not lines:
        msg = f"{file}: there is no question in it: write rows of {','.join(COLUMNS)}"
        raise UsageError(msg)
    return [_row(tuple(line[at].strip() if at < len(line) else "" for at in order)) for line in lines]


def answer_batch(snapshot: Snapshot, rows: Iterable[Row]) -> tuple[list[Match | None], list[str]]:
    """The answers row by row, and what is wrong with rows, numbered from 1.

    A role or database that does not exist is answered for as the server would do, and said.
    """
    answers: list[Match | None] = []
    problems: list[str] = []
    for number, (_, asked, problem) in enumerate(rows, 1):
        answers.append(None)
        wrong = [problem] if asked is None else list(_unknown_names(snapshot, asked))
        if asked is not None:
            try:
                answers[-1] = first_match(snapshot, _connection(snapshot, asked))
            except UsageError as error:
                wrong.append(str(error))
        problems += [f"row {number}: {text}" for text in wrong]
    if len(problems) > _MOST_PROBLEMS:
        problems[_MOST_PROBLEMS:] = [f"and {len(problems) - _MOST_PROBLEMS} more"]
    return answers, problems


def _row(cells: tuple[str, ...]) -> Row:
    if not all(cells[:3]):
        return Row(cells, None, f"a question is {', '.join(COLUMNS)}, and only tls may be left empty")
    flag = cells[3].lower()
    if flag not in _TRUE | _FALSE:
        return Row(cells, None, f"tls is {cells[3]}: write true or false")
    user, database, address, _ = cells
    return Row(cells, Asked(user, database, address, flag in _TRUE))


def _connection(snapshot: Snapshot, asked: Asked, *, replication: bool = False) -> Connection:
    address = parse_address(asked.address)
    way = LOCAL if address == SOCKET else TLS if asked.tls else PLAIN
    database = asked.database
    if replication or (database == "replication" and database not in _databases(snapshot)):
        database = REPLICATION
    return Connection(asked.user, database, way, address)


def parse_address(text: str) -> Addresses:
    """One client's address, or the socket.

    Raises `UsageError` for anything else.
    """
    if text.lower() in _SOCKET:
        return SOCKET
    try:
        return single(text)
    except ValueError:
        pass
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        near = difflib.get_close_matches(text.lower(), ["local", "localhost"], 1, 0.7)
        hint = {"local": "did you mean local?", "localhost": "did you mean 127.0.0.1, ::1 or local?"}
        fallback = "write an IPv4 or IPv6 address such as 10.20.1.5, or local for the socket"
        msg = f"{text} is no address: {hint[near[0]] if near else fallback}"
        raise UsageError(msg) from None
    msg = f"{text} is a network: ask for one address of it, such as {network[-1]}"
    raise UsageError(msg)


def into(snapshot: Snapshot, entries: Iterable[Entry], databases: Iterable[str]) -> tuple[Entry, ...]:
    """The parts of entries that lead into some databases.

    Raises `UsageError` for a database that does not exist.
    """
    wanted = set(databases)
    for name in wanted - _databases(snapshot):
        raise UsageError(_unknown("database", name, _databases(snapshot)))
    return tuple(
        entry._replace(databases=tuple(name for name in entry.databases if name in wanted))
        for entry in entries
        if wanted.intersection(entry.databases)
    )


def _databases(snapshot: Snapshot) -> frozenset[str]:
    known: frozenset[str] | None = snapshot._memo.get("database names")
    if known is None:
        known = snapshot._memo["database names"] = frozenset(row.name for row in snapshot.databases)
    return known


def _unknown_names(snapshot: Snapshot, asked: Asked, *, replication: bool = False) -> Iterator[str]:
    if snapshot.role(asked.user) is None:
        yield _unknown("role", asked.user, (role.name for role in snapshot.roles if not role.predefined))
    databases = _databases(snapshot)
    if not replication and asked.database != "replication" and asked.database not in databases:
        yield _unknown("database", asked.database, databases)


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), [one.lower() for one in names], 3, 0.6)
    meant = [ident(one) for one in names if one.lower() in near]
    if meant:
        return f"there is no {kind} {name}: did you mean {' or '.join(meant)}?"
    listed = ", ".join(ident(one) for one in names[:8]) + (" ..." if len(names) > 8 else "")
    return f"there is no {kind} {name}: there are {listed}"
