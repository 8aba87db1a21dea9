"""Steps as SQL files that psql applies: each asserts the state that it was planned on, before anything.

A file is one transaction wherever PostgreSQL lets it be one. It can be run twice, it waits for no lock
longer than it says, and whatever is written has been parsed and searched for secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.changes.catalog import unless
from pgguard.model.plan import Migration
from pgguard.model.quote import dollar, literal
from pgguard.plan.checked import checked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.finding import Change
    from pgguard.model.plan import Plan, Step

LOCK_TIMEOUT = "3s"
STATEMENT_TIMEOUT = "60s"
_LICENCE = "This file is under the PostgreSQL License: use it with your own as you like."
_CHANGED = "the state is not the one that was planned on: %. Nothing was changed; make a new plan"
_WIDTH = 100


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
    body = [_guard(plan, step, [(_either(one), _told(one)) for one in step.changes])]
    body += [one.sql.strip() for one in step.changes]
    return _file(step, name, "up", body)


def _down(plan: Plan, step: Step, name: str) -> str:
    body = [_guard(plan, step, [(_either(one), _told(one)) for one in step.changes], asserts=False)]
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
    lines = ["DECLARE", "    wrong text := '';", "BEGIN"]
    lines += _where(plan, step)
    for expression, told in checks:
        lines += [
            f"    IF NOT ({expression}) THEN",
            f"        wrong := wrong || {literal('; ' + told)};",
            "    END IF;",
        ]
    lines += [
        "    IF wrong <> '' THEN",
        f"        RAISE EXCEPTION {literal(name + ' does not hold: %')}, pg_catalog.substr(wrong, 3);",
        "    END IF;",
        "END",
    ]
    return "\n".join([*_header(step, name, "verify"), "", _do(lines)]) + "\n"


def _file(step: Step, name: str, kind: str, body: Sequence[str]) -> str:
    limits = (("lock_timeout", LOCK_TIMEOUT), ("statement_timeout", STATEMENT_TIMEOUT))
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
    yield from _comment("why: ", step.why)
    if step.risk:
        yield from _comment("risk: ", step.risk)
    yield from _comment("database: ", step.database or "any of the cluster")
    if step.phase:
        yield f"-- phase: {step.phase}"
    yield "-- transaction: " + ("yes" if step.transactional else "no, because PostgreSQL allows none here")
    if kind != "verify":
        for lock in dict.fromkeys(one.lock for one in step.changes):
            yield from _comment("lock: ", f"{lock}; waits {LOCK_TIMEOUT} at most")
    if kind == "up":
        for answer in step.answers:
            yield from _comment("closes: ", f"{answer.check} {answer.subject} [{answer.fingerprint}]")
        lost = [one for one in step.changes if not one.undo]
        yield f"-- undo: {name}.down.sql" + (f" (but for {len(lost)} that cannot be undone)" if lost else "")
        yield f"-- verify: {name}.verify.sql"
    yield f"-- {_LICENCE}"


def _guard(plan: Plan, step: Step, conditions: Sequence[tuple[str, str]], *, asserts: bool = True) -> str:
    lines = ["BEGIN", *_where(plan, step)]
    lines += [
        "    IF pg_catalog.pg_is_in_recovery() THEN",
        "        RAISE EXCEPTION 'this server is a standby: run this on its primary';",
        "    END IF;",
    ]
    for expression, told in step.asserts if asserts else ():
        lines += [
            f"    IF NOT ({expression}) THEN",
            f"        RAISE EXCEPTION '%', {literal(told)};",
            "    END IF;",
        ]
    for expression, told in conditions:
        if expression:
            lines += [
                *(f"    {line}" for line in _comment("as planned, or done already: ", told)),
                "    IF NOT (",
                *(f"        {part}" for part in expression.splitlines()),
                "    ) THEN",
                f"        RAISE EXCEPTION {literal(_CHANGED)}, {literal(told)};",
                "    END IF;",
            ]
    return _do([*lines, "END"])


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
    both = [one for one in (change.planned, change.done) if one]
    return "\nOR ".join(f"({one})" for one in both) if len(both) == 2 else ""


def _told(change: Change) -> str:
    """The statement on one line, as it is named in messages."""
    text = " ".join(change.sql.split())
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."


def _comment(label: str, text: str) -> Iterator[str]:
    # a name may hold a line's end, and a comment ends there
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    yield f"-- {label}{line}"
