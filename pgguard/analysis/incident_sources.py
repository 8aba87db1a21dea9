"""What each source of evidence covers of an incident's window, and what could not be known because of it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.names import relation_name, shorten
from pgguard.analysis.read_audit import unseen
from pgguard.errors import Unread
from pgguard.model.incident import Source
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.model.incident import AuditSeen, Seen, Span, TableTold, Watch
    from pgguard.model.snapshot import Snapshot

_MOST = 10
_RIGHTS = ("GRANT", "REVOKE", "ALTER ROLE", "GRANT ROLE", "REVOKE ROLE", "DROP ROLE", "CREATE ROLE")
# sections without which an answer about rights is not one
_NEEDED = ("roles", "memberships", "acls", "relations", "columns", "row_policies", "definitions", "schemas")
# what a method cannot show by its nature is no gap in the evidence
_BY_NATURE = ("pgaudit does not see", "pgaudit is not loaded: reads are known by the text")


class Told(NamedTuple):
    """Sources, what could not be known (a sentence each), and what is to be kept in mind."""

    sources: tuple[Source, ...]
    unknown: tuple[str, ...]
    notes: tuple[str, ...]


def of_store(seen: Seen | None, reason: str, *, named: bool) -> Told:
    """What the observation store covers; `named` where names of its files may be told."""
    if seen is None:
        why = f": {reason}" if named else ""
        text = f"who was connected, from where, and what was read: there is no observation store{why}"
        return Told((Source("observation store", told=("not given",)),), (text,), ())
    unknown: list[str] = []
    notes: list[str] = []
    sources = []
    for name, watch, what in (
        ("log of connections", seen.logins, "who was connected"),
        ("log of reads and commands", seen.reading, "what was read, and which commands were given"),
    ):
        unknown += _gaps(watch, what)
        told = [] if watch.covered else ["nothing of the window is in the store"]
        if watch.unread_lines:
            told.append(f"{watch.unread_lines} lines could not be read")
        sources.append(Source(name, watch.covered, watch.gaps, tuple(told)))
    if not seen.reading.covered:
        unknown.append("that no read is known does not mean that nothing was read: reads were not recorded")
    if seen.looks.covered:
        text = "between two looks short sessions are not seen"
        sources.append(Source("looks at the server", seen.looks.covered, (), (text,)))
    if seen.logins.covered and not seen.logins.ends:
        unknown.append("how long sessions lasted: their ends were not logged (log_disconnections)")
    if seen.known_since:
        notes.append(
            f"what is new is judged by {seen.known_days} days of logs before the window, "
            f"the oldest of {seen.known_since}"
        )
    elif seen.sessions:
        unknown.append(
            "what is new about the sessions: no log of connections before the window is in the store"
        )
    if seen.left_out:
        unknown.append(f"{seen.left_out} groups of sessions, reads or commands more: narrow the question")
    return Told(tuple(sources), tuple(unknown), tuple(notes))


def of_server(
    snapshot: Snapshot | None, reason: str, seen: Seen | None, databases: Iterable[str], *, named: bool
) -> Told:
    """What the snapshot covers: rights as they are now, and what the log is set up to tell."""
    if snapshot is None:
        text = f"what the logins could reach, and what is encrypted: no server was looked at: {reason}"
        return Told((Source("server", told=(reason,)),), (text,), ())
    unknown: list[str] = []
    notes = [
        f"rights, row security and encryption are those of {snapshot.server.now}, "
        f"as {ident(snapshot.server.inspected_as)} could see them; that they were others before is known "
        "only as far as commands are logged"
    ]
    wanted = set(databases)
    for database, section, why in snapshot.all_missing():
        if section in _NEEDED and (database is None or database in wanted):
            where = f" of {ident(database)}" if database else ""
            unknown.append(f"{section}{where}" + (f": {why}" if named else ": could not be read"))
    if seen is not None:
        changed = sum(one.times for one in (*seen.commands, *seen.later) if one.command in _RIGHTS)
        if changed:
            unknown.append(f"what rights were before {changed} commands about them since the window began")
    try:
        for text in unseen(snapshot):
            if text.startswith(_BY_NATURE):
                notes.append(text)
            elif named or text.startswith("pgaudit is not loaded"):
                unknown.append(f"what the log of reads does not tell, as it is set up now: {text}")
            else:
                unknown.append(
                    "what the log of reads does not tell: some logins or databases are not recorded"
                )
    except Unread as why:
        unknown.append(
            f"what the log of reads leaves out: {why}" if named else "what the log of reads leaves out"
        )
    source = Source(
        "server", told=(f"PostgreSQL {snapshot.server.version}, looked at {snapshot.server.now}",)
    )
    return Told((source,), tuple(dict.fromkeys(unknown)), tuple(notes))


def of_audit(one: AuditSeen, since: str, until: str, snapshot: Snapshot, tables: Sequence[TableTold]) -> Told:
    """What the audit store of a database covers, and whether it is as it was sealed."""
    name = f"audit of {ident(one.database)}"
    if one.reason:
        text = f"what was changed in {ident(one.database)}, and deleted since: {one.reason}"
        return Told((Source(name, told=(one.reason,)),), (text,), ())
    unknown: list[str] = []
    told = [one.verified] if one.verified else []
    if one.sound is False:
        told.append(f"TAMPERED: first bad: {one.first_bad}")
        unknown.append(f"whether the audit of {ident(one.database)} tells the truth: {one.first_bad}")
    elif one.sound is None:
        unknown.append(f"whether the audit of {ident(one.database)} is as it was written: {one.verified}")
    notes = [text for text in one.doubts if text.startswith("no anchor")]
    notes += [f"alarms of the audit of {ident(one.database)}, not judged: {text}" for text in one.unjudged]
    unknown += [f"audit of {ident(one.database)}: {text}" for text in one.doubts if text not in notes]
    if one.since > since:
        unknown.append(f"what was changed in {ident(one.database)} before {one.since}: the audit began then")
    for rule, at, _, _ in one.alarms:
        if rule in ("audit-off", "audit-changed") and at < until:
            unknown.append(f"what was changed in {ident(one.database)} from {at} on: {rule}")
    bare = _not_audited(one, snapshot, tables)
    if bare:
        unknown.append(f"what was changed or deleted in {shorten(bare, _MOST)}: not audited")
    return Told((Source(name, told=tuple(told)),), tuple(unknown), tuple(notes))


def _not_audited(one: AuditSeen, snapshot: Snapshot, tables: Sequence[TableTold]) -> list[str]:
    database = next((each for each in snapshot.inspected if each.name == one.database), None)
    if database is None or {"audited_tables", "relations"} & set(database.missing()):
        return []
    intact = {each.relation for each in database.audited_tables if each.intact}
    names = {relation_name(each).removesuffix("_pgg1") for each in database.relations if each.oid in intact}
    return sorted({each.table for each in tables if each.database == one.database} - names)


def _gaps(watch: Watch, what: str) -> Iterator[str]:
    if not watch.covered:
        yield f"{what}: no log of the window is in the store"
        return
    for one in longest(watch.gaps):
        yield f"{what} from {one.since} to {one.until}: no line of a log is in the store"
    if len(watch.gaps) > _MOST:
        yield f"{what} in {len(watch.gaps) - _MOST} shorter gaps"
    if watch.unread_lines:
        yield f"{what}, as far as {watch.unread_lines} lines of the log tell it that could not be read"


def longest(gaps: Sequence[Span]) -> list[Span]:
    """The longest gaps, in the order of time."""

    def length(one: Span) -> float:
        parse = datetime.datetime.fromisoformat
        return (parse(one.until) - parse(one.since)).total_seconds()

    return sorted(sorted(gaps, key=length, reverse=True)[:_MOST])
