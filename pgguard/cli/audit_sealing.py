"""`pgguard audit auditor-key`, `unseal` and `shred`: values that only the auditor can open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pgguard.cli.output import Output
from pgguard.cli.source import Source, connects


@connects
def auditor_key(
    source: Source,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An OpenPGP public key, armored or binary.")],
) -> None:
    """Seal the values of columns of the class seal to this public key from now on.

    The secret key stays with the auditor, away from the database: without it nobody reads what is sealed.
    What was sealed to a key before is opened by that key.
    """
    from pgguard.server.audit_sealing import set_auditor_key
    from pgguard.store.openpgp_key import read_auditor_key

    key = read_auditor_key(file)
    before = set_auditor_key(source.target, key.fingerprint, key.material)
    print(f"values are sealed to {key.fingerprint} ({key.told}) from now on")
    if before and before != key.fingerprint:
        print(f"{before} opens what was sealed before: keep its secret key")
    print("compare it with what the auditor reads out: gpg --fingerprint")


def unseal(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What pgguard audit export --with-sealed wrote.")
    ],
    output: Output = None,
    gpg: Annotated[str, typer.Option("--gpg", metavar="PROGRAM", help="GnuPG.")] = "gpg",
    home: Annotated[
        Path | None, typer.Option("--gpg-home", metavar="FOLDER", help="GnuPG's folder with the secret key.")
    ] = None,
) -> None:
    """Show the sealed values of an export, with the auditor's secret key; no server is needed.

    The output holds patients' values.
    """
    import resource

    from pgguard.cli.output import write
    from pgguard.report.audit_opened import lines
    from pgguard.store.unsealing import by_gpg
    from pgguard.store.unsealing import unseal as opened

    # a core file would hold values and keys
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    text = "".join(lines(opened(file, by_gpg(gpg, home))))
    write(text or "nothing in it is sealed", output)


@connects
def shred(
    source: Source,
    before: Annotated[
        str, typer.Option("--before", metavar="TIME", help="What was sealed before this time.")
    ],
    yes_destroy: Annotated[
        int | None,
        typer.Option(
            "--yes-destroy", metavar="N", help="So many keys are to be destroyed, and not one more."
        ),
    ] = None,
) -> None:
    """Make sealed values unreadable for good, by destroying their keys; entries and their evidence stay.

    Copies of keys in exports, backups and WAL are not reached.
    """
    from pgguard.cli.audit_search import moment
    from pgguard.errors import UsageError
    from pgguard.server.audit_sealing import destroy

    at = moment(before)
    if at is None:
        msg = "say before which time: --before 2020-01-01"
        raise UsageError(msg)
    print(f"{destroy(source.target, at, yes_destroy)} keys destroyed")
    print("they are gone from the files after VACUUM FULL pgguard_audit.sealed_key")
