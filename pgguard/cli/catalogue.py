"""`pgguard checks` and `pgguard explain`: what is looked for, and why."""

from __future__ import annotations

from typing import Annotated

import typer


def checks() -> None:
    """List the checks: severity, id, what it finds."""
    from pgguard.checks import all_checks
    from pgguard.report.catalogue import listing

    print(listing(all_checks()))


def explain(check: Annotated[str, typer.Argument(metavar="CHECK", help="The id of a check.")]) -> None:
    """Explain a check: what it finds, why it matters, how to fix it, when it is silent."""
    from pgguard.checks import named
    from pgguard.report.catalogue import explanation

    print(explanation(named(check)))
