"""`pgguard auditor-role`: the login that inspections should use."""

from __future__ import annotations

from typing import Annotated

import typer

from pgguard.cli.source import Source, reads_snapshot


@reads_snapshot
def auditor_role(
    source: Source,
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="The login's name.")
    ] = "pgguard_auditor",
) -> None:
    """Print the GRANTs of a login that is not superuser and sees what PostgreSQL lets it see.

    Nothing is changed: read the SQL, then run it with psql as a superuser. With a server (or --from FILE)
    it is made for that one; without, it is for every version.
    """
    from pgguard.cli.output import write
    from pgguard.report.auditor import grants

    write(grants(source.snapshot() if source.is_chosen else None, role), None)
