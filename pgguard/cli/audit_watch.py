"""`pgguard audit watch`: what event triggers never see becomes entries of the audit."""

from __future__ import annotations

from typing import Annotated

import typer

from pgguard.cli.output import progress
from pgguard.cli.source import Source, connects


@connects
def watch(
    source: Source,
    every: Annotated[
        int, typer.Option("--every", metavar="SECONDS", min=0, help="Look again and again. Default: once.")
    ] = 0,
) -> None:
    """Record what changed of roles, memberships, settings, pg_hba.conf and of the audit itself.

    Each difference from the last look is an entry of the store and a line here. Who made it, the server's
    log tells. Run it for each audited database, as a member of pgguard_audit_keeper.
    """
    from pgguard.report.audit_watch import render
    from pgguard.server.audit_watch import watch as looks

    with progress() as say:
        for differences in looks(source.target, every, say):
            print(render(differences), end="", flush=True)
