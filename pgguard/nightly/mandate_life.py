"""A mandate's life as its folder and the policy tell it, and what is missing, late or in doubt."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pgguard.model.extraction import Life, LifeEvent
from pgguard.store.documents import read_document
from pgguard.store.export_folder import has_folder, open_folder
from pgguard.store.mandate_journal import Journal, read_journal
from pgguard.store.manifest import read_erasure, read_manifest

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Sequence

    from pgguard.model.extraction import Erasure, Manifest
    from pgguard.model.mandate import Mandate, MandateTable


def life(mandate: Mandate, tables: Sequence[MandateTable], now: datetime.datetime) -> Life:
    """What is known today. Raises `UsageError` and `InputError` when the folder cannot be read."""
    journal, made, erased = Journal(()), None, None
    if has_folder(mandate):
        folder = open_folder(mandate)
        try:
            journal = read_journal(mandate)
            made = read_manifest(folder, mandate)
            erased = read_erasure(folder, mandate)
        finally:
            os.close(folder)
    events = tuple(LifeEvent(one.at, one.event, one.account, dict(one.details)) for one in journal.entries)
    return Life(
        mandate=mandate.name,
        made_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        purpose=mandate.purpose,
        contract=mandate.contract,
        instructed_by=mandate.instructed_by,
        instructed_on=mandate.instructed_on.isoformat(),
        document=mandate.document,
        instruction_sha256=mandate.sha256,
        role=mandate.role,
        start=mandate.start.isoformat(),
        until=mandate.until.isoformat(),
        erase_by=mandate.erase_by.isoformat(),
        ceiling=mandate.ceiling,
        recipients=tuple(f"{kind} {name}" for kind, name in made[0].recipients) if made else (),
        scope=tuple((one.table, one.columns, bool(one.rows), one.ceiling) for one in tables),
        events=events,
        journal=journal.entries[-1].digest if journal.entries else "",
        manifest=made[0] if made else None,
        manifest_sha256=made[1] if made else "",
        erasure=erased[0] if erased else None,
        erasure_sha256=erased[1] if erased else "",
        doubts=tuple(_doubts(mandate, journal, made, erased, now.date())),
    )


def _doubts(
    mandate: Mandate,
    journal: Journal,
    made: tuple[Manifest, str] | None,
    erased: tuple[Erasure, str] | None,
    today: datetime.date,
) -> Iterator[str]:
    if journal.problem:
        yield f"the journal: {journal.problem}"
    document = read_document(mandate.document)
    if document.sha256 != mandate.sha256:
        why = document.reason or "it is another text than the one with the declared sha256"
        yield f"the instruction {mandate.document}: {why}"
    yield from _of_extraction(journal, made)
    yield from _of_end(mandate, journal, erased, today)


def _of_extraction(journal: Journal, made: tuple[Manifest, str] | None) -> Iterator[str]:
    opened, done = journal.last("opened"), journal.last("extracted")
    if done is not None and opened is None:
        yield "the journal does not say that it was opened by pgguard"
    failed = [one for one in journal.entries if one.event == "extraction-failed"]
    if failed:
        yield f"{len(failed)} extractions were begun and failed: rows may have been read for them"
    begun = sum(one.event == "extracting" for one in journal.entries)
    ended = sum(one.event == "extracted" for one in journal.entries) + len(failed)
    if begun > ended:
        yield f"{begun - ended} extractions were begun and broken off: rows may have been read for them"
    again = [one for one in journal.entries if one.event == "extracting" and "again" in one.details]
    if again:
        yield f"it was extracted {len(again) + 1} times"
    if done is None:
        if made is not None:
            yield "there is a manifest that the journal does not know"
        return
    if made is None:
        yield "the manifest of the extraction is gone"
    elif done.details.get("manifest_sha256") != made[1]:
        yield "the manifest is not the one that the journal has the sha256 of"
    verified = journal.last("verified")
    if verified is None or verified.number < done.number:
        yield "the extraction was not verified (pgguard mandate verify)"
    elif verified.details.get("result") != "pass":
        yield f"the last verification said: {verified.details.get('result')}"


def _of_end(
    mandate: Mandate, journal: Journal, erased: tuple[Erasure, str] | None, today: datetime.date
) -> Iterator[str]:
    opened, closed = journal.last("opened"), journal.last("closed")
    if opened is not None and (closed is None or closed.number < opened.number):
        late = f", and its window ended on {mandate.until}" if today > mandate.until else ""
        yield f"it is not closed{late}"
    elif closed is not None and closed.at[:10] > mandate.until.isoformat():
        yield f"it was closed on {closed.at[:10]}, after its window"
    done, extracted = journal.last("erased"), journal.last("extracting", "extracted")
    if done is None or (extracted is not None and done.number < extracted.number):
        if extracted is not None:
            days = (today - mandate.erase_by).days
            yield f"it is not erased, {days} days late" if days > 0 else "it is not erased yet"
        return
    if done.at[:10] > mandate.erase_by.isoformat():
        yield f"it was erased on {done.at[:10]}, after {mandate.erase_by}"
    if erased is None or done.details.get("erasure_sha256") != erased[1]:
        yield "the record of the erasure is not the one that the journal has the sha256 of"
    elif erased[0].without_receipt:
        yield f"it was erased without a receipt: {erased[0].without_receipt}"
    if erased is not None and erased[0].unseen:
        yield f"the server was not asked when it was erased: {erased[0].unseen}"
