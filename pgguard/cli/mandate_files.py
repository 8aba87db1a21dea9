"""`pgguard mandate extract, verify, erase, report`: what leaves under a mandate, until it is erased."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.inspect import PolicyFile
from pgguard.cli.output import Output, progress, write
from pgguard.cli.register import Form
from pgguard.cli.source import Source, connects

if TYPE_CHECKING:
    from pgguard.model.extraction import Checked, Life
    from pgguard.model.mandate import Mandate, MandateTable
    from pgguard.model.policy import Policy
    from pgguard.model.reads import ReadSeen

Name = Annotated[str, typer.Argument(metavar="MANDATE", help="Its name in the policy.")]


@connects
def extract(
    source: Source,
    name: Name,
    policy: PolicyFile = None,
    again: Annotated[str, typer.Option("--again", metavar="REASON", help="Do it once more, and why.")] = "",
) -> None:
    """Bring the mandated rows, of one snapshot and encrypted to the recipients, into the mandate's folder.

    It connects as the mandate's role, or as a login that may SET ROLE to it. No clear byte is written to a
    disk; the manifest is written last. What was broken off is finished by running it again.
    """
    from pgguard.nightly.extraction import extract as run

    chosen, tables = _chosen(_policy(policy)[0], name)
    with progress() as say:
        made = run(chosen, tables, source.target, _now(), again=again, say=say)
    print(f"mandate {name}: {made.rows} rows in {len(made.files)} encrypted files, with a manifest, in")
    print(f"{Path(chosen.folder, name)}: see `pgguard mandate verify {name}`")


@connects
def verify(
    source: Source,
    name: Name,
    policy: PolicyFile = None,
    identity: Annotated[
        Path | None,
        typer.Option(
            "--identity",
            metavar="FILE",
            help="Decrypt in memory with this age identity or OpenPGP secret key, and check the clear text.",
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not count the rows in the database now.")
    ] = False,
) -> None:
    """Hold manifest, files, mandate, database and observed reads against each other; nothing is written but a
    line of the journal.

    Exit code 1 when something does not agree, 3 when something could not be looked at.
    """
    from pgguard.nightly.mandate_verify import verify as run
    from pgguard.report.mandate_report import render_checked

    whole = _policy(policy)[0]
    chosen, tables = _chosen(whole, name)
    target = None if offline else source.target
    found = run(
        chosen, tables, _now(), target=target, reads=_reads(whole, chosen), identity=_identity(identity)
    )
    print(render_checked(found), end="")
    _verified(chosen, found)


@connects
def erase(
    source: Source,
    name: Name,
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="Who answers for it.")],
    policy: PolicyFile = None,
    receipt: Annotated[
        Path | None, typer.Option("--receipt", metavar="FILE", help="The recipient's receipt.")
    ] = None,
    receipt_of: Annotated[
        str, typer.Option("--receipt-of", metavar="DATE", help="The day of a receipt kept elsewhere.")
    ] = "",
    without_receipt: Annotated[
        str, typer.Option("--without-receipt", metavar="REASON", help="Why there is none.")
    ] = "",
    without_server: Annotated[
        str,
        typer.Option("--without-server", metavar="REASON", help="Erase the files alone: the server is gone."),
    ] = "",
) -> None:
    """Remove the files of a mandate and drop its staging tables, after the recipient's receipt.

    It says what was there, and what removing it does not do. Nothing that it does not know is touched.
    """
    from pgguard.nightly.mandate_erase import Receipt
    from pgguard.nightly.mandate_erase import erase as run
    from pgguard.report.mandate_report import render_erasure

    chosen, tables = _chosen(_policy(policy)[0], name)
    given = Receipt(str(receipt) if receipt else "", _day(receipt_of), without_receipt)
    target = None if without_server else source.target
    done = run(chosen, tables, target, given, by, _now(), unseen=without_server)
    print(render_erasure(done), end="")


def report(
    name: Annotated[str, typer.Argument(metavar="[MANDATE]", help="Its name in the policy.")] = "",
    policy: PolicyFile = None,
    output_format: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TERMINAL,
    output: Output = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Check the signature of such a report.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="PUBLIC", help="With --check: the public key, as PEM.")
    ] = None,
) -> None:
    """Write the life of a mandate: instruction, what was done when and by whom, what is missing or late.

    With -o FILE and a signing key in the policy ([mandates] signing_key) the signature is written to
    FILE.sig. Exit code 1 when something is missing, late or in doubt.
    """
    if check is not None or key is not None:
        _check(name, check, key)
        return
    from pgguard.nightly.mandate_life import life

    whole, file = _policy(policy)
    found = life(*_chosen(whole, name), _now())
    write(_text(found, output_format), output)
    _sign(whole, file, output)
    if found.doubts:
        raise typer.Exit(1)


def _text(found: Life, form: Form) -> str:
    from pgguard.report.mandate_report import render, render_json, render_markdown

    return {Form.TERMINAL: render, Form.MARKDOWN: render_markdown, Form.JSON: render_json}[form](found)


def _sign(policy: Policy, file: Path | None, output: Path | None) -> None:
    from pgguard.store.signing import fingerprint, read_signing_key, sign

    given = policy.mandates.signing_key
    if not given or file is None:
        return
    if output is None:
        typer.echo("it is not signed: give -o FILE, and FILE.sig is written beside it", err=True)
        return
    key = read_signing_key(file.parent / given)
    beside = output.with_name(f"{output.name}.sig")
    beside.write_bytes(sign(output.read_bytes(), key))
    typer.echo(f"signed: {beside}, by the key with sha256 {fingerprint(key.public_key())}", err=True)


def _check(name: str, check: Path | None, key: Path | None) -> None:
    from pgguard.errors import UsageError
    from pgguard.store.signing import check_signature

    if name or check is None or key is None:
        msg = "a signature is checked by --check FILE and --key PUBLIC together, without a mandate"
        raise UsageError(msg)
    print(f"{check}: signed by the key with sha256 {check_signature(check, key)}, and not changed since")


def _verified(chosen: Mandate, found: list[Checked]) -> None:
    from pgguard.store.mandate_journal import append

    failed, unknown = (sum(one.verdict == kind for one in found) for kind in ("fail", "unknown"))
    result = "fail" if failed else "unknown" if unknown else "pass"
    broken = any(one.subject == "journal" and one.verdict == "fail" for one in found)
    if not broken and any(one.subject == "journal" for one in found):
        append(chosen, "verified", {"result": result, "fail": str(failed), "unknown": str(unknown)})
    if result != "pass":
        raise typer.Exit(1 if failed else 3)


def _identity(path: Path | None) -> bytes:
    from pgguard.errors import InputError

    if path is None:
        return b""
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path}: the identity cannot be read: {error.strerror}"
        raise InputError(msg) from None


def _reads(policy: Policy, chosen: Mandate) -> list[ReadSeen] | None:
    from pgguard.observe.reads_store import Which
    from pgguard.observe.store import ObservationStore

    if not policy.observation.store:
        return None
    path = Path(policy.observation.store)
    if not path.exists():
        return []
    which = Which(person=chosen.role, since=chosen.start.isoformat(), database=chosen.database)
    with ObservationStore(path) as store:
        return list(store.kept_reads.reads(which))


def _day(text: str) -> datetime.date | None:
    from pgguard.errors import UsageError

    try:
        return datetime.date.fromisoformat(text) if text else None
    except ValueError:
        msg = f"--receipt-of {text}: expected a day such as 2026-03-31"
        raise UsageError(msg) from None


def _chosen(policy: Policy, name: str) -> tuple[Mandate, tuple[MandateTable, ...]]:
    from pgguard.errors import UsageError

    found = next((one for one in policy.mandate if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in policy.mandate) or "none"
        msg = f"the policy has no mandate {name}: there are {known}"
        raise UsageError(msg)
    return found, tuple(one for one in policy.mandate_table if one.mandate == name)


def _policy(chosen: Path | None) -> tuple[Policy, Path | None]:
    from pgguard.store.policy_file import find, load

    file = find(chosen, Path.cwd(), os.environ)
    return load(file).policy, file


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
