"""The end of a mandate: after the receipt its files and staging tables go, and what stays is told.

Killed at any point, a rerun finishes: what was there is written into the journal before it goes.
"""

from __future__ import annotations

import datetime
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pgguard.errors import InputError, UsageError
from pgguard.model.extraction import FORMAT, Dropped, Erasure, Removed
from pgguard.nightly.extraction import locked
from pgguard.server.mandate_erase import drop, kept_by_server, look
from pgguard.store.documents import read_document
from pgguard.store.export_folder import has_folder, open_folder
from pgguard.store.mandate_journal import append, read_journal
from pgguard.store.manifest import (
    MANIFEST,
    held,
    read_erasure,
    read_manifest,
    remove,
    status_of,
    write_erasure,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgguard.model.extraction import Manifest
    from pgguard.model.mandate import Mandate, MandateTable
    from pgguard.server.connect import Target
    from pgguard.store.mandate_journal import Journal
    from pgguard.store.manifest import Held

BEYOND = (
    "removing a file frees its blocks and does not write over them: they hold ciphers until the file system "
    "uses them again, on flash memory longer",
    "snapshots of the volume, copy-on-write file systems, backups and replicas of the folder keep the files "
    "until their own retention removes them",
    "the recipients' copies are theirs to erase: without their attestation nothing is known of them",
    "the ciphers open with the recipients' secret keys alone: where these are destroyed, no copy can be read",
)


class Receipt(NamedTuple):
    """Why it may be erased: the recipient's receipt as a document or of a day, or a reason to do without."""

    document: str = ""
    day: datetime.date | None = None
    reason: str = ""


def erase(
    mandate: Mandate,
    tables: Sequence[MandateTable],
    target: Target | None,
    receipt: Receipt,
    by: str,
    now: datetime.datetime,
    *,
    unseen: str = "",
) -> Erasure:
    """Erase what the mandate made, and tell what was not; without `target`, `unseen` says why.

    Raises `UsageError` for what forbids it, with nothing changed; `ConnectError` and `ApplyStopped` when the
    server stops it: then the files are still there.
    """
    if not has_folder(mandate):
        msg = f"mandate {mandate.name}: it has no folder, nothing was extracted here"
        raise UsageError(msg)
    folder = open_folder(mandate)
    try:
        with locked(mandate, folder):
            return _erase(mandate, tables, target, receipt, by, now, folder, unseen)
    finally:
        os.close(folder)


def _erase(
    mandate: Mandate,
    tables: Sequence[MandateTable],
    target: Target | None,
    receipt: Receipt,
    by: str,
    now: datetime.datetime,
    folder: int,
    unseen: str,
) -> Erasure:
    journal = read_journal(mandate)
    if journal.problem:
        msg = f"mandate {mandate.name}: its journal cannot be trusted: {journal.problem}"
        raise InputError(msg)
    made = read_manifest(folder, mandate)
    manifest = made[0] if made is not None else None
    why = _receipt(mandate, receipt, manifest, now)
    lying = held(folder, tables)
    # what an older policy named is ours as well when the manifest has it
    known = {one.file for one in manifest.files} if manifest is not None else set()
    foreign = [one for one in lying.foreign if one not in known]
    if foreign:
        msg = (
            f"mandate {mandate.name}: in its folder lies what is not ours: {', '.join(foreign)}: say what "
            "becomes of it first"
        )
        raise UsageError(msg)
    staging = look(target, mandate, tables) if target is not None else ()
    gone = _before(journal)
    done = read_erasure(folder, mandate)
    if done and _is_done(journal) and not staging and not _left(lying, known, folder):
        return done[0]
    append(mandate, "erasing", {"by": by} | {name: text for name, text in why.items() if text})
    dropped = drop(target, mandate, staging, lambda one: _keep(mandate, one)) if target is not None else ()
    files = _removed(folder, manifest, [*lying.ours, *lying.drafts], gone[1], mandate)
    # a drop that was written down and did not happen was written down again
    tables_gone = tuple((gone[0] | {one.table: one for one in dropped}).values())
    erasure = Erasure(
        format=FORMAT,
        mandate=mandate.name,
        at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        by=by,
        receipt_sha256=why["receipt_sha256"],
        receipt_of=why["receipt_of"],
        without_receipt=why["without_receipt"],
        tables=tables_gone,
        files=files,
        held=kept_by_server(target, mandate, tables_gone) if target is not None else (),
        beyond=BEYOND,
        unseen=unseen,
    )
    digest = write_erasure(folder, erasure)
    details = {
        "by": by,
        "files": str(len(erasure.files)),
        "tables": str(len(erasure.tables)),
        "rows": str(sum(one.rows for one in erasure.tables)),
        "erasure_sha256": digest,
    }
    append(mandate, "erased", details | ({"server not asked": unseen} if unseen else {}))
    return erasure


def _receipt(
    mandate: Mandate, receipt: Receipt, manifest: Manifest | None, now: datetime.datetime
) -> dict[str, str]:
    given = [bool(receipt.document), receipt.day is not None, bool(receipt.reason.strip())]
    if sum(given) != 1:
        msg = (
            f"mandate {mandate.name}: what was delivered is erased after its receipt: give one of "
            "--receipt FILE, --receipt-of DATE and --without-receipt REASON"
        )
        raise UsageError(msg)
    digest = ""
    if receipt.document:
        document = read_document(receipt.document)
        if document.reason:
            msg = f"mandate {mandate.name}: receipt {receipt.document}: {document.reason}"
            raise UsageError(msg)
        digest = document.sha256
    if receipt.day is not None:
        if receipt.day > now.date():
            msg = f"mandate {mandate.name}: a receipt of {receipt.day} is one of the future"
            raise UsageError(msg)
        if manifest is not None and receipt.day.isoformat() < manifest.extracted_at[:10]:
            msg = f"mandate {mandate.name}: a receipt of {receipt.day} is older than the extraction"
            raise UsageError(msg)
    day = receipt.day.isoformat() if receipt.day is not None else ""
    return {"receipt_sha256": digest, "receipt_of": day, "without_receipt": receipt.reason.strip()}


def _is_done(journal: Journal) -> bool:
    last = journal.last("erased", "erasing", "extracting", "extracted")
    return last is not None and last.event == "erased"


def _left(lying: Held, known: set[str], folder: int) -> bool:
    return bool(set(os.listdir(folder)) & known or lying.drafts or set(lying.ours) - {MANIFEST})


def _keep(mandate: Mandate, one: Dropped) -> None:
    append(mandate, "dropping", {name: str(value) for name, value in asdict(one).items()})


def _before(journal: Journal) -> tuple[dict[str, Dropped], dict[str, Removed]]:
    """What earlier runs of this erasure wrote down before it went."""
    tables: dict[str, Dropped] = {}
    files: dict[str, Removed] = {}
    for one in journal.entries:
        said = one.details
        if one.event == "extracted":
            tables, files = {}, {}
        elif one.event == "dropping":
            rows, size = int(said["rows"]), int(said["bytes"])
            tables[said["table"]] = Dropped(said["table"], rows, size, said["paths"])
        elif one.event == "removing":
            for file in msgspec.json.decode(said["files"], type=list[Removed]):
                files[file.file] = file
    return tables, files


def _removed(
    folder: int,
    manifest: Manifest | None,
    lying: Sequence[str],
    before: dict[str, Removed],
    mandate: Mandate,
) -> tuple[Removed, ...]:
    digests = {one.file: one.sha256 for one in manifest.files} if manifest is not None else {}
    names = [one for one in dict.fromkeys([*digests, *lying]) if one != MANIFEST]
    found: list[Removed] = []
    for name in names:
        status = status_of(folder, name)
        if status is not None:
            links = max(status.st_nlink - 1, 0)
            found.append(Removed(name, status.st_size, digests.get(name, ""), links))
    if found:
        append(mandate, "removing", {"files": msgspec.json.encode(found).decode()})
        remove(folder, [one.file for one in found])
    return tuple((before | {one.file: one for one in found}).values())
