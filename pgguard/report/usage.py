"""What was learnt of statements: what is used, what is held and not used, and what could not be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pgguard.analysis.membership import superusers
from pgguard.analysis.names import relation_name, shorten
from pgguard.analysis.privileges import PRIVILEGES, holder_names, of_relation
from pgguard.model.quote import grantee, ident
from pgguard.model.rows import PUBLIC
from pgguard.model.usage import WHOLE
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.usage.evidence import Evidence, Unused
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot
    from pgguard.model.usage import Unattributed, Used

_MOST = 20
_ORDER = {"relation": 0, "sequence": 1, "function": 2, "schema": 3, "database": 4}


class _Line:
    """One operation on one object: its columns, when it was seen and how often."""

    def __init__(self) -> None:
        self.columns: dict[str, None] = {}
        self.times = 0
        self.first = self.last = ""

    def add(self, used: Used) -> None:
        # a statement that names three columns is one use, not three
        self.times = max(self.times, used.times)
        self.first = min(self.first or used.first_at, used.first_at)
        self.last = max(self.last, used.last_at)
        if used.need.column not in ("", WHOLE):
            self.columns.setdefault(ident(used.need.column))


def render(evidence: Evidence) -> str:
    """For people, on a terminal or in a file."""
    return "\n".join(visible(one) for one in _lines(evidence)) + "\n"


def render_json(evidence: Evidence) -> str:
    """For programs: the same, with every row."""
    shown = {
        "window": evidence.window._asdict() | {"needed": evidence.policy.observation.learn_days},
        "used": [
            {
                "database": one.database,
                **one.need._asdict(),
                "first_at": one.first_at,
                "last_at": one.last_at,
                "times": one.times,
                "source": one.source,
            }
            for one in evidence.seen.usage
        ],
        "unused": [
            {
                "database": one.database.name,
                "grantee": one.grantee,
                "on": one.granted.on,
                "column": one.granted.column,
                "privileges": one.privileges,
                "kept_because": one.blocked,
            }
            for one in evidence.unused()
        ],
        "not_attributable": [
            {
                "database": one.database,
                **one.gap._asdict(),
                "first_at": one.first_at,
                "last_at": one.last_at,
                "times": one.times,
                "source": one.source,
            }
            for one in evidence.seen.usage_gaps
        ],
    }
    return msgspec.json.format(msgspec.json.encode(shown), indent=1).decode() + "\n"


def _lines(evidence: Evidence) -> Iterator[str]:
    window, enough = evidence.window, evidence.policy.observation.learn_days
    if not window.days:
        yield "No statements were seen: give logs with --log, or install pg_stat_statements"
    else:
        yield f"Statements were seen on {plural(window.days, 'day')}, {window.since} to {window.until}"
    if window.days < enough:
        yield f"That is too little to call anything unused: the policy asks for {enough} days"
    if evidence.unlogged:
        names = shorten(sorted(map(ident, evidence.unlogged)))
        yield f"Not every statement of these logins is logged (log_statement = all does it): {names}"
    by_role: dict[tuple[str, str], dict[tuple[str, str, str], _Line]] = {}
    for used in evidence.seen.usage:
        key = (used.need.kind, used.need.name, used.need.operation)
        rows = by_role.setdefault((used.need.role, used.database), {})
        rows.setdefault(key, _Line()).add(used)
    for (role, database), rows in sorted(by_role.items()):
        yield ""
        yield f"{ident(role)} in {ident(database)} used"
        ordered = sorted(rows.items(), key=lambda pair: (_ORDER[pair[0][0]], pair[0]))
        for (_, name, operation), line in ordered:
            columns = f" ({', '.join(line.columns)})" if line.columns else ""
            yield f"  {name}: {operation}{columns}, {plural(line.times, 'time')}, last {line.last}"
        yield from _beyond(evidence, role, database)
    yield from _grants(evidence)
    if evidence.seen.usage_gaps:
        yield ""
        yield "Not attributable"
        yield from map(_gap, evidence.seen.usage_gaps)


def _beyond(evidence: Evidence, role: str, name: str) -> Iterator[str]:
    """What a role has beside, by whatever way it has it."""
    database = next((one for one in evidence.snapshot.inspected if one.name == name), None)
    if database is None or role in superusers(evidence.snapshot):
        return
    found = [f"{relation}: {', '.join(idle)}" for relation, idle in sorted(_idle(evidence, database, role))]
    if found:
        yield f" and did not use of what it has on {plural(len(found), 'table')}"
        yield from (f"  {one}" for one in found[:_MOST])
        if len(found) > _MOST:
            yield f"  and on {len(found) - _MOST} more"


def _idle(evidence: Evidence, database: DatabaseSnapshot, role: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    users = frozenset({role})
    for relations in _by_acl(database).values():
        held = _held(evidence, database, relations[0], role)
        for relation in relations if held else ():
            name = relation_name(relation)
            idle = tuple(one for one in held if not evidence.used(database, users, name, one))
            if idle and relation.owner != role:
                yield name, idle


def _held(evidence: Evidence, database: DatabaseSnapshot, relation: Relation, role: str) -> tuple[str, ...]:
    """What a role may do with a relation, by whatever way; the same for all with the same ACL."""
    thing = of_relation(database, relation)
    return tuple(one for one in PRIVILEGES[thing.kind] if role in holder_names(evidence.snapshot, thing, one))


def _by_acl(database: DatabaseSnapshot) -> dict[tuple[str, str], list[Relation]]:
    """The relations that people made, by what decides who may do what with them."""
    known: dict[tuple[str, str], list[Relation]] | None = database._memo.get("relations by ACL")
    if known is None:
        known = {}
        for one in database.relations:
            if not one.system and not one.extension:
                known.setdefault(("S" if one.kind == "S" else "r", one.acl), []).append(one)
        database._memo["relations by ACL"] = known
    return known


def _grants(evidence: Evidence) -> Iterator[str]:
    """The grants that nobody used, whoever has them."""
    by_grantee: dict[str, list[Unused]] = {}
    for one in evidence.unused():
        by_grantee.setdefault(one.grantee, []).append(one)
    for name, some in sorted(by_grantee.items()):
        free = [one for one in some if not one.blocked]
        yield ""
        who = "PUBLIC" if name == PUBLIC else grantee(name)
        yield f"Of what is granted to {who} nobody used"
        for one in (free or some)[:_MOST]:
            yield f"  {one.granted.told}: {', '.join(one.privileges)}"
        if len(free or some) > _MOST:
            yield f"  and {len(free or some) - _MOST} more"
        reasons = dict.fromkeys(one.blocked for one in some if one.blocked)
        if reasons:
            kept = len(some) - len(free)
            yield f"  {kept} of these stay as they are: {'; '.join(list(reasons)[:3])}"


def _gap(one: Unattributed) -> str:
    gap = one.gap
    whose = f"{ident(gap.role)} in {ident(one.database)}" if gap.role and one.database else "somebody"
    about = "" if gap.touches.startswith("-") or not gap.touches else f" ({gap.touches})"
    command = f"{gap.command}: " if gap.command else ""
    return f"  {whose}, {command}{gap.reason}{about}, {plural(one.times, 'time')}, last {one.last_at}"
