"""A SECURITY DEFINER function lets its callers choose which objects its names mean.

Why it matters: it runs with its owner's rights, but looks names up in the caller's search_path or in
a schema where others may create: a table or function put there by the caller then reads or changes
patients' data with the owner's rights.

How to fix: ALTER FUNCTION name SET search_path = pg_catalog, own_schema, pg_temp, with schemas only
that nobody else may create in, and test the function. Where a schema has to be left out, qualify its
names in the body first, or take CREATE on it from others.

Silent when: the search_path is fixed to such schemas; bodies written in standard SQL (BEGIN ATOMIC),
whose names are bound once; functions of extensions. Only low: nobody but the owner can call it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.able import acting_as, callers, creators, on_database
from pgguard.analysis.grouping import gathered, place, together
from pgguard.analysis.names import function_name, function_subject, shorten
from pgguard.analysis.search_path import OWN_SCHEMA, SYSTEM, TEMPORARY, of_function
from pgguard.changes.functions import set_search_path
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Change, Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Function
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "STIG",
    "CVE-2018-1058",
    "PostgreSQL manual, CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely",
)
_TRIGGERS = ("trigger", "event_trigger")
# so many findings of one schema are told one by one: each needs a change and a test of its own
_MOST = 20


class Open(NamedTuple):
    """A function whose names others can bend: what is wrong, schemas safe for it, and those that are not."""

    function: Function
    fault: str
    severity: Severity
    safe: tuple[str, ...]
    left_out: tuple[str, ...]


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        found = list(_open(snapshot, database))
        serious = [one for one in found if one.severity is not Severity.LOW]
        slight = [one for one in found if one.severity is Severity.LOW]
        groups = (*together(serious, _cause, _MOST), *together(slight, _cause))
        for group in gathered(groups, lambda one: one.fault):
            function = group[0].function
            if len(group) == 1:
                subject, evidence = function_subject(database, function), group[0].fault
            else:
                subject = place(database, (one.function.schema for one in group))
                names = [function_name(one.function) for one in group]
                evidence = f"{len(names)} functions ({shorten(names, 3)}), each of which {group[0].fault}"
            yield Finding(
                subject,
                evidence,
                severity=group[0].severity,
                fix=tuple(dict.fromkeys(change for one in group for change in _fixes(database, one))),
            )


def _cause(one: Open) -> tuple[str, str]:
    return one.function.schema, one.fault


def _open(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Open]:
    bound = _bound_at_creation(database)
    fired = {trigger.function for trigger in database.triggers if trigger.enabled != "D"}
    fired |= {trigger.function for trigger in database.event_triggers if trigger.enabled != "D"}
    for function in database.functions:
        if not function.definer or function.extension or function.system or function.oid in bound:
            continue
        if function.language in ("c", "internal"):
            continue
        path = of_function(function)
        own = acting_as(snapshot, database, function.owner)
        fault = "sets no search_path: its names mean what the caller's says"
        severity: Severity | None = Severity.HIGH
        if path is not None:
            fault, severity = _fault(snapshot, database, function, path, own)
        if severity is None:
            continue
        if function.returns in _TRIGGERS:
            used = function.oid in fired
        else:
            used = bool(callers(snapshot, database, function) - own)
        if not used:
            fault, severity = f"{fault}; today only its owner uses it", Severity.LOW
        kept = [
            name for name in path or (function.schema,) if name not in (TEMPORARY, OWN_SCHEMA, "pg_catalog")
        ]
        safe = [name for name in kept if not _strangers(snapshot, database, name, own)]
        left_out = tuple(name for name in kept if name not in safe)
        yield Open(function, fault, severity, ("pg_catalog", *safe, TEMPORARY), left_out)


def _fault(
    snapshot: Snapshot,
    database: DatabaseSnapshot,
    function: Function,
    path: tuple[str, ...],
    own: frozenset[str],
) -> tuple[str, Severity | None]:
    for name in path:
        schema = function.owner if name == OWN_SCHEMA else name
        strangers = _strangers(snapshot, database, schema, own)
        if strangers:
            shown = shorten(sorted(ident(one) for one in strangers), 3)
            return f"searches schema {ident(schema)}, where {shown} can create objects", Severity.HIGH
    if on_database(snapshot, database, "TEMPORARY") - own:
        if TEMPORARY in path[:-1]:
            return (
                "searches pg_temp before other schemas: a caller's temporary table comes first",
                Severity.HIGH,
            )
        if TEMPORARY not in path and not SYSTEM.issuperset(path):
            return (
                "does not put pg_temp last: a caller's temporary table comes before the tables it means",
                Severity.LOW,
            )
    return "", None


def _strangers(
    snapshot: Snapshot, database: DatabaseSnapshot, schema: str, own: frozenset[str]
) -> frozenset[str]:
    """The logins without the owner's rights that can put an object into a schema, or make the schema."""
    if schema in SYSTEM or schema == TEMPORARY:
        return frozenset()
    if any(row.name == schema for row in database.schemas):
        return creators(snapshot, database, schema) - own
    return on_database(snapshot, database, "CREATE") - own


def _bound_at_creation(database: DatabaseSnapshot) -> frozenset[int]:
    # the server prints a standard body anew, so that its first word tells it from a string
    return frozenset(
        text.oid
        for text in database.definitions
        if text.kind == "function"
        and text.language == "sql"
        and text.text.lstrip().startswith(("BEGIN ATOMIC", "RETURN "))
    )


def _fixes(database: DatabaseSnapshot, one: Open) -> Iterator[Change]:
    if one.left_out:
        # without it the function would not find what it means there
        names = ", ".join(ident(name) for name in one.left_out)
        yield by_hand(
            f"first qualify the names in the body that are of {names}, or take CREATE there from others",
            first=True,
        )
    function = one.function
    yield set_search_path(
        function_name(function),
        one.safe,
        of_function(function),
        procedure=function.kind == "p",
        database=database.name,
    )
