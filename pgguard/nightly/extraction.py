"""An extraction under a mandate, from the first look to the manifest, which makes it complete.

Files are drafts until all of them are whole. What an earlier run left, killed at whatever point, is removed
or finished by the next: a manifest stands for files that are all there, and no file has its name without
being whole.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

import msgspec

from pgguard.errors import InputError, PgguardError, UsageError
from pgguard.model.extraction import FORMAT, Checksums, FileMade, Manifest, TableMade
from pgguard.server.extract import CSV, Reading, Source, reading
from pgguard.store.documents import read_document
from pgguard.store.encrypting import Encryption, leave_no_core
from pgguard.store.export_folder import open_folder, still_there
from pgguard.store.mandate_journal import append, read_journal
from pgguard.store.manifest import (
    CHECKSUMS,
    MANIFEST,
    file_of,
    held,
    publish,
    read_manifest,
    remove,
    write_manifest,
)
from pgguard.store.recipients import ENDINGS, read_recipients

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pgguard.model.mandate import Mandate, MandateTable
    from pgguard.server.connect import Target
    from pgguard.store.mandate_journal import Entry
    from pgguard.store.recipients import Kind, Recipient


def extract(
    mandate: Mandate,
    tables: Sequence[MandateTable],
    target: Target,
    now: datetime.datetime,
    *,
    again: str = "",
    say: Callable[[str], None] = lambda text: None,
) -> Manifest:
    """Bring the mandated rows, encrypted, into the mandate's folder; `again` says why once more.

    Raises `UsageError` and `PolicyError` for what forbids it, before a row is asked for; `ConnectError`,
    `InputError` and `UsageError` for what stops it, and then no file is left that looks whole.
    """
    leave_no_core()
    _in_window(mandate, now)
    _instructed(mandate)
    recipients = read_recipients(mandate, now)
    folder = open_folder(mandate, make=True)
    try:
        with locked(mandate, folder):
            finished = _finished(mandate, folder, again)
            if finished is not None:
                return finished
            return _extract(mandate, tables, target, recipients, folder, again, say)
    finally:
        os.close(folder)


@contextlib.contextmanager
def locked(mandate: Mandate, folder: int) -> Iterator[None]:
    """One command at a time works in a mandate's folder. Raises `UsageError` while another does."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        msg = f"mandate {mandate.name}: another pgguard works in its folder: wait until it ends"
        raise UsageError(msg) from None
    yield


def _in_window(mandate: Mandate, now: datetime.datetime) -> None:
    today = now.date()
    if today < mandate.start:
        msg = f"mandate {mandate.name} begins on {mandate.start}: nothing is extracted before"
        raise UsageError(msg)
    if today > mandate.until:
        msg = f"mandate {mandate.name} ended on {mandate.until}: close it, or have it instructed anew"
        raise UsageError(msg)


def _instructed(mandate: Mandate) -> None:
    document = read_document(mandate.document)
    if document.sha256 != mandate.sha256:
        why = document.reason or "it is not the text that the policy has the sha256 of"
        msg = f"mandate {mandate.name}: instruction {mandate.document}: {why}"
        raise UsageError(msg)


def _finished(mandate: Mandate, folder: int, again: str) -> Manifest | None:
    """The extraction that was complete but for the journal. Raises `UsageError` for one that is done."""
    journal = read_journal(mandate)
    if journal.problem:
        msg = f"mandate {mandate.name}: its journal cannot be trusted: {journal.problem}"
        raise InputError(msg)
    last = journal.last("extracting", "extraction-failed", "extracted", "erasing", "erased")
    made = read_manifest(folder, mandate)
    if last is not None and last.event == "extracting" and made is not None:
        manifest, digest = made
        if manifest.journal == last.digest:
            _journal_extracted(mandate, manifest, digest)
            return manifest
    done = journal.last("extracted")
    if not again and done is not None and last is not None and last.event != "extracting":
        msg = f"mandate {mandate.name} was extracted at {done.at}: --again REASON does it once more"
        raise UsageError(msg)
    return None


def _extract(
    mandate: Mandate,
    tables: Sequence[MandateTable],
    target: Target,
    recipients: Sequence[Recipient],
    folder: int,
    again: str,
    say: Callable[[str], None],
) -> Manifest:
    lying = held(folder, tables)
    if lying.foreign:
        msg = (
            f"mandate {mandate.name}: in its folder lies what is not ours: {', '.join(lying.foreign)}: move "
            "it away, for whoever gets the folder would get it too"
        )
        raise UsageError(msg)
    remove(folder, lying.drafts)
    say("counting the rows")
    with reading(target, mandate, tables) as read:
        begun = append(mandate, "extracting", _begun(mandate, read, again))
        try:
            made = _Files(mandate, recipients, folder, read, say).made()
            manifest = _manifest(mandate, read, recipients, made, begun, again)
            # a manifest never stands beside files that are not its own
            remove(folder, lying.ours)
            publish(folder, [one.file for one in manifest.files])
            if not still_there(mandate, folder):
                msg = f"mandate {mandate.name}: its folder was exchanged meanwhile: nothing was kept in it"
                raise UsageError(msg)
            digest = write_manifest(folder, manifest)
        except BaseException as error:
            _undone(tables, folder)
            why = str(error) if isinstance(error, PgguardError) else type(error).__name__
            with contextlib.suppress(PgguardError):
                append(mandate, "extraction-failed", {"why": why})
            raise
    _journal_extracted(mandate, manifest, digest)
    return manifest


