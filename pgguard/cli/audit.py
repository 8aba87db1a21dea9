"""`pgguard audit`: keeps the audit store, seals and verifies it, and answers from it."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="The audit store: who changed and who read what.")
