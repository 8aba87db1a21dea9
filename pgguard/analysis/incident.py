"""A breach file put together from what the sources told, in the order of GDPR art. 33(3).

For one controller everything is narrowed first, and only then put into words, so that no word can hold what
is another's.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.incident_bound import undeclared
from pgguard.analysis.incident_duties import communication, contacts, deadline
from pgguard.analysis.incident_measures import consequences, taken
from pgguard.analysis.incident_scope import is_from, person_of
from pgguard.analysis.incident_sessions import told as session_told
from pgguard.analysis.incident_sources import Told, of_audit, of_server, of_store
from pgguard.analysis.incident_tables import Most, tables, with_reads
from pgguard.analysis.usage.grants import named
from pgguard.errors import Unread
from pgguard.model.incident import Bound, Incident
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pgguard.analysis.incident_bound import Counts, Piles
    from pgguard.analysis.incident_controllers import Division
    from pgguard.analysis.incident_reach import Cell, Doubt, Reached
    from pgguard.analysis.incident_scope import Wanted
    from pgguard.model.incident import (
        Asked,
        AuditSeen,
        FailureGroup,
        Proposal,
        ReadGroup,
        Seen,
        SessionGroup,
        TableTold,
    )
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

# what makes rights of before more than those of now; the log of commands tells no more than the tag
_TAKEN_BACK = frozenset(
    {"REVOKE", "REVOKE ROLE", "DROP ROLE", "DROP OWNED", "REASSIGN OWNED", "ALTER TABLE", "DROP TABLE"}
    | {"DROP VIEW", "DROP MATERIALIZED VIEW", "DROP FUNCTION", "DROP SCHEMA", "DROP DATABASE"}
)
_SINCE = "since the window began"


class Facts(NamedTuple):
    """What was gathered of an incident; the reasons say why a source is not there.

    `cells` are all columns with personal data by database and table, `reached` those that the logins could
    reach; of `blind` databases nothing is known. `alert` is the first alert of the history that fits: when,
    and what it said.
    """

    asked: Asked
    made_at: str
    policy: Policy
    policy_digest: str
    snapshot: Snapshot | None
    no_snapshot: str
    seen: Seen | None
    no_store: str
    tables: frozenset[str]
    which: Wanted
    cells: Mapping[tuple[str, str], Sequence[Cell]]
    reached: tuple[Reached, ...]
    doubts: tuple[Doubt, ...]
    blind: frozenset[str]
    piles: Piles | None
    counts: Counts | None
    audits: tuple[AuditSeen, ...]
    proposals: tuple[Proposal, ...]
    alert: tuple[str, str] | None
    no_alert: str


def compose(facts: Facts, division: Division) -> Incident:
    """The file: the whole, or what of it is the chosen controller's."""
    seen = facts.seen
    strange = division.strangers(facts.reached)
    reads = [
        one
        for one in (seen.reads if seen else ())
        if one.login not in strange and _is_asked(facts, division, one)
    ]
    own = (one for one in facts.reached if one.login not in strange and division.takes_cell(one.cell))
    reached = tuple(one for one in with_reads(own, reads, facts.cells) if division.takes_cell(one.cell))
    told = tables(reached, reads, division, _most(facts), _views(facts))
    pairs = {(one.login, one.cell.database) for one in reached} | {(one.login, one.database) for one in reads}
    logins = {login for login, _ in pairs}
    databases = {database for _, database in pairs if database}
    sessions = [
        one for one in (seen.sessions if seen else ()) if _is_told(facts, division, one, pairs, logins)
    ]
    if division.is_whole:
        databases |= {one.database for one in sessions if one.database}
    unnamed = sum(one.statements for one in reads if not one.relation)
    evidence = list(_evidence(facts, division, databases, told))
    read, most = (_as_it_was(facts, one) for one in _bounds(facts, division, reached, told, unnamed))
    server = list(_taken(facts, sessions, databases))
    apart = {one.cell.table for one in facts.reached if one.login in strange} & division.tables
    unknown = [
        *_apart(sorted(apart)),
        *(one for one in server if one.startswith("whether ")),
        *_unknown(facts, division, sessions, reads, told, unnamed),
        *_of_bound(most),
    ]
    return Incident(
        made_at=facts.made_at,
        asked=_asked(facts.asked, division, sessions),
        server=facts.snapshot.target if facts.snapshot is not None else "",
        policy=facts.policy_digest,
        controller=division.chosen,
        sessions=tuple(session_told(one, seen, facts.policy) for one in sessions),
        failures=tuple(_failures(facts, division, logins, databases)),
        tables=told,
        unnamed_reads=unnamed,
        commands=tuple(
            one
            for one in (seen.commands if seen else ())
            if division.is_whole or _is_of(division, databases, logins, one.database, one.object)
        ),
        changes=tuple(
            one
            for audit in facts.audits
            for one in audit.changes
            if division.takes_table(audit.database, one.relation)
            and (not facts.tables or one.relation in facts.tables)
            and facts.which.takes(one.login, one.claimed, one.address)
        ),
        alarms=tuple(_alarms(facts, division, databases, logins)),
        persons=division.persons((one.database, one.table) for one in told),
        read_bound=read,
        bound=most,
        contacts=tuple(contacts(facts.policy, division)),
        consequences=consequences(column.category for one in told for column in one.columns),
        taken=tuple(server),
        proposals=tuple(_proposals(facts, division, logins, told)),
        deadline=deadline(facts.asked.noticed_at, facts.alert, facts.no_alert, facts.made_at),
        communication=tuple(communication(told)),
        sources=tuple(source for one in evidence for source in one.sources),
        notes=tuple(
            dict.fromkeys([*(note for one in evidence for note in one.notes), *_notes(facts, reached)])
        ),
        unknown=tuple(dict.fromkeys([*(text for one in evidence for text in one.unknown), *unknown])),
        others=_others(division),
    )


