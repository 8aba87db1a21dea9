"""A view, function or foreign table hands a sensitive table in clear to logins that may not read it.

Why it matters: whoever grants the copy opens the table, past the grants, the encryption and the row
security that were thought to protect it.

How to fix: REVOKE the grant on the copy, make it leave out or mask what its readers need not see, or
from PostgreSQL 15 on ALTER VIEW name SET (security_invoker = true).

Silent when: it chooses rows, counts or masks, or leaves out columns unless those it shows are
identifiers, genetics or credentials (of a materialized view, which is a second copy, also persons
beside their illness) for more logins than may read the table; a view that is the only door to a
table; declared accounts. PUBLIC's grants, row security and publications have checks of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.able import able, acting_as
from pgguard.analysis.clear_copies import Copy, copies
from pgguard.analysis.grouping import together
from pgguard.analysis.names import relation_name, schema_subject, shorten
from pgguard.analysis.privileges import holder_names, of_column
from pgguard.analysis.readers import granted, grantees, is_public
from pgguard.analysis.row_security import limits
from pgguard.changes.privileges import revoke
from pgguard.model.finding import Change, Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.finding import Subject
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "GDPR 25",
    "GDPR 32(1)(a)",
    "PostgreSQL manual, 39.5 Rules and Privileges",
)
# what one column alone gives a person away by, or is worst to lose
_WORST = frozenset({"national_id", "genetic", "special_category", "credential"})


class _Leak(NamedTuple):
    copy: Copy
    strangers: tuple[str, ...]


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        found: dict[Subject, _Leak] = {}
        for copy in copies(snapshot, database, policy):
            leak = _leak(snapshot, database, policy, copy)
            if leak is not None:
                # one object that shows several tables is told once
                found.setdefault(copy.subject, leak)
        for group in together(found.values(), lambda one: one.copy.thing.schema):
            first = group[0]
            columns = shorten([ident(one.column.name) for one in first.copy.columns], 4)
            strangers = shorten([ident(name) for name in first.strangers], 3)
            hands = (
                f"{columns} of {relation_name(first.copy.table)} in clear to {strangers}, who may not read it"
            )
            names = [one.copy.thing.name for one in group]
            many = f"{len(names)} objects ({shorten(names, 3)}) hand sensitive tables to others"
            yield Finding(
                first.copy.subject if len(group) == 1 else schema_subject(database, first.copy.thing.schema),
                f"hands {hands}" if len(group) == 1 else f"{many}: {names[0]} hands {hands}",
                fix=tuple(change for one in group for change in _fixes(database, one)),
            )


def _leak(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy, copy: Copy) -> _Leak | None:
    if is_public(database, copy.thing, copy.privilege):
        return None
    if copy.table.row_security and not limits(snapshot, database, copy.table, copy.reads_as):
        return None
    things = [of_column(database, copy.table, one.column) for one in copy.columns]
    if copy.reads_as and not all(
        copy.reads_as in holder_names(snapshot, thing, "SELECT") for thing in things
    ):
        # it fails for everybody
        return None
    allowed = frozenset.intersection(*(able(snapshot, database, thing, "SELECT") for thing in things))
    readers = granted(snapshot, database, copy.thing, copy.privilege)
    strangers = [name for name in sorted(readers - allowed) if not policy.is_declared(name)]
    # who is meant to read the table itself: owners and administrators say nothing about that
    owning = acting_as(snapshot, database, copy.table.owner) | set(policy.administrators.roles)
    meant = frozenset.union(*(granted(snapshot, database, thing) for thing in things)) - owning
    if copy.is_door and not meant:
        return None
    worst = len(strangers) > len(meant) and (
        (copy.names_ill and not copy.is_door) or any(one.category in _WORST for one in copy.columns)
    )
    return _Leak(copy, tuple(strangers)) if strangers and (copy.whole or worst) else None


def _fixes(database: DatabaseSnapshot, leak: _Leak) -> Iterator[Change]:
    thing = leak.copy.thing
    on = f"{'FUNCTION' if thing.kind == 'function' else 'TABLE'} {thing.name}"
    for name in grantees(database, thing, leak.copy.privilege):
        if name != thing.owner:
            yield revoke([leak.copy.privilege], on, name, database=database.name)
