"""`pgguard audit`: keeps the audit store, seals and verifies it, and answers from it."""

from __future__ import annotations

import typer

audit = typer.Typer(name="audit", no_args_is_help=True, help="Keep, seal, verify and search the audit store.")


@audit.callback()
def _group() -> None:
    pass