def _undone(tables: Sequence[MandateTable], folder: int) -> None:
    left = held(folder, tables)
    remove(folder, left.drafts)
    if MANIFEST not in left.ours:
        remove(folder, left.ours)


class _Files:
    """Writes the files of one extraction as drafts, a table after the other."""

    def __init__(
        self,
        mandate: Mandate,
        recipients: Sequence[Recipient],
        folder: int,
        read: Reading,
        say: Callable[[str], None],
    ) -> None:
        self._mandate, self._recipients = mandate, recipients
        self._folder, self._read, self._say = folder, read, say
        self._kinds: list[Kind] = list(dict.fromkeys(one.kind for one in recipients))
        self._key = secrets.token_bytes(32)
        self._plain: dict[str, tuple[str, int]] = {}

    def made(self) -> tuple[tuple[TableMade, ...], tuple[FileMade, ...]]:
        """All tables, and the encrypted list of checksums."""
        tables = tuple(self._table(one) for one in self._read.sources)
        checksums = Checksums(self._mandate.name, self._key.hex(), self._plain)
        return tables, tuple(self._files(CHECKSUMS, [msgspec.json.encode(checksums)], keyed=False))

    def _table(self, source: Source) -> TableMade:
        self._say(f"{source.entry.table}: {source.rows} rows")
        stem = file_of(source.entry.table, "age").removesuffix(ENDINGS["age"])
        files = tuple(self._files(stem, self._read.rows(source)))
        return TableMade(
            source.entry.table,
            source.relation,
            source.columns,
            source.predicate_sha256,
            source.definition_sha256,
            source.rows,
            source.entry.ceiling,
            files,
        )

    def _files(self, stem: str, blocks: Iterable[bytes | bytearray], *, keyed: bool = True) -> list[FileMade]:
        digest, size = hashlib.sha256(), 0
        with contextlib.ExitStack() as stack:
            drafts = []
            for kind in self._kinds:
                draft = Encryption(self._folder, stem + ENDINGS[kind], kind, self._recipients)
                stack.callback(draft.abandon)
                drafts.append((kind, draft))
            for block in blocks:
                for _, draft in drafts:
                    draft.write(block)
                digest.update(block)
                size += len(block)
            written = [(kind, draft.name, draft.finish()) for kind, draft in drafts]
            stack.pop_all()
        mac = hmac.new(self._key, digest.digest(), hashlib.sha256).hexdigest() if keyed else ""
        if keyed:
            self._plain |= {name: (digest.hexdigest(), size) for _, name, _ in written}
        return [FileMade(name, kind, one.bytes, one.sha256, mac) for kind, name, one in written]


def _begun(mandate: Mandate, read: Reading, again: str) -> dict[str, str]:
    origin = read.origin
    details = {
        "server": origin.server,
        "database": origin.database,
        "role": origin.role,
        "login": origin.login,
        "rows": str(sum(one.rows for one in read.sources)),
        "instruction_sha256": mandate.sha256,
    }
    return details | ({"again": again} if again else {})


def _journal_extracted(mandate: Mandate, manifest: Manifest, digest: str) -> None:
    details = {
        "manifest_sha256": digest,
        "rows": str(manifest.rows),
        "files": str(len(manifest.files)),
        "login": manifest.origin.login,
        "extracting": manifest.journal,
    }
    append(mandate, "extracted", details)


def _manifest(
    mandate: Mandate,
    read: Reading,
    recipients: Sequence[Recipient],
    made: tuple[tuple[TableMade, ...], tuple[FileMade, ...]],
    begun: Entry,
    again: str,
) -> Manifest:
    return Manifest(
        format=FORMAT,
        mandate=mandate.name,
        purpose=mandate.purpose,
        contract=mandate.contract,
        instructed_by=mandate.instructed_by,
        instructed_on=mandate.instructed_on.isoformat(),
        instruction_sha256=mandate.sha256,
        start=mandate.start.isoformat(),
        until=mandate.until.isoformat(),
        erase_by=mandate.erase_by.isoformat(),
        ceiling=mandate.ceiling,
        extracted_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        account=begun.account,
        journal=begun.digest,
        origin=read.origin,
        csv=CSV,
        recipients=tuple((one.kind, one.fingerprint) for one in recipients),
        tables=made[0],
        checksums=made[1],
        again=again,
    )
