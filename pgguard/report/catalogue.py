"""The checks for people: a line each, or one explained."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgguard.checks import Check

_WIDTH = 88


def listing(checks: Sequence[Check]) -> str:
    """One line a check, the most serious first."""
    longest = max(len(check.id) for check in checks)
    ordered = sorted(checks, key=lambda check: (-check.severity, check.id))
    return "\n".join(
        f"{check.severity.label:<8}  {check.id:<{longest}}  {check.title.rstrip('.')}" for check in ordered
    )


def explanation(check: Check) -> str:
    """Everything that a check says about itself."""
    parts = (
        (f"{check.id} ({check.severity.label})", check.title),
        ("Why it matters", check.why),
        ("How to fix", check.fix),
        ("Silent when", check.silent),
    )
    paragraphs = [
        f"{heading}\n{textwrap.indent(textwrap.fill(text, _WIDTH), '  ')}" for heading, text in parts
    ]
    references = "\n".join(f"  {reference}" for reference in check.references)
    return "\n\n".join([*paragraphs, f"References\n{references}"])