def _is_asked(facts: Facts, division: Division, one: ReadGroup) -> bool:
    if facts.tables and one.relation and one.relation not in facts.tables:
        return False
    if one.relation:
        return division.takes_table(one.database, one.relation)
    return division.takes_database(one.database)


def _is_told(
    facts: Facts,
    division: Division,
    one: SessionGroup,
    pairs: set[tuple[str, str]],
    logins: set[str],
) -> bool:
    """Whether sessions are the file's: all of them, or those that could reach what it is about."""
    if division.is_whole and not facts.tables:
        return True
    # where it was is not known: it could have been there
    return (one.login, one.database) in pairs or (not one.database and one.login in logins)


def _is_of(division: Division, databases: set[str], logins: set[str], database: str, name: str) -> bool:
    return database in databases and (name.strip('"') in logins or division.takes_table(database, name))


def _failures(
    facts: Facts, division: Division, logins: set[str], databases: set[str]
) -> Iterator[FailureGroup]:
    roles = facts.snapshot.roles if facts.snapshot and "roles" not in facts.snapshot.missing() else ()
    names = {one.name for one in roles} | logins
    for one in facts.seen.failures if facts.seen else ():
        if not division.is_whole and not (one.role in logins and one.database in databases):
            continue
        # who types a password in the place of a name has it in the log: only names of roles are repeated
        yield one if one.role in names else one._replace(role="")


def _alarms(facts: Facts, division: Division, databases: set[str], logins: set[str]) -> Iterator[str]:
    for audit in facts.audits:
        for rule, at, login, what in audit.alarms:
            if division.is_whole:
                yield f"{at} {rule}: {what} (by {login or 'nobody known'}, in {ident(audit.database)})"
            elif audit.database in databases and (
                login in logins or division.takes_table(audit.database, what)
            ):
                yield f"{at} {rule} in {ident(audit.database)}"


