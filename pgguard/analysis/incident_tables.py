"""Tables of a breach file: what was read of them and by whom, and what could have been."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.incident_reach import Reached
from pgguard.model.incident import ColumnTold, TableTold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pgguard.analysis.incident_controllers import Division
    from pgguard.analysis.incident_reach import Cell
    from pgguard.model.incident import ReadGroup

Key = tuple[str, str]
_ACCESSOR = "accessor"
# the most telling first
_CERTAINTY = ("named", "among", "unknown")
_KEYS = ("opened", "yes", "unknown", "no", "")


class Most(NamedTuple):
    """At most so many rows of a table, None where not known."""

    rows: int | None
    exact: bool
    basis: str


def with_reads(
    reached: Iterable[Reached], reads: Iterable[ReadGroup], cells: Mapping[Key, Sequence[Cell]]
) -> tuple[Reached, ...]:
    """What could be reached, and what was read though rights as they are now do not let it."""
    found = {(one.login, one.cell.database, one.cell.table, one.cell.column): one for one in reached}
    for read in reads:
        for cell in cells.get((read.database, read.relation), ()):
            key = (read.login, cell.database, cell.table, cell.column)
            if key not in found and (not read.columns or cell.column in read.columns):
                secret = "" if cell.keeping == "clear" else "unknown"
                found[key] = Reached(read.login, cell, "not by its rights as they are now", False, secret)
    return tuple(found.values())


def tables(
    reached: Iterable[Reached],
    reads: Iterable[ReadGroup],
    division: Division,
    most: Callable[[Cell], Most],
    views: Callable[[str, str], bool],
) -> tuple[TableTold, ...]:
    """The tables, those that were read first; `views` tells whether a relation is one that stores nothing."""
    of_reach: dict[Key, list[Reached]] = defaultdict(list)
    of_reads: dict[Key, list[ReadGroup]] = defaultdict(list)
    for one in reached:
        if division.takes_cell(one.cell):
            of_reach[one.cell.database, one.cell.table].append(one)
    for read in reads:
        if read.relation and division.takes_table(read.database, read.relation):
            of_reads[read.database, read.relation].append(read)
    keys = sorted({*of_reach, *of_reads}, key=lambda key: (key not in of_reads, key))
    return tuple(_table(key, of_reach[key], of_reads[key], division, most, views) for key in keys)


def _table(
    key: Key,
    reached: list[Reached],
    reads: list[ReadGroup],
    division: Division,
    most: Callable[[Cell], Most],
    views: Callable[[str, str], bool],
) -> TableTold:
    statements, commands = _statements(reads)
    known = _rows(reads)
    if reached:
        amount = most(reached[0].cell)
    elif views(*key):
        amount = Most(None, True, "a view: its rows are those of the tables below it")
    else:
        amount = Most(None, False, "no table of that name holds personal data on the server now")
    return TableTold(
        database=key[0],
        table=key[1],
        logins=tuple(sorted({one.login for one in reached} | {one.login for one in reads})),
        read=bool(reads),
        statements=statements,
        commands=tuple(sorted(commands.items())),
        evidence=tuple(sorted({one.evidence for one in reads})),
        first=min((one.first for one in reads), default=""),
        last=max((one.last for one in reads), default=""),
        rows_given=known[0],
        rows_unknown=known[1],
        columns=tuple(_columns(key, reached, reads, division)),
        rows_limited=bool(reached) and all(one.limited for one in reached),
        shared=division.is_shared(*key),
        at_most=amount.rows,
        exact=amount.exact,
        basis=amount.basis,
    )


def _statements(reads: Iterable[ReadGroup]) -> tuple[int, Counter[str]]:
    """How many statements there were, and which: what two kinds of evidence tell is told once."""
    told: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in reads:
        told[one.login, one.evidence][one.command or "a statement"] += one.statements
    best: dict[str, Counter[str]] = {}
    for (login, _), counted in sorted(told.items()):
        if login not in best or counted.total() > best[login].total():
            best[login] = counted
    together: Counter[str] = Counter()
    for counted in best.values():
        together += counted
    return together.total(), together


def _rows(reads: Iterable[ReadGroup]) -> tuple[int, int]:
    """The rows that statements gave, and how many statements gave an unknown number."""
    told: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for one in reads:
        if one.evidence == _ACCESSOR:
            continue
        rows = told[one.login].setdefault(one.evidence, [0, 0])
        rows[0] += one.rows
        rows[1] += one.unknown
    given = sum(max(rows[0] for rows in kinds.values()) for kinds in told.values())
    return given, sum(min(rows[1] for rows in kinds.values()) for kinds in told.values())


def _columns(
    key: Key, reached: Iterable[Reached], reads: Sequence[ReadGroup], division: Division
) -> Iterator[ColumnTold]:
    by_name: dict[str, list[Reached]] = {}
    for one in reached:
        by_name.setdefault(one.cell.column, []).append(one)
    opened = {(one.login, name) for one in reads if one.evidence == _ACCESSOR for name in one.columns}
    for name, ways in by_name.items():
        cell = ways[0].cell
        secret = min((one.key for one in ways), key=_KEYS.index)
        yield ColumnTold(
            name=name,
            category=cell.category,
            read=_read(name, reads),
            keeping=cell.keeping,
            # who has no right to open it gets a mask by the same call
            key="opened" if any((one.login, name) in opened and one.key == "yes" for one in ways) else secret,
            way="; ".join(sorted({one.way for one in ways})),
        )
    named = {name for one in reads for name in one.columns if one.certainty == "named"} - by_name.keys()
    for name in sorted(named):
        if division.takes_column(*key, name):
            yield ColumnTold(name, "", "named", "unknown", "", "it was read")


def _read(column: str, reads: Iterable[ReadGroup]) -> str:
    found = {one.certainty for one in reads if column in one.columns or not one.columns}
    return next((one for one in _CERTAINTY if one in found), "no")
