"""Who read what, for people and for programs."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from pgguard.model.quote import ident
from pgguard.model.reads import CommandSeen, ReadSeen
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.observe.reads import Ingested

# what each kind of evidence leaves open
_MEANING = {
    "pgaudit object": "pgaudit, by its reference role: one or more of the columns",
    "pgaudit session": "pgaudit, of the session: the relation, not the columns",
    "log_statement": "the text of the statement in the log: the columns that it names",
    "accessor": "the call of the function that opens the encrypted column",
}
_MOST = 20
# a cell that begins so is a formula to a spreadsheet
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_ingested(done: Ingested, notes: Sequence[str]) -> str:
    """What mining came to, and what it cannot tell."""
    lines = [f"{plural(done.lines, 'new line')} read"]
    for evidence, meaning in _MEANING.items():
        if evidence in done.reads:
            lines.append(f"  {plural(done.reads[evidence], 'reading statement')} by {meaning}")
    if not done.reads:
        lines.append("  no read of a sensitive column in them")
    for evidence, count in sorted(done.commands.items()):
        lines.append(f"  {plural(count, 'command')} about roles, privileges and definitions by {evidence}")
    if done.gaps:
        lines.append(f"  {plural(done.gaps, 'line')} could not be read: what they tell is not in the store")
    lines += [
        f"  {name}: the last record has no end yet; it is read the next time" for name in done.unfinished
    ]
    lines += [f"lost: {one}" for one in done.lost]
    lines += [f"note: {one}" for one in notes]
    return "\n".join(visible(one) for one in lines) + "\n"


def render_reads(reads: Iterable[ReadSeen]) -> str:
    """By login and relation: how often, when, from where, and by what evidence."""
    groups: dict[tuple[str, ...], _Group] = {}
    for one in reads:
        key = (one.login, one.identity, one.database, one.relation, one.evidence)
        groups.setdefault(key, _Group()).add(one)
    if not groups:
        return "no read is known in that window\n"
    lines = []
    for (login, identity, database, relation, evidence), group in sorted(groups.items()):
        who = ident(login) + (f" (authenticated as {identity})" if identity not in ("", login) else "")
        what = relation or "something that the log does not name"
        lines.append(f"{who} read {what} in {ident(database)}: {plural(group.times, 'time')}")
        lines.append(f"  {group.first} to {group.last}, {group.commands}, by {_MEANING[evidence]}")
        if group.columns:
            lines.append(f"  columns: {', '.join(map(ident, sorted(group.columns)))}")
        lines.append(f"  from {group.places}" + (f", {group.rows} rows" if group.rows >= 0 else ""))
    return "\n".join(visible(one) for one in lines) + "\n"


def render_commands(commands: Iterable[CommandSeen]) -> str:
    """Commands one by one."""
    lines = [
        f"{one.at} {ident(one.login)} {one.command}"
        + (f" {one.object}" if one.object else "")
        + f" in {ident(one.database)} from {one.address or 'local socket'} by {one.evidence}"
        for one in commands
    ]
    return "\n".join(map(visible, lines)) + "\n" if lines else "no command is known in that window\n"


def json_lines(rows: Iterable[ReadSeen | CommandSeen]) -> Iterator[str]:
    """One JSON object a line."""
    for one in rows:
        shown = one._asdict()
        if isinstance(one, ReadSeen):
            shown |= {"columns": list(one.columns), "rows": one.rows if one.rows >= 0 else None}
        yield msgspec.json.encode(shown).decode()


def csv_lines(rows: Iterable[ReadSeen | CommandSeen], fields: Sequence[str]) -> Iterator[str]:
    """CSV (RFC 4180) with a header; columns parted by spaces, unknown rows empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(fields)
    for one in rows:
        shown = one._asdict()
        if isinstance(one, ReadSeen):
            columns = " ".join(map(ident, one.columns))
            shown |= {"columns": columns, "rows": one.rows if one.rows >= 0 else ""}
        writer.writerow([_cell(shown[name]) for name in fields])
        yield buffer.getvalue().rstrip("\n")
        buffer.seek(0)
        buffer.truncate()
    yield from [buffer.getvalue().rstrip("\n")] if buffer.getvalue() else []


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    shown = visible(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


class _Group:
    def __init__(self) -> None:
        self.times = 0
        self.rows = 0
        self.first = self.last = ""
        self.columns: set[str] = set()
        self._commands: Counter[str] = Counter()
        self._places: Counter[str] = Counter()

    def add(self, one: ReadSeen) -> None:
        self.times += one.times
        self.rows = -1 if one.rows < 0 or self.rows < 0 else self.rows + one.rows
        self.first = min(self.first or one.at, one.at)
        self.last = max(self.last, one.at)
        self.columns.update(one.columns)
        self._commands[one.command or "a statement"] += one.times
        where = one.address or "local socket"
        self._places[f"{where} with {one.application}" if one.application else where] += one.times

    @property
    def commands(self) -> str:
        return _shown(self._commands)

    @property
    def places(self) -> str:
        return _shown(self._places)


def _shown(counted: Counter[str]) -> str:
    told = [f"{name} ({count})" for name, count in counted.most_common(_MOST)]
    more = len(counted) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")
