"""A SECURITY DEFINER function runs SQL that its callers may word.

Why it matters: whoever calls it with the right text runs any SQL with the owner's rights: all patients'
records read, changed or deleted through one argument.

How to fix: bind values (EXECUTE ... USING), quote names and values with format('%I', '%L'), quote_ident or
quote_literal, or accept only values from a fixed list; then look in the log whether it was misused.

Silent when: the SQL is constant or all that comes in is quoted, bound, of a type that holds no SQL (numbers,
dates, uuid, regclass) or one of some constants. Low where only those who have the owner's rights anyway can
make use of it, and for the names of objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.able import able, acting_as, callers
from pgguard.analysis.bodies import unread_languages
from pgguard.analysis.injection import effects
from pgguard.analysis.names import function_name, function_subject, shorten
from pgguard.analysis.privileges import of_column, of_relation
from pgguard.errors import Unread
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.injection import Sink
    from pgguard.analysis.taint import Source
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Function
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.CRITICAL
references = (
    "CWE-89",
    "PostgreSQL manual, 43.5.4 Executing Dynamic Commands",
    "PostgreSQL manual, CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely",
)
_SAID = {
    "argument": "argument {}",
    "row": "{}, which whoever writes the row chooses",
    "setting": "{}, which every session can set",
    "column": "column {}",
    "catalog": "the name {} of an object",
}


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        functions = [
            function
            for function in database.functions
            if function.definer and not function.extension and not function.system
        ]
        for function in functions:
            sinks = effects(database, function).sinks
            if sinks:
                yield _finding(snapshot, database, function, sinks)
        unread = [(one, effects(database, one).unknown) for one in functions if _is_sql(one)]
        unread = [(one, reason) for one, reason in unread if reason]
        unread += [
            (one, f"it is written in {one.language}") for one in unread_languages(database) if one.definer
        ]
        if unread:
            names = [f"{function_name(one)} ({reason})" for one, reason in unread]
            section = "definitions"
            raise Unread(section, f"not parsed: {shorten(names, 3)}", database.name)


def _is_sql(function: Function) -> bool:
    return function.language in ("sql", "plpgsql")


def _finding(
    snapshot: Snapshot, database: DatabaseSnapshot, function: Function, sinks: tuple[Sink, ...]
) -> Finding:
    trusted = acting_as(snapshot, database, function.owner)
    users = _users(snapshot, database, function) - trusted
    judged: list[tuple[Severity, str]] = []
    for sink in sinks:
        for source in sorted(sink.taint):
            worst, who = _judged(snapshot, database, source, trusted)
            judged.append((worst, f"{sink.what} runs {_SAID[source.kind].format(source.name)} unquoted{who}"))
    worst = max(one for one, _ in judged)
    said = list(dict.fromkeys(text for one, text in judged if one is worst))
    owner = snapshot.role(function.owner)
    power = "a superuser" if owner is not None and owner.superuser else ident(function.owner)
    evidence = f"as {power}, {said[0]}" + (f", and {len(said) - 1} more" if len(said) > 1 else "")
    if not users:
        return Finding(
            function_subject(database, function),
            f"{evidence}; nobody can use it who has not the owner's rights",
            severity=Severity.LOW,
        )
    shown = shorten(sorted(map(ident, users)), 3)
    return Finding(
        function_subject(database, function),
        f"{evidence}; open to {shown}",
        severity=None if worst is severity else worst,
    )


def _users(snapshot: Snapshot, database: DatabaseSnapshot, function: Function) -> frozenset[str]:
    """Who makes the function run: its callers, or who writes to the tables whose trigger it is."""
    if function.returns != "trigger":
        return callers(snapshot, database, function)
    found: frozenset[str] = frozenset()
    for trigger in catalog.triggers_calling(database, function.oid):
        relation = catalog.relations(database).get(trigger.relation)
        if relation is not None:
            thing = of_relation(database, relation)
            for privilege in trigger.events:
                if privilege in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
                    found |= able(snapshot, database, thing, privilege)
    return found


def _judged(
    snapshot: Snapshot, database: DatabaseSnapshot, source: Source, trusted: frozenset[str]
) -> tuple[Severity, str]:
    """How bad a source is, and who fills it."""
    if source.kind == "catalog":
        return Severity.LOW, ""
    if source.kind != "column":
        return severity, ""
    relation = catalog.relations(database)[source.oid]
    column = next(one for one in catalog.columns(database, relation.oid) if one.number == source.number)
    thing = of_column(database, relation, column)
    writers = able(snapshot, database, thing, "INSERT") | able(snapshot, database, thing, "UPDATE")
    writers -= trusted
    if not writers:
        return Severity.LOW, ", which only its owner fills"
    return Severity.HIGH, f", which {shorten(sorted(map(ident, writers)), 2)} may write"