def _most(facts: Facts) -> Callable[[Cell], Most]:
    def most(cell: Cell) -> Most:
        if facts.piles is None or facts.counts is None:
            return Most(None, False, "no server was looked at")
        return Most(*facts.piles.amount(cell, facts.counts))

    return most


def _views(facts: Facts) -> Callable[[str, str], bool]:
    databases = {one.name: one for one in facts.snapshot.inspected} if facts.snapshot is not None else {}

    def is_view(database: str, name: str) -> bool:
        there = databases.get(database)
        if there is None or "relations" in there.missing():
            return False
        found = named(there, name)
        return found is not None and found.kind == "v"

    return is_view


def _bounds(
    facts: Facts, division: Division, reached: Sequence[Reached], told: Sequence[TableTold], unnamed: int
) -> tuple[Bound, Bound]:
    """The upper bounds over what was seen to be read, and over what could be reached."""
    if facts.piles is None or facts.counts is None:
        none = Bound(None, None, False, ("no server was looked at",))
        return none, none
    seen = facts.seen
    if not reached and (seen is None or not seen.logins.whole):
        none = Bound(None, None, False, ("which logins were there is not known",))
        return none, none
    blind = sorted(one for one in facts.blind if division.takes_database(one))
    if blind:
        none = Bound(None, None, False, (f"nothing is known of what {', '.join(map(ident, blind))} holds",))
        return none, none
    whole = facts.piles.bound((one.cell for one in reached), facts.counts)
    if seen is None or not seen.reading.covered:
        return Bound(None, None, False, ("reads were not recorded",)), whole
    if unnamed:
        return whole, whole
    names = {(one.database, one.table) for one in told if one.read}
    read = [one.cell for one in reached if (one.cell.database, one.cell.table) in names]
    return facts.piles.bound(read, facts.counts), whole


def _as_it_was(facts: Facts, found: Bound) -> Bound:
    """A bound by rights as they are now is none for a time before some were taken back."""
    commands = (*facts.seen.commands, *facts.seen.later) if facts.seen is not None else ()
    count = sum(one.times for one in commands if one.command in _TAKEN_BACK)
    if not count or found.records is None:
        return found
    why = f"{count} commands {_SINCE} took rights back or dropped something: more may have been within reach"
    return dataclasses.replace(found, exact=False, basis=(*found.basis, why))


def _apart(tables: Sequence[str]) -> Iterator[str]:
    for table in tables:
        yield (
            f"whether logins of others saw rows of this controller in {table}: row security sets them apart, "
            "and its conditions were not judged"
        )


def _of_bound(most: Bound) -> Iterator[str]:
    if most.records is None or most.persons is None:
        yield f"how many records and persons are concerned at most: {'; '.join(most.basis)}"
    elif not most.exact:
        why = most.basis[-1] if _SINCE in most.basis[-1] else "estimates of the planner are in it"
        yield f"how many records and persons are concerned at most: the figure is no upper bound: {why}"


def _evidence(
    facts: Facts, division: Division, databases: set[str], told: Sequence[TableTold]
) -> Iterator[Told]:
    named = division.is_whole
    yield of_store(facts.seen, facts.no_store, named=named)
    yield of_server(facts.snapshot, facts.no_snapshot, facts.seen, databases, named=named)
    if facts.snapshot is None:
        return
    looked_at = {one.database for one in facts.audits}
    for one in facts.audits:
        if named or one.database in databases:
            yield of_audit(one, facts.asked.since, facts.asked.until, facts.snapshot, told)
    for database in sorted(databases - looked_at):
        yield Told((), (f"what was changed in {ident(database)}: its audit was not looked at",), ())


