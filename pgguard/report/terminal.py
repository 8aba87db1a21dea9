"""The report for a terminal: the worst first, the evidence in a line, the fix in a line."""

from __future__ import annotations

import io
from importlib.metadata import version
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pgguard.model.finding import Severity, Verdict
from pgguard.report.text import plural, statement, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.finding import Judged, Outcome, Report

_STYLES = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "bold yellow",
    Severity.LOW: "bold cyan",
}
# of equally serious findings first who gets in, then who is too powerful, then what everybody reaches
_FAMILIES = ("hba", "ident", "net", "pwd", "role", "grant", "rls", "func", "ext", "enc", "ret", "repl")
_UNWRAPPED = 100_000


def render(report: Report, *, width: int | None = None, color: bool = False) -> str:
    """The report as text of at most `width` columns (None: no line is wrapped), with or without colour."""
    console = Console(
        file=io.StringIO(),
        width=width or _UNWRAPPED,
        color_system="standard" if color else None,
        force_terminal=color,
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    _head(console, report)
    for severity in sorted(Severity, reverse=True):
        _findings(console, severity, _open(report, severity))
    _waived(console, report)
    _not_evaluated(console, report)
    _not_applicable(console, report)
    _summary(console, report)
    assert isinstance(console.file, io.StringIO)  # noqa: S101 - made above
    # the padding that fills a line up to its width is of no use in a file
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _head(console: Console, report: Report) -> None:
    names = ", ".join(report.databases)
    console.print(
        Text.assemble(
            (f"pgguard {version('pgguard')}", "bold"),
            f"  PostgreSQL {report.server_version} at {visible(report.target)}, "
            f"{plural(len(report.databases), 'database')}: {visible(names)}",
        )
    )
    policy = f"policy {visible(report.policy_file)}" if report.policy_file else "no policy file"
    if report.register_file:
        policy += f", register {visible(report.register_file)} (sha256 {report.register_sha256[:16]}...)"
    when = report.inspected_at[:16].replace("T", " ")
    console.print(Text(f"inspected {when} UTC as {visible(report.inspected_as)}, {policy}"))


def _open(report: Report, severity: Severity) -> list[tuple[str, Judged]]:
    found = [
        (outcome.check, judged)
        for outcome in report.outcomes
        for judged in outcome.findings
        if judged.severity is severity and judged.waived is None
    ]
    return sorted(found, key=lambda one: _family(one[0]))


def _family(check: str) -> int:
    family = check.partition("-")[0]
    return _FAMILIES.index(family) if family in _FAMILIES else len(_FAMILIES)


def _findings(console: Console, severity: Severity, found: list[tuple[str, Judged]]) -> None:
    if not found:
        return
    _heading(console, severity.label.upper(), len(found), _STYLES[severity])
    for check, judged in found:
        console.print(Text.assemble((check, "bold"), "  ", _subject(judged)))
        _indented(console, Text(visible(judged.finding.evidence)))
        _indented(console, Text.assemble(("fix  ", "green"), visible(_fix(judged))))


def _heading(console: Console, word: str, count: int, style: str = "bold") -> None:
    console.print()
    console.print(Text.assemble((f" {word} ", style), f" {count}"))


def _subject(judged: Judged) -> str:
    subject = judged.finding.subject
    where = f"  (database {visible(subject.database)})" if subject.database else ""
    return f"{visible(subject.name)}{where}"


def _indented(console: Console, text: Text) -> None:
    console.print(Padding(text, (0, 0, 0, 4)))


def _fix(judged: Judged) -> str:
    changes = judged.finding.fix
    if not changes:
        return judged.advice
    first = statement(changes[0], judged.finding).removeprefix("-- ")
    if not changes[0].undo and not changes[0].sql.startswith("--"):
        first += "  -- cannot be undone"
    more = len(changes) - 1
    return first if not more else f"{first}  (and {plural(more, 'more statement')}: --format json)"


def _waived(console: Console, report: Report) -> None:
    found = [
        (outcome.check, judged) for outcome in report.outcomes for judged in outcome.findings if judged.waived
    ]
    if not found:
        return
    _heading(console, "WAIVED", len(found))
    for check, judged in found:
        assert judged.waived is not None  # noqa: S101 - chosen above
        console.print(Text.assemble((check, "bold"), "  ", _subject(judged), f"  {judged.severity.label}"))
        waiver = judged.waived
        _indented(console, Text(f"{visible(waiver.reason)} ({visible(waiver.owner)}, until {waiver.until})"))


def _not_evaluated(console: Console, report: Report) -> None:
    groups = _by_reason(outcome for outcome in report.outcomes if outcome.incomplete)
    if not groups:
        return
    _heading(console, "NOT EVALUATED", report.unknown, "bold magenta")
    _reasons(console, groups)


def _not_applicable(console: Console, report: Report) -> None:
    groups = _by_reason(one for one in report.outcomes if one.verdict is Verdict.NOT_APPLICABLE)
    if groups:
        _heading(console, "NOT APPLICABLE", sum(len(ids) for ids in groups.values()))
        _reasons(console, groups)


def _by_reason(outcomes: Iterable[Outcome]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for outcome in outcomes:
        part = " (in part)" if outcome.verdict is Verdict.FAIL else ""
        groups.setdefault(outcome.reason, []).append(outcome.check + part)
    return groups


def _reasons(console: Console, groups: dict[str, list[str]]) -> None:
    for reason, ids in groups.items():
        console.print(Text(", ".join(ids), "bold"))
        _indented(console, Text(visible(reason)))


def _summary(console: Console, report: Report) -> None:
    counts = ", ".join(
        f"{report.count(severity)} {severity.label}" for severity in sorted(Severity, reverse=True)
    )
    passed = sum(1 for outcome in report.outcomes if outcome.verdict is Verdict.PASS)
    parts = [counts, f"{passed} of {plural(len(report.outcomes), 'check')} passed"]
    if report.unknown:
        parts.append(f"{report.unknown} not evaluated")
    if report.waived:
        parts.append(f"{report.waived} waived")
    console.print()
    console.print(Text("; ".join(parts), "bold"))
    if report.outcomes:
        console.print(Text("pgguard explain CHECK tells why it matters and how to fix it by hand."))
