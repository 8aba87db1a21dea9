"""plan.md: what a plan does, for the people who decide, apply and answer for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.plan.migration import LOCK_TIMEOUT, STATEMENT_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.plan import Migration, Plan

_PHASES = {
    "prepare": "Prepare: adds, and takes nothing away",
    "watch": "Watch: changes nothing; go on when its verification holds",
    "cutover": "Cut over: old ways are closed",
    "cleanup": "Clean up: after a time of grace, what is no longer needed goes",
}


def document(plan: Plan, files: Sequence[Migration]) -> str:
    """The plan as Markdown."""
    return "\n".join(_lines(plan, files)) + "\n"


def _lines(plan: Plan, files: Sequence[Migration]) -> Iterator[str]:
    yield f"# Plan for {_plain(plan.target)}"
    yield ""
    yield (
        f"Made {plan.planned_at} as {_plain(plan.planned_as)} on PostgreSQL {plan.server_version}. "
        f"{len(files)} files, to be applied in the order of their numbers."
    )
    if not files:
        yield ""
        yield "There is nothing to do that SQL can do."
    else:
        yield from _how(files)
    phase = ""
    for one in files:
        if one.step.phase != phase:
            phase = one.step.phase
            yield from ("", f"## {_PHASES.get(phase, phase)}")
        yield from _migration(one)
    if plan.by_hand:
        yield from ("", "## By hand", "", "What no SQL can do, or what somebody has to decide:", "")
        yield from (f"- {_plain(one)}" for one in plan.by_hand)


def _how(files: Sequence[Migration]) -> Iterator[str]:
    first = files[0]
    database = first.step.database or "postgres"
    yield from (
        "",
        "Each file says in its head what it does and which database it belongs to. It stops before it "
        "changes anything when the state is not the one that was planned on, waits for a lock "
        f"{LOCK_TIMEOUT} at most, and ends a statement after {STATEMENT_TIMEOUT}. Running it twice is "
        "harmless.",
        "",
        "```",
        f"psql -X -v ON_ERROR_STOP=1 -d {database} -f {first.name}.sql",
        f"psql -X -v ON_ERROR_STOP=1 -d {database} -f {first.name}.verify.sql   # fails unless it holds",
        f"psql -X -v ON_ERROR_STOP=1 -d {database} -f {first.name}.down.sql     # takes it back",
        "```",
        "",
        "or `pgguard apply`, which keeps a ledger.",
        "",
        "| file | database | what | can be undone |",
        "|---|---|---|---|",
    )
    for one in files:
        undo = "yes" if one.undoable else "not wholly"
        where = _cell(one.step.database or "any")
        yield f"| {one.name} | {where} | {_cell(one.step.title)} | {undo} |"


def _migration(one: Migration) -> Iterator[str]:
    step = one.step
    yield from ("", f"### {one.name}: {_plain(step.title)}", "", f"Why: {_plain(step.why)}.")
    if step.risk:
        yield f"Risk: {_plain(step.risk)}."
    locks = dict.fromkeys(change.lock for change in step.changes)
    yield from (f"Lock: {_plain(lock)}." for lock in locks)
    if not step.transactional:
        yield "Not one transaction: PostgreSQL does not allow it. Each statement can be run again."
    if step.answers:
        yield from ("", "Closes:", "")
        yield from (f"- {one.check}: {_plain(one.evidence)}" for one in step.answers)
    if step.changes:
        yield from ("", "```sql", *(_fenced(change.sql) for change in step.changes), "```")
    lost = [change for change in step.changes if not change.undo]
    if lost:
        yield from ("", "Cannot be undone:", "")
        yield from (f"- `{_fenced(change.sql)}`" for change in lost)


def _plain(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split()).rstrip(".")


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def _fenced(sql: str) -> str:
    # a fence inside a name would end the block
    return _plain_sql(sql).replace("```", "` ` `")


def _plain_sql(sql: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in sql).split())
