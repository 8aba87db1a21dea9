"""An erasure for people and for a file: what it would take, what it took, and what is left where."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import msgspec

from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.model.erasure import Along, Claim, Counted, Dependent, Done
    from pgguard.model.erasure_record import ErasurePlan, ErasureReport

_WIDTH = 110
_STATES = {"there": "STILL THERE", "maybe": "may be there", "gone": "gone", "unknown": "not known"}


def plan_as_json(plan: ErasurePlan) -> str:
    """The whole plan."""
    return json.dumps(_plain(plan), indent=2)


def report_as_json(report: ErasureReport) -> str:
    """The whole report."""
    return json.dumps({**_plain(report), "exit_code": report.record.exit_code}, indent=2)


def plan_as_text(plan: ErasurePlan, width: int | None) -> str:
    """The plan for people, wrapped to the terminal."""
    return _text(_plan_lines(plan, _plain_head), width)


def report_as_text(report: ErasureReport, width: int | None) -> str:
    """The report for people, wrapped to the terminal."""
    return _text(_report_lines(report, _plain_head), width)


def plan_as_markdown(plan: ErasurePlan) -> str:
    """The plan as a document."""
    return "\n".join(_plan_lines(plan, _marked_head)) + "\n"


def report_as_markdown(report: ErasureReport) -> str:
    """The report as a document."""
    return "\n".join(_report_lines(report, _marked_head)) + "\n"


def _plan_lines(plan: ErasurePlan, head: Any) -> Iterator[str]:
    what = "of one person (GDPR art. 17)" if plan.person else "by the retention rules (GDPR art. 5(1)(e))"
    yield from head(
        1,
        f"Erasure {what}: database {visible(plan.database)} on {visible(plan.target)}, counted at "
        f"{plan.made_at}",
    )
    yield f"Nothing was changed. Times are those of the server, in {visible(plan.zone)}."
    yield from head(2, "What would be erased, in this order")
    yield from _counts(plan.dry.counts)
    if plan.dry.along:
        yield from head(2, "What goes along in tables without a rule")
        yield from (_along(one) for one in plan.dry.along)
    if plan.dry.whole:
        yield from head(
            2, "Partitions of which every row would go: this is quicker, and is for you to do (final)"
        )
        yield from (f"- {visible(one.sql)} -- {one.rows:,} rows" for one in plan.dry.whole)
    if plan.holds:
        yield from head(2, "Holds in force")
        for table, reason, until in plan.holds:
            yield f"- {visible(table)}: {visible(reason)}, until {until or 'it is taken out'}"
    if plan.dry.fires:
        yield from head(2, "Triggers that it sets off")
        yield from (f"- {visible(one)}" for one in plan.dry.fires)
    if plan.dry.unindexed:
        yield from head(2, "Foreign keys without an index: each row that is deleted reads the whole table")
        yield from (f"- {visible(one)}" for one in plan.dry.unindexed)
    yield from _dependents(plan.dependents, head)
    yield from _notes(plan.notes, head)


def _report_lines(report: ErasureReport, head: Any) -> Iterator[str]:
    record = report.record
    what = "of one person (GDPR art. 17)" if record.person else "by the retention rules (GDPR art. 5(1)(e))"
    yield from head(
        1,
        f"Erasure {what}: database {visible(record.database)} on {visible(record.target)}, "
        f"{record.began_at} to "
        f"{record.ended_at}; looked at {report.looked_at}",
    )
    yield f"All of it was on disk when WAL was at {record.lsn}; what is older holds what was erased."
    yield (
        f"No batch took longer than {record.longest_ms:g} ms. "
        + (
            "A checkpoint was made."
            if record.checkpointed
            else "This role may make no checkpoint: files on disk follow."
        )
    )
    if report.journal:
        yield f"The journal ends with {report.journal}."
    yield from head(2, "Tables")
    for one in record.done:
        yield from _done(one)
    if record.along:
        yield from head(2, "What went along in tables without a rule, as it was counted before")
        yield from (_along(one) for one in record.along)
    yield from head(2, "What was not erased, and why")
    yield from (f"- {visible(one)}" for one in record.not_erased or ("nothing that was due",))
    if record.whole:
        yield (
            f"- {plural(record.whole, 'partition')} held nothing but what was due: they are empty now, and "
            "still there"
        )
    yield from head(2, "The files of the tables")
    yield from (_claim(one) for one in report.claims)
    yield from head(2, "Beside the tables")
    yield from (_claim(one) for one in report.beside)
    if record.audit_erased is not None:
        left = record.audit_unsealed or 0
        yield (
            f"- audit store: {record.audit_erased:,} entries of the person were emptied"
            + (
                f"; {left:,} are not sealed yet and stay: pgguard audit seal, then run this again"
                if left
                else ""
            )
        )
    if record.refreshed:
        yield f"- refreshed: {visible(', '.join(record.refreshed))}"
    yield "- files removed: none by this; keys destroyed: none by this (pgguard keys destroy)"
    yield from _dependents(record.dependents, head)


def _counts(counts: Sequence[Counted]) -> Iterator[str]:
    for one in counts:
        older = f" older than {one.cutoff}" if one.cutoff else ""
        yield (
            f"- {visible(one.table)} ({one.method}): {one.going:,} of {one.rows:,} rows; {one.due:,} "
            f"due{older}, "
            f"{one.held:,} held, {one.blocked:,} blocked by rows that stay"
            + (f"; {one.ageless:,} rows have no age and are never erased" if one.ageless else "")
        )


def _along(one: Along) -> str:
    what = "go by ON DELETE CASCADE" if one.what == "cascade" else "lose their reference (SET NULL)"
    return f"- {visible(one.table)}: {one.rows:,} rows {what} ({visible(one.constraint)})"


def _done(one: Done) -> Iterator[str]:
    yield (
        f"- {visible(one.table)} ({one.method}): {one.before:,} rows before, {one.after:,} after, "
        f"{one.changed:,} "
        f"{'erased' if one.method == 'delete' else 'emptied'} by this run; {one.held:,} held, "
        f"{one.blocked:,} blocked"
    )
    done = ", ".join(
        name for name, was in (("VACUUM and ANALYZE", one.vacuumed), ("written anew", one.rewritten)) if was
    )
    before, after = one.files_before, one.files_after
    yield (
        f"  - {done or 'not vacuumed'}; main file {_nodes(before.nodes)} before, {_nodes(after.nodes)} "
        "after; bytes of "
        f"rows {before.heap:,} -> {after.heap:,}, TOAST {before.toast:,} -> {after.toast:,}, indexes "
        f"{before.indexes:,} -> {after.indexes:,}"
    )
    yield from (f"  - {visible(said)}" for said in one.said)


def _nodes(nodes: Sequence[int]) -> str:
    few = 3
    return ", ".join(map(str, nodes[:few])) + (f" and {len(nodes) - few} more" if len(nodes) > few else "")


def _claim(one: Claim) -> str:
    where = f"{visible(one.table)}, {one.place}" if one.table else visible(one.place)
    return f"- {where}: {_STATES[one.state]}: {visible(one.why)}"


def _dependents(found: Sequence[Dependent], head: Any) -> Iterator[str]:
    if found:
        yield from head(2, "What holds the same data beside these tables")
        yield from (f"- {one.kind} {visible(one.name)}: {visible(one.until)}" for one in found)


def _notes(notes: Sequence[str], head: Any) -> Iterator[str]:
    if notes:
        yield from head(2, "Not done")
        yield from (f"- {visible(one)}" for one in notes)


def _plain_head(level: int, text: str) -> Iterator[str]:
    if level > 1:
        yield ""
        yield f" {text.upper()}"
    else:
        yield text
        yield ""


def _marked_head(level: int, text: str) -> Iterator[str]:
    if level > 1:
        yield ""
    yield f"{'#' * level} {text}"
    yield ""


def _text(lines: Iterable[str], width: int | None) -> str:
    found: list[str] = []
    for line in lines:
        indent = len(line) - len(line.lstrip(" -"))
        found += textwrap.wrap(
            line,
            width or _WIDTH,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        ) or [""]
    return "\n".join(found) + "\n"


def _plain(value: Any) -> Any:
    """Named tuples by their names, and all else as JSON has it."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return msgspec.to_builtins(value)