def _unknown(
    facts: Facts,
    division: Division,
    sessions: Iterable[SessionGroup],
    reads: Sequence[ReadGroup],
    told: Iterable[TableTold],
    unnamed: int,
) -> Iterator[str]:
    for login in dict.fromkeys(one.login for one in sessions if not one.identity):
        if not person_of(facts.policy, login):
            yield f"who is behind {ident(login)}: no identity was logged, and the policy declares nobody"
    nameless = facts.seen.nameless if facts.seen is not None else 0
    if nameless or any(not one.login for one in reads):
        yield "who read: of some statements the log does not tell the login" + (
            f"; {nameless} of them are left out" if nameless else ""
        )
    if unnamed:
        yield f"what {unnamed} statements read: the log does not name it"
    for table in told:
        name = f"{table.table} in {ident(table.database)}"
        if table.rows_unknown:
            yield f"how many rows {table.rows_unknown} statements gave of {name}: the log does not tell"
        unsure = [one.name for one in table.columns if one.read in ("unknown", "among")]
        if unsure:
            yield f"which columns of {name} were read: of {len(unsure)} it may be any"
        if table.rows_limited:
            yield f"which rows of {name} row security showed: the whole table is counted"
        keys = [one.name for one in table.columns if one.key == "unknown"]
        if keys:
            yield f"whether the logins could open {', '.join(keys)} of {name}"
    for doubt in facts.doubts:
        about = division.takes_table(doubt.database, doubt.table) if doubt.table else None
        if about or (about is None and division.takes_database(doubt.database)):
            yield doubt.text + (f": {doubt.reason}" if doubt.reason and division.is_whole else "")


def _taken(facts: Facts, sessions: Sequence[SessionGroup], databases: set[str]) -> Iterator[str]:
    if facts.snapshot is None:
        return
    commands = (*facts.seen.commands, *facts.seen.later) if facts.seen is not None else ()
    try:
        yield from taken(facts.snapshot, sessions, commands, databases)
    except Unread as unread:
        yield f"whether the logins can still log in is not known: {unread}"


def _proposals(
    facts: Facts, division: Division, logins: set[str], told: Sequence[TableTold]
) -> Iterator[Proposal]:
    for one in facts.proposals:
        if _concerns(one, logins, told):
            # evidence and fix of what is shared can name others
            yield one if division.is_whole else dataclasses.replace(one, evidence="", fix="")


def _concerns(one: Proposal, logins: set[str], told: Iterable[TableTold]) -> bool:
    if one.kind == "role":
        return one.name in {ident(login) for login in logins}
    return any(
        one.database == table.database and (one.name == table.table or one.name.startswith(f"{table.table}."))
        for table in told
    )


def _asked(asked: Asked, division: Division, sessions: Sequence[SessionGroup]) -> Asked:
    """The question; in the file of one controller without names that are not in it."""
    if division.is_whole:
        return asked
    told = {one.login for one in sessions}
    places = tuple(one for one in asked.addresses if any(is_from(one, each.address) for each in sessions))
    return dataclasses.replace(
        asked,
        roles=tuple(one for one in asked.roles if one in told),
        tables=(),
        person=asked.person if sessions else "",
        addresses=places,
    )


def _notes(facts: Facts, reached: Sequence[Reached]) -> Iterator[str]:
    if facts.asked.assumed_utc:
        yield "a time without a zone was given: it is taken to be UTC"
    if facts.asked.tables:
        yield "only some tables are asked for: the logins may have reached more"
    for database in undeclared(facts.policy, (one.cell for one in reached)):
        yield (
            f"in {ident(database)} no table of persons is declared ([[data_subject]]): each row is taken to "
            "be somebody else"
        )
    yield "a row can tell of third persons in free text, and one row given can hold what was taken from many"


def _others(division: Division) -> str:
    if division.is_whole:
        return ""
    said = []
    if division.has_others:
        said.append("data of other controllers may be concerned; they are told apart")
    if division.has_nobodys:
        said.append("data that the register gives to no controller are concerned too: whose they are is open")
    return "; ".join(said)
