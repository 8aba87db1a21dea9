"""`pgguard audit seal, verify, prove, ...`: evidence that the audit store was not rewritten."""

from __future__ import annotations

import math
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.output import Output
from pgguard.cli.source import Source, connects

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.model.evidence import Anchor

_STOPPED = 4
AnchorFile = Annotated[
    Path | None,
    typer.Option("--anchor", metavar="FILE", help="Anchors that were kept outside the database."),
]


@connects
def seal(
    source: Source,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", min=0, help="Go on, and seal so often. 0: once.")
    ] = 0,
    anchor: Annotated[
        list[str] | None,
        typer.Option(
            "--anchor", metavar="PLACE", help="file:PATH, syslog: or command:PROGRAM; may be repeated."
        ),
    ] = None,
    anchor_every: Annotated[
        float, typer.Option("--anchor-every", metavar="SECONDS", min=0, help="At most so often.")
    ] = 60,
) -> None:
    """Put the entries of finished transactions under a seal, and keep its head outside the database."""
    from pgguard.server.audit_seal import seal_for_ever, seal_once
    from pgguard.store.audit_anchor import check_places

    check_places(anchor or [])
    if not every:
        made = seal_once(source.target, newest=bool(anchor))
        print(f"{sum(one.entries for one in made)} entries sealed")
        raise typer.Exit(_anchored(anchor or [], [one.anchor for one in made]))
    place = _paced(anchor or [], anchor_every)
    for made in seal_for_ever(source.target, every, lambda text: print(f"pgguard: {text}", file=sys.stderr)):
        place([one.anchor for one in made])


@connects
def verify(
    source: Source,
    anchor: AnchorFile = None,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state", metavar="FILE", help="Where to keep how far it was verified, and to go on from there."
        ),
    ] = None,
) -> None:
    """Hold every entry against its seal, and the seals against the anchors.

    Exit code 0: all is as it was sealed; 1: it is not, and the first bad entry is named; 3: it cannot be
    told.
    """
    from pgguard.cli.output import progress
    from pgguard.report import audit_evidence as report
    from pgguard.server.audit_verify import verify as server
    from pgguard.store.audit_anchor import load_checkpoint, read, save_checkpoint

    anchors, told = read(anchor) if anchor else ([], [])
    with progress() as say:
        found = server(source.target, anchors, load_checkpoint(state) if state else None, progress=say)
    if state and found.checkpoint:
        save_checkpoint(state, found.checkpoint)
    print(report.verified(found._replace(remarks=(*found.remarks, *told))), end="")
    raise typer.Exit(0 if found.ok else 1)


@connects
def prove(
    source: Source,
    entry: Annotated[int, typer.Option("--entry", metavar="ID", help="The entry, by its id.")],
    anchor: AnchorFile = None,
    output: Output = None,
) -> None:
    """Print the proof that an entry is in the store, for somebody who has an anchor and no access."""
    from pgguard.cli.output import write
    from pgguard.server.audit_prove import prove_inclusion
    from pgguard.store.audit_anchor import read
    from pgguard.store.audit_proof import encode

    write(encode(prove_inclusion(source.target, entry, read(anchor)[0] if anchor else ())), output)


@connects
def prove_growth(
    source: Source,
    first: Annotated[int, typer.Option("--from", metavar="SEAL", help="The earlier seal.")],
    second: Annotated[
        int | None, typer.Option("--to", metavar="SEAL", help="The later seal. Default: the last.")
    ] = None,
    output: Output = None,
) -> None:
    """Print the proof that the store with a later seal begins with what it was at an earlier one."""
    from pgguard.cli.output import write
    from pgguard.server.audit_prove import prove_consistency
    from pgguard.store.audit_proof import encode

    write(encode(prove_consistency(source.target, first, second)), output)


def check_proof(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A proof that prove or prove-growth printed.")],
    anchor: AnchorFile = None,
) -> None:
    """Check a proof without the database.

    Exit code 0: it holds; 1: it does not; 3: it does, for a head that no anchor has.
    """
    from pgguard.store.audit_anchor import read
    from pgguard.store.audit_proof import load

    proof = load(file)
    wrong = proof.wrong()
    heads = {(one.installation, one.seal): one.head for one in (read(anchor)[0] if anchor else [])}
    known = heads.get((proof.installation, proof.size))
    if not wrong and known and known != proof.head:
        wrong = "the anchor of its seal has another head"
    print(
        wrong or ("it holds" if known else f"it holds for the head {proof.head}, of which no anchor is known")
    )
    raise typer.Exit(1 if wrong else 0 if known else 3)


