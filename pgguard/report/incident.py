"""The breach file in the order of GDPR art. 33(3): sections of short lines, for people and for programs.

Facts, what is at most, and what could not be known stand apart. What no source can tell is left to fill in.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pgguard.model.incident import LOCAL
from pgguard.model.quote import ident
from pgguard.report.register import NOT_DECLARED
from pgguard.report.register import _markdown as escaped
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.model.incident import (
        Bound,
        ColumnTold,
        FailureGroup,
        Incident,
        SessionTold,
        Span,
        TableTold,
    )

_MOST = 200
_TO_FILL_IN = "to be stated"
_JUDGE = "to be judged by a person"


class Section(NamedTuple):
    """A part of the file: the article that asks for it (empty: none), its heading and its lines."""

    article: str
    title: str
    lines: tuple[str, ...]


def render(file: Incident) -> str:
    """The file for a terminal."""
    lines = [_title(file), *_head(file)]
    for one in sections(file):
        number = f"art. {one.article}  " if one.article else ""
        lines += ["", f"{number}{one.title}", *(f"  {line}" for line in one.lines)]
    return "\n".join(visible(line) for line in lines) + "\n"


def render_markdown(file: Incident) -> str:
    """The file as Markdown."""
    lines = [f"# {escaped(_title(file))}", "", *(f"{escaped(line)}  " for line in _head(file))]
    for one in sections(file):
        number = f" (art. {one.article})" if one.article else ""
        lines += ["", f"## {one.title}{number}", "", *map(_bullet, one.lines)]
    return "\n".join(lines) + "\n"


def _bullet(line: str) -> str:
    return f"{'  ' if line.startswith('  ') else ''}- {escaped(line.strip())}"


def render_json(file: Incident) -> str:
    """The file as JSON: the fields of `model.incident.Incident`; null stands for what is not known."""
    return msgspec.json.format(msgspec.json.encode(_plain(file)), indent=1).decode() + "\n"


def sections(file: Incident) -> Iterator[Section]:
    """The parts of the file in order."""
    yield Section("33(1)", "72 hours", tuple(_deadline(file)))
    yield Section("33(3)(a)", "Nature of the breach: sessions", tuple(_sessions(file)))
    yield Section("33(3)(a)", "Nature of the breach: what was read", tuple(_read(file)))
    yield Section("33(3)(a)", "Within reach, and not seen to be read", tuple(_reachable(file)))
    yield Section("33(3)(a)", "Nature of the breach: what was changed", tuple(_changed(file)))
    yield Section("33(3)(a)", "Persons and records concerned", tuple(_numbers(file)))
    yield Section("33(3)(b)", "Data protection officer, or another contact", tuple(_contacts(file)))
    yield Section("33(3)(c)", f"Likely consequences ({_JUDGE})", tuple(_consequences(file)))
    yield Section("33(3)(d)", "Measures taken", (*file.taken, f"other measures: {_TO_FILL_IN}"))
    yield Section("33(3)(d)", "Measures proposed", tuple(_proposed(file)))
    words = (*file.communication, f"communication to the persons: {_JUDGE}")
    yield Section("34", "Communication to the persons", words)
    yield Section("33(5)", "Evidence", tuple(_evidence(file)))
    unknown = tuple(f"could not be known: {one}" for one in file.unknown)
    yield Section("33(4)", "What could not be known", unknown or ("everything that was asked is covered",))


def _title(file: Incident) -> str:
    whose = f" for {file.controller}" if file.controller else ""
    return f"Personal data breach, file of art. 33 of the GDPR{whose}"


def _head(file: Incident) -> Iterator[str]:
    asked = file.asked
    yield f"from {asked.since} to {asked.until}, made {file.made_at}" + (
        f", server {file.server}" if file.server else ""
    )
    only = [
        *(f"role {ident(one)}" for one in asked.roles),
        *(f"table {one}" for one in asked.tables),
        *([f"person {asked.person}"] if asked.person else []),
        *(f"address {one}" for one in asked.addresses),
    ]
    if only:
        yield f"only {', '.join(only)}"
    if file.policy:
        yield f"register of processing: sha256 {file.policy}"
    if file.others:
        yield file.others


def _deadline(file: Incident) -> Iterator[str]:
    found = file.deadline
    if found.hours_left is None:
        yield f"noticed: {found.source or _TO_FILL_IN}"
    else:
        left = (
            f"{found.hours_left:.1f} hours left"
            if found.hours_left >= 0
            else f"overdue by {-found.hours_left:.1f} hours: give the reasons for the delay"
        )
        yield f"noticed {found.noticed_at} ({found.source})"
        yield f"to be notified until {found.until}: {left}"
    yield "a processor notifies the controller without undue delay (art. 33(2))"
    yield "what is not known yet may follow in phases (art. 33(4))"


def _sessions(file: Incident) -> Iterator[str]:
    yield from _some([_session(one) for one in file.sessions])
    if not file.sessions:
        yield "no session is known: see what could not be known"
    yield from _some([_failure(one) for one in file.failures])


def _session(one: SessionTold) -> str:
    who = ident(one.login) if one.login else "a login that is not known"
    names = [one.person] if one.person else []
    names += [f"authenticated as {one.identity}"] if one.identity not in ("", one.login) else []
    told = [
        who + (f" ({', '.join(names)})" if names else ""),
        f"from {one.address or LOCAL}",
        f"with {one.application or 'no application name'}",
        "TLS" if one.tls else "no TLS known" if one.address else "",
        f"in {ident(one.database) if one.database else 'a database that is not known'}",
    ]
    when = f"{plural(one.sessions, 'session')}, {one.first} to {one.last}"
    ends = f", {one.open} without a known end" if one.open else ""
    example = f" (session {one.example})" if one.example else ""
    new = f"; NEW: {', '.join(one.new)}" if one.new else ""
    return f"{', '.join(part for part in told if part)}: {when}{ends}{example}{new}"


def _failure(one: FailureGroup) -> str:
    who = f"of {ident(one.role)}" if one.role else "of names that are no roles"
    return (
        f"refused: {plural(one.times, 'login')} {who} from {one.address or LOCAL}, "
        f"{one.first} to {one.last}" + (f" (SQLSTATE {one.sqlstate})" if one.sqlstate else "")
    )


def _read(file: Incident) -> Iterator[str]:
    for one in file.tables:
        if one.read:
            yield from _table(one)
    if file.unnamed_reads:
        yield f"{plural(file.unnamed_reads, 'statement')} read something that the log does not name"
    if not any(one.read for one in file.tables) and not file.unnamed_reads:
        yield "no read is known; whether that means anything is told under what could not be known"


def _table(one: TableTold) -> Iterator[str]:
    commands = ", ".join(f"{name} {count}" for name, count in one.commands)
    given = f"{one.rows_given:,} rows given" if one.rows_given or not one.rows_unknown else "rows not known"
    more = (
        f", of {plural(one.rows_unknown, 'statement')} not known"
        if one.rows_given and one.rows_unknown
        else ""
    )
    logins = ", ".join(map(ident, filter(None, one.logins)))
    yield (
        f"{one.table} in {ident(one.database)} by {logins or 'a login that is not known'}: "
        f"{plural(one.statements, 'statement')} ({commands}), {one.first} to {one.last}, {given}{more}; "
        f"by {', '.join(one.evidence)}" + _shared(one)
    )
    for words, kinds in (
        ("columns read", ("named",)),
        ("one or more of", ("among",)),
        ("perhaps read", ("unknown",)),
        ("within reach besides", ("no",)),
    ):
        names = [_column(each) for each in one.columns if each.read in kinds]
        if names:
            yield f"  {words}: {', '.join(names)}"


def _reachable(file: Incident) -> Iterator[str]:
    rest = [one for one in file.tables if not one.read]
    lines = [
        f"{one.table} in {ident(one.database)} by {', '.join(map(ident, one.logins))}: "
        + ", ".join(_column(each) for each in one.columns)
        + _shared(one)
        for one in rest
    ]
    yield from _some(lines)
    if not rest:
        yield "no other table with personal data is known to have been within reach"


def _column(one: ColumnTold) -> str:
    name, category, keeping, key = one.name, one.category, one.keeping, one.key
    said = [category] if category else []
    if keeping != "clear" and category:
        said.append({"encrypted": "encrypted", "hashed": "hashed"}.get(keeping, "perhaps encrypted"))
        words = {
            "no": "no right to open it",
            "yes": "could open it",
            "opened": "opened",
            "unknown": "key not known of",
        }
        said.append(words.get(key, "key not known of"))
    return f"{ident(name)} ({', '.join(said)})" if said else ident(name)


def _shared(one: TableTold) -> str:
    return "; it holds data of other controllers too: figures are of the whole table" if one.shared else ""


def _changed(file: Incident) -> Iterator[str]:
    yield from _some(
        [
            f"{one.relation}: {one.verb}, {plural(one.rows, 'row')} by {ident(one.login)}"
            + (f" ({one.claimed})" if one.claimed not in ("", one.login) else "")
            + f" from {one.address or LOCAL}, {one.first} to {one.last}"
            for one in file.changes
        ]
    )
    yield from _some(
        [
            f"command {one.command} {one.object}".rstrip()
            + f" in {ident(one.database) if one.database else 'a database that is not known'} by "
            f"{ident(one.login) if one.login else 'a login that is not known'}, {one.first}, "
            f"{plural(one.times, 'time')}"
            for one in file.commands
        ]
    )
    yield from _some([f"alarm of the audit: {one}" for one in file.alarms])
    if not (file.changes or file.commands or file.alarms):
        yield "no change is known"


def _numbers(file: Incident) -> Iterator[str]:
    yield f"categories of persons: {', '.join(file.persons) or NOT_DECLARED}"
    read = Counter(each.category for one in file.tables for each in one.columns if each.read != "no")
    reach = {each.category for one in file.tables for each in one.columns}
    yield f"categories of data read, or perhaps read: {', '.join(sorted(filter(None, read))) or 'none known'}"
    yield f"categories of data within reach: {', '.join(sorted(filter(None, reach))) or 'none known'}"
    rows = sum(one.rows_given for one in file.tables)
    if rows:
        yield f"at least: {rows:,} rows were given, which may repeat; at least 1 person"
    else:
        yield "at least: not known"
    yield _bound("at most, of the tables seen to be read", file.read_bound)
    yield _bound("at most, of all that was within reach", file.bound)
    for basis in file.bound.basis if file.bound is not None else ():
        yield f"  {basis}"


def _bound(words: str, found: Bound | None) -> str:
    if found is None or (found.records is None and found.persons is None):
        return f"{words}: not known" + (f" ({'; '.join(found.basis)})" if found is not None else "")
    records = "not known" if found.records is None else f"{found.records:,}"
    persons = "not known" if found.persons is None else f"{found.persons:,}"
    sure = "" if found.exact else " (no upper bound: see below)"
    return f"{words}: {persons} persons, {records} records{sure}"


def _contacts(file: Incident) -> Iterator[str]:
    for one in file.contacts:
        yield (
            f"{one.role} {one.name}: data protection officer {one.dpo or NOT_DECLARED}, "
            f"contact {one.contact or NOT_DECLARED}"
            + (f", represented by {one.representative}" if one.representative else "")
        )
    if not file.contacts:
        yield NOT_DECLARED


def _consequences(file: Incident) -> Iterator[str]:
    for one in file.consequences:
        yield f"{one.category}: {one.words} ({one.source})"
    yield f"others, and their severity: {_TO_FILL_IN}"


def _proposed(file: Incident) -> Iterator[str]:
    lines = []
    for one in file.proposals:
        where = f" in {ident(one.database)}" if one.database else ""
        lines.append(f"{one.check} ({one.severity}), {one.name}{where}: {one.evidence or one.title}")
        if one.fix:
            lines.append(f"  fix: {one.fix}")
    yield from _some(lines)
    yield f"measures against effects on the persons: {_TO_FILL_IN}"


def _evidence(file: Incident) -> Iterator[str]:
    for one in file.sources:
        covered = f"covered {_spans(one.covered)}" if one.covered else ""
        gaps = f"gaps {_spans(one.gaps)}" if one.gaps else ""
        yield f"{one.name}: {'; '.join(part for part in (covered, gaps, *one.told) if part)}"
    yield from (f"note: {one}" for one in file.notes)


def _spans(spans: Sequence[Span]) -> str:
    told = ", ".join(f"{one.since} to {one.until}" for one in spans[:10])
    return told + (f" and {len(spans) - 10} more" if len(spans) > 10 else "")


def _some(lines: Sequence[str]) -> Iterable[str]:
    yield from lines[:_MOST]
    if len(lines) > _MOST:
        yield f"and {len(lines) - _MOST} more: see --format json"


def _plain(value: object) -> object:
    """Values of the model as JSON has them: named tuples as objects."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: _plain(one) for name, one in zip(value._fields, value, strict=True)}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
