"""Steps as SQL files that psql applies: each asserts the state that it was planned on, before anything.

A file is one transaction wherever PostgreSQL lets it be one. It can be run twice, it waits for no lock
longer than it says, and whatever is written has been parsed and searched for secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import negated, unless
from pgguard.model.plan import Migration
from pgguard.model.quote import dollar, literal
from pgguard.plan.checked import checked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.finding import Change
    from pgguard.model.plan import Plan, Step

LOCK_TIMEOUT = "3s"
_LICENCE = "This file is under the PostgreSQL License: use it with your own as you like."
_CHANGED = "the state is not the one that was planned on: %. Nothing was changed; make a new plan"
# planning takes the square of how many conditions a query has: 2,000 in one take a minute
_AT_ONCE = 40
_WIDTH = 100
_KINDS = {
    "down": "takes back what {}.sql did, from the last statement to the first",
    "verify": "changes nothing; fails unless what {}.sql did still holds",
}


def migrations(plan: Plan) -> tuple[Migration, ...]:
    """The steps of a plan as files, numbered in their order.

    Raises `UnsafeMigrationError` when what was made does not parse or holds a secret.
    """
    found = []
    for number, step in enumerate(plan.steps, 1):
        name = f"{number:04d}_{step.slug}"
        undoable = all(change.undo for change in step.changes)
        found.append(
            Migration(
                name,
                step,
                checked(_up(plan, step, name), name),
                checked(_down(plan, step, name), f"{name}.down"),
                checked(_verify(plan, step, name), f"{name}.verify"),
                undoable,
            )
        )
    return tuple(found)


def _up(plan: Plan, step: Step, name: str) -> str:
    body = [_guard(plan, step)]
    body += ["\n".join((*_comment("why: ", one.why), one.sql.strip())) for one in step.changes]
    return _file(step, name, "up", body)


def _down(plan: Plan, step: Step, name: str) -> str:
    body = [_guard(plan, step, asserts=False)]
    for one in reversed(step.changes):
        if one.undo.startswith("CREATE ") and one.planned:
            body.append(unless(one.planned, one.undo.strip()))
        elif one.undo:
            body.append(one.undo.strip())
        else:
            body.append(f"-- cannot be undone: {_told(one)}")
    return _file(step, name, "down", body)


def _verify(plan: Plan, step: Step, name: str) -> str:
    checks = [(one.done, _told(one)) for one in step.changes if one.done] + list(step.checks)
    lines = [
        "DECLARE",
        "    wrong text;",
        "BEGIN",
        "    PERFORM pg_catalog.set_config('search_path', '', true);",
        *_where(plan, step),
        *_all_hold("wrong", checks, literal(f"{name} does not hold: %")),
        "END",
    ]
    return "\n".join([*_header(step, name, "verify"), "", _do(lines)]) + "\n"


def _file(step: Step, name: str, kind: str, body: Sequence[str]) -> str:
    # nobody else's operators and functions are found, and names mean what they meant when it was planned
    limits = [
        ("lock_timeout", LOCK_TIMEOUT),
        ("statement_timeout", step.statement_timeout),
        ("search_path", ""),
    ]
    if not all(part.isascii() for part in body):
        limits.append(("client_encoding", "UTF8"))
    if step.transactional:
        start = ["BEGIN;", *(f"SET LOCAL {one} = {literal(value)};" for one, value in limits)]
        end = ["COMMIT;"]
    else:
        start = [f"SET {one} = {literal(value)};" for one, value in limits]
        end = []
        if any(one.sql.startswith("ALTER SYSTEM") for one in step.changes):
            end.append(
                "-- parameters that need no restart take effect now\nSELECT pg_catalog.pg_reload_conf();"
            )
        end += [f"RESET {one};" for one, _ in limits]
    parts = ["\n".join(_header(step, name, kind)), "\n".join(start), *body, "\n".join(end)]
    return "\n\n".join(parts) + "\n"


def _header(step: Step, name: str, kind: str) -> Iterator[str]:
    yield f"-- pgguard migration {name}" + ("" if kind == "up" else f" ({kind})")
    yield from _comment("", step.title)
    if kind == "up":
        yield from _comment("why: ", step.why)
        yield from _comment("risk: ", step.risk) if step.risk else ()
        yield from _comment("review, and look first: ", step.first) if step.first else ()
    else:
        yield f"-- what: {_KINDS[kind].format(name)}"
    yield from _comment("database: ", step.database or "any of the cluster")
    if step.phase:
        yield f"-- phase: {step.phase}"
    yield "-- transaction: " + ("yes" if step.transactional else "no")
    if kind == "verify":
        for one in step.changes:
            yield from _comment("not looked at, because SQL cannot: ", "" if one.done else _told(one))
    else:
        for lock in dict.fromkeys(one.lock for one in step.changes):
            yield from _comment("lock: ", waited(lock))
    if kind == "up":
        for answer in step.answers:
            yield from _comment("closes: ", f"{answer.check} {answer.subject} [{answer.fingerprint}]")
        lost = [one for one in step.changes if not one.undo]
        yield f"-- undo: {name}.down.sql" + (f" (but for {len(lost)} that cannot be undone)" if lost else "")
        yield f"-- verify: {name}.verify.sql"
    yield f"-- {_LICENCE}"


def _guard(plan: Plan, step: Step, *, asserts: bool = True) -> str:
    conditions = [(_either(one), _told(one)) for one in step.changes]
    lines = ["DECLARE", "    moved text;", "BEGIN", *_where(plan, step)]
    lines += [
        "    IF pg_catalog.pg_is_in_recovery() THEN",
        "        RAISE EXCEPTION 'this server is a standby: run this on its primary';",
        "    END IF;",
    ]
    for expression, told in step.asserts if asserts else ():
        lines += [
            f"    IF ({expression}) IS NOT TRUE THEN",
            f"        RAISE EXCEPTION '%', {literal(told)};",
            "    END IF;",
        ]
    known = [(expression, told) for expression, told in conditions if expression]
    return _do([*lines, *_all_hold("moved", known, literal(_CHANGED)), "END"])


def _all_hold(variable: str, conditions: Sequence[tuple[str, str]], message: str) -> Iterator[str]:
    """Lines that raise the message with everything that is not true; none without conditions."""
    if not conditions:
        return
    yield "    -- each statement, and whether what it is about looks as it did, or as it will"
    for at in range(0, len(conditions), _AT_ONCE):
        some = conditions[at : at + _AT_ONCE]
        before = f"{variable}, " if at else ""
        yield f"    SELECT pg_catalog.concat_ws('; ', {before}pg_catalog.string_agg(c.change, '; '))"
        yield f"    INTO {variable} FROM (VALUES"
        for number, (expression, told) in enumerate(some, 1):
            # a name may hold a line's end: lines of an expression are not for indenting
            end = "," if number < len(some) else ""
            yield f"        ({literal(told)},\n            {expression}){end}"
        yield "    ) AS c (change, holds) WHERE c.holds IS NOT TRUE;"
    yield f"    IF {variable} <> '' THEN"
    yield f"        RAISE EXCEPTION {message}, {variable};"
    yield "    END IF;"


def _do(lines: Sequence[str]) -> str:
    return f"DO {dollar(chr(10).join(lines))};"


def _where(plan: Plan, step: Step) -> Iterator[str]:
    if step.database is not None:
        yield f"    IF pg_catalog.current_database() <> {literal(step.database)} THEN"
        yield (
            f"        RAISE EXCEPTION 'this is for database %, and here is %', {literal(step.database)}, "
            "pg_catalog.current_database();"
        )
        yield "    END IF;"
    major = plan.server_version.partition(".")[0]
    if major.isdigit():
        yield f"    IF pg_catalog.current_setting('server_version_num')::int / 10000 <> {major} THEN"
        yield f"        RAISE EXCEPTION 'this was planned for PostgreSQL {major}: make a new plan';"
        yield "    END IF;"


def _either(change: Change) -> str:
    """Before or after: empty where that is always true."""
    if change.done == negated(change.planned) or change.planned == negated(change.done):
        return ""
    both = [one for one in (change.planned, change.done) if one]
    return "\n            OR ".join(map(_bracketed, both)) if len(both) == 2 else ""


def _bracketed(expression: str) -> str:
    return f"({expression})" if " AND " in expression or " OR " in expression else expression


def _told(change: Change) -> str:
    """The statement on one line, as it is named in messages."""
    text = " ".join(change.sql.split())
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."


def waited(lock: str) -> str:
    """What a change locks, and how long it waits for that."""
    return lock if lock.startswith("none") else f"{lock}; waits {LOCK_TIMEOUT} at most"


def _comment(label: str, text: str) -> Iterator[str]:
    if not text:
        return
    # a name may hold a line's end, and a comment ends there
    line = text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)
    yield f"-- {label}{' '.join(line.split())}"