def give_up(
    anchor: Annotated[Path, typer.Option("--anchor", metavar="FILE", help="The anchors.")],
    seal: Annotated[int, typer.Option("--from", metavar="SEAL", help="The first seal that is lost.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is told ever after.")],
) -> None:
    """Record in the anchors that seals went with a server that was lost, so that others may follow."""
    from datetime import UTC

    from pgguard.errors import UsageError
    from pgguard.store.audit_anchor import read, send

    count, _ = read(anchor)
    if not reason.strip() or seal > max(one.seal for one in count):
        msg = "say why, and give a seal that was anchored"
        raise UsageError(msg)
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    failed = send(
        f"file:{anchor}", count[-1]._replace(seal=seal, hash="", head="", sealed_at=now, lost=reason)
    )
    if failed:
        raise UsageError(failed)


@connects
def purge(
    source: Source,
    before: Annotated[
        datetime,
        typer.Option("--before", metavar="DATE", formats=["%Y-%m-%d"], help="In UTC; its day stays."),
    ],
) -> None:
    """Drop partitions of the store that ended before a day and are sealed whole; the seals stay."""
    from datetime import UTC

    from pgguard.server.audit_keep import purge as server

    for name, entries in server(source.target, before.replace(tzinfo=UTC)):
        print(f"{name} is dropped, {entries:,} entries")


@connects
def erase_subject(
    source: Source,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why, without names: it stays in the store.")
    ],
    table: Annotated[
        str | None, typer.Option("--table", metavar="NAME", help="Only what is about this table.")
    ] = None,
) -> None:
    """Empty what sealed entries hold of a person (art. 17 GDPR); the seals stay valid.

    The person's key, as the audit has it, is read from standard input, one a line. Entries that are not
    sealed yet are left, and told: exit code 4; run it again later.
    """
    from pgguard.server.audit_keep import erase

    done = erase(source.target, [line for line in sys.stdin.read().splitlines() if line], table, reason)
    print(
        f"{done.erased:,} entries erased" + (f", {done.unsealed:,} not sealed yet" if done.unsealed else "")
    )
    raise typer.Exit(_STOPPED if done.unsealed else 0)


@connects
def status(
    source: Source,
    max_lag: Annotated[
        float, typer.Option("--max-lag", metavar="SECONDS", help="How long entries may wait for a seal.")
    ] = 300,
) -> None:
    """Tell how the store stands: exit code 1 when it wants somebody's attention."""
    from pgguard.report import audit_evidence as report
    from pgguard.server.audit_keep import status as server

    found = server(source.target)
    wrong = report.wrong(found, max_lag)
    print(report.status(found, wrong), end="")
    raise typer.Exit(1 if wrong else 0)


@connects
def partitions(source: Source) -> None:
    """Make the partitions that are missing, of now and ahead."""
    from pgguard.server.audit_keep import make_partitions

    made = make_partitions(source.target)
    print("\n".join(f"pgguard_audit.{one}" for one in made) or "none is missing")


def _anchored(places: list[str], anchors: list[Anchor]) -> int:
    from pgguard.store.audit_anchor import send

    failed = [said for place in places for one in anchors[-1:] if (said := send(place, one))]
    for said in failed:
        print(f"pgguard: the seal is made, and not anchored: {said}", file=sys.stderr)
    return _STOPPED if failed else 0


def _paced(places: list[str], every: float) -> Callable[[list[Anchor]], None]:
    import time

    last = -math.inf
    waiting: list[Anchor] = []

    def place(made: list[Anchor]) -> None:
        nonlocal last, waiting
        # the newest vouches for those before it
        waiting = (waiting + made)[-1:]
        if waiting and time.monotonic() - last >= every:
            last = time.monotonic()
            if not _anchored(places, waiting):
                waiting = []

    return place
