"""PUBLIC may execute a SECURITY DEFINER function.

Why it matters: everybody who enters the database acts with the rights of the function's owner, which
is how data leaves past all grants; PostgreSQL grants EXECUTE to PUBLIC by itself.

How to fix: REVOKE EXECUTE ON FUNCTION name FROM PUBLIC and grant the roles that need it.

Silent when: revoked, functions of extensions, trigger functions (nobody calls those), what pgguard keeps for
encrypted columns (its own functions, owned by pgguard_keys) and pgguard.identify() of the audit. Only low: no
login but the owner gets as far as the function's schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.able import acting_as, callers
from pgguard.analysis.granted import of_function
from pgguard.analysis.grouping import gathered, place, together
from pgguard.analysis.names import function_name, function_subject, shorten
from pgguard.analysis.own import AUDITOR
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Function
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "STIG",
    "NIST AC-6",
    "PostgreSQL manual, CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely",
)
# so many findings of one schema are told one by one: each function needs its own look
_MOST = 20
# unlock(), lock() and what shows masked values: whoever becomes that role has the keys already; and
# identify(), by which everybody tells the audit whom he works for
_OURS = frozenset({("pgguard", "pgguard_keys", ""), ("pgguard", AUDITOR, "identify")})


class Open(NamedTuple):
    """A definer function that PUBLIC may execute, whose rights it gives, and whether anybody gets there."""

    function: Function
    power: str
    reached: bool


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        found = list(_open(snapshot, database))
        reached = [one for one in found if one.reached]
        apart = [one for one in found if not one.reached]
        groups = (*together(reached, _cause, _MOST), *together(apart, _cause))
        for group in gathered(groups, lambda one: one[1:]):
            function, power, is_reached = group[0]
            what = f"PUBLIC runs it with the rights of {power}"
            if len(group) > 1:
                names = [function_name(one.function) for one in group]
                what = f"PUBLIC runs {len(names)} functions with the rights of {power}: {shorten(names, 3)}"
            yield Finding(
                function_subject(database, function)
                if len(group) == 1
                else place(database, (one.function.schema for one in group)),
                what + ("" if is_reached else ", though no login gets as far as the schema today"),
                severity=None if is_reached else Severity.LOW,
                fix=tuple(
                    change
                    for one in group
                    for change in of_function(database, one.function).take_back(
                        PUBLIC, ["EXECUTE"], database=database.name
                    )
                ),
            )


def _open(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Open]:
    for function in database.functions:
        if not function.definer or function.extension or function.system:
            continue
        if function.returns in ("trigger", "event_trigger"):
            continue
        if _OURS & {(function.schema, function.owner, name) for name in ("", function.name)}:
            continue
        if any(grant.grantee == PUBLIC for grant in database.grants(function.acl)):
            owner = snapshot.role(function.owner)
            power = "a superuser" if owner is not None and owner.superuser else ident(function.owner)
            others = callers(snapshot, database, function) - acting_as(snapshot, database, function.owner)
            yield Open(function, power, bool(others))


def _cause(one: Open) -> tuple[str, str]:
    return one.function.schema, one.power
