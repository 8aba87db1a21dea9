"""plan.md: what a plan does, for the people who decide, apply and answer for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.plan.migration import LOCK_TIMEOUT, waited

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.plan import Migration, Plan, Section

# of a statement in plan.md; what is longer is read in its file
_LINES = 12
_PHASES = {
    "prepare": "Prepare: adds, and takes nothing away",
    "watch": "Watch: changes nothing; go on when its verification holds",
    "cutover": "Cut over: old ways are closed",
    "cleanup": "Clean up: after a time of grace, what is no longer needed goes",
    "install": "Install: what encryption needs, harmless to what is there",
    "expand": "Expand: encrypted columns beside the clear ones, written by the same statements",
    "backfill": "Backfill: what was there before is sealed, batch by batch, while work goes on",
    "verify": "Verify: every row is opened and compared",
    "switch": "Switch: programs read and write through the encrypted columns",
    "soak": "Soak: days with both, in which everything can be taken back",
    "contract": "Contract: the clear values go",
    "audit": "Audit: the store, then each table; a file a table, so that none waits for another",
    "index-expand": "Expand: a second blind index beside the first, written by the same statements",
    "index-backfill": "Backfill: the rows that were there before get it too, while work goes on",
    "index-verify": "Verify: every row is opened, and has both indexes",
    "index-switch": "Switch: programs search by the new key",
    "index-soak": "Soak: a time with both, in which everything can be taken back",
    "index-contract": "Contract: the index of the old key goes",
    "scrub": "Scrub: files are written anew, so that no clear value is left in them",
}


def document(plan: Plan, files: Sequence[Migration], layout: str = "psql") -> str:
    """The plan as Markdown; `layout` is the tool that its files are for."""
    return "\n".join(_lines(plan, files, layout)) + "\n"


def _lines(plan: Plan, files: Sequence[Migration], layout: str) -> Iterator[str]:
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
        yield from _how(files, layout)
    for section in plan.sections:
        yield from _section(section)
    phase = ""
    for one in files:
        if one.step.phase != phase:
            phase = one.step.phase
            yield from ("", f"## {_PHASES.get(phase, phase)}")
        yield from _migration(one)
    if plan.by_hand:
        yield from ("", "## By hand", "", "What no SQL can do, or what somebody has to decide:", "")
        yield from (f"- {_plain(one)}" for one in plan.by_hand)
        if any(one.startswith("hba-") for one in plan.by_hand):
            yield from ("", "`pgguard hba patch` writes the changed lines of pg_hba.conf.")


def _section(section: Section) -> Iterator[str]:
    yield from ("", f"## {_plain(section.title)}", "", f"{_plain(section.text)}.")
    if section.rows:
        yield from ("", f"| {' | '.join(section.columns)} |", "|---" * len(section.columns) + "|")
        yield from (f"| {' | '.join(map(_cell, row))} |" for row in section.rows)


def _how(files: Sequence[Migration], layout: str) -> Iterator[str]:
    yield from (
        "",
        "Each file says in its head what it does and which database it belongs to. It stops before it "
        "changes anything when the state is neither the one that was planned on nor the one afterwards, "
        f"waits for a lock {LOCK_TIMEOUT} at most, and says how long a statement may take. Running it twice "
        "is harmless.",
        "",
        "Files with `review` in their name can take away what somebody works with, or break a program: "
        "look first at what they say. `final` ones cannot be undone wholly.",
        "",
        *(_by_psql(files) if layout == "psql" else _by_tool(layout)),
        "",
        "| file | database | what | look first | can be undone |",
        "|---|---|---|---|---|",
    )
    for one in files:
        undo = "yes" if one.undoable else "not wholly"
        where = _cell(one.step.database or "any")
        first = "yes" if one.step.first else "no"
        yield f"| {one.name} | {where} | {_cell(one.step.title)} | {first} | {undo} |"


def _by_psql(files: Sequence[Migration]) -> Iterator[str]:
    first, last = files[0], files[-1]
    yield from (
        "Apply, verify, and take back in reverse order:",
        "",
        "```",
        f"psql -X -v ON_ERROR_STOP=1 -d {_shell(first)} -f {first.name}.sql",
        f"psql -X -v ON_ERROR_STOP=1 -d {_shell(first)} -f {first.name}.verify.sql   # fails unless it holds",
        f"psql -X -v ON_ERROR_STOP=1 -d {_shell(last)} -f {last.name}.down.sql     # takes the last one back",
        "```",
        "",
        "or `pgguard apply`, `pgguard verify` and `pgguard rollback`, which keep a ledger.",
    )


def _shell(one: Migration) -> str:
    name = one.step.database or "postgres"
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum() and not name.startswith("-")
    return name if plain else "DATABASE"


def _by_tool(layout: str) -> Iterator[str]:
    yield (
        f"The files are for {layout}: each database has a folder of its own, and what belongs to the whole "
        f"cluster is in the first. {layout.capitalize()} keeps the ledger; `pgguard inspect` tells "
        "afterwards whether the findings are gone."
    )


def _migration(one: Migration) -> Iterator[str]:
    step = one.step
    yield from ("", f"### {one.name}: {_plain(step.title)}", "", f"Why: {_plain(step.why)}.")
    if step.risk:
        yield f"Risk: {_plain(step.risk)}."
    if step.first:
        yield f"Look first: {_plain(step.first)}."
    locks = dict.fromkeys(change.lock for change in step.changes)
    yield from (f"Lock: {_plain(waited(lock))}." for lock in locks)
    if not step.transactional:
        yield "Not one transaction: PostgreSQL does not allow it. Each statement can be run again."
    if step.answers:
        yield from ("", "Closes:", "")
        yield from (f"- {one.check}, {_plain(one.subject)}: {_plain(one.evidence)}" for one in step.answers)
    if step.changes:
        yield from ("", "```sql", *(_shown(change.sql, one.name) for change in step.changes), "```")
    lost = [change for change in step.changes if not change.undo]
    if lost:
        yield from ("", "Cannot be undone:", "")
        yield from (f"- `{_fenced(change.sql)}`" for change in lost)


def _shown(sql: str, name: str) -> str:
    """A statement on one line; of what has many lines, where it is to be read."""
    lines = sql.count("\n") + 1
    if lines <= _LINES:
        return _fenced(sql)
    head = next(line for line in sql.splitlines() if not line.startswith("--"))
    return f"{_fenced(head)} ... -- {lines} lines: see {name}.sql"


def _plain(text: str) -> str:
    words = " ".join("".join(one if one.isprintable() else " " for one in text).split()).rstrip(".")
    # a name is no markup
    return words.replace("<", "\\<")


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def _fenced(sql: str) -> str:
    # a fence inside a name would end the block
    return _plain_sql(sql).replace("```", "` ` `")


def _plain_sql(sql: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in sql).split())
