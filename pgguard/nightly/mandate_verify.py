"""An extraction looked at again: manifest, files, mandate, database and observations held against each other.

Nothing is written, and what is decrypted is only counted and digested.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from typing import TYPE_CHECKING

import msgspec

from pgguard.errors import PgguardError
from pgguard.model.extraction import Checked, Checksums
from pgguard.model.quote import ident
from pgguard.server.extract import count_now, predicate_digest
from pgguard.store.encrypting import decrypted, leave_no_core
from pgguard.store.export_folder import has_folder, open_folder
from pgguard.store.file_cipher import cipher
from pgguard.store.mandate_journal import read_journal
from pgguard.store.manifest import CHECKSUMS, MANIFEST, held, open_file, read_manifest
from pgguard.store.recipients import read_recipients

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.model.extraction import FileMade, Manifest, TableMade, Verdict
    from pgguard.model.mandate import Mandate, MandateTable
    from pgguard.model.reads import ReadSeen
    from pgguard.server.connect import Target
    from pgguard.store.mandate_journal import Journal
    from pgguard.store.recipients import Kind

_BLOCK = 1 << 20
_AGE = b"AGE-SECRET-KEY-"


def verify(
    mandate: Mandate,
    tables: Sequence[MandateTable],
    now: datetime.datetime,
    *,
    target: Target | None = None,
    reads: Sequence[ReadSeen] | None = None,
    identity: bytes = b"",
) -> list[Checked]:
    """What agrees and what does not; `target` and `reads` where they are asked, `identity` to decrypt.

    Raises `UsageError` and `InputError` when there is nothing that can be looked at.
    """
    leave_no_core()
    if not has_folder(mandate):
        return [Checked("extraction", "unknown", "the mandate has no folder: nothing was extracted here")]
    folder = open_folder(mandate)
    try:
        journal = read_journal(mandate)
        made = read_manifest(folder, mandate)
        if made is None:
            return [*_journal(journal, None, ""), *_leftovers(folder, tables)]
        manifest, digest = made
        found = [*_journal(journal, manifest, digest), *_mandate(mandate, tables, manifest, now)]
        if journal.last("erased") is not None and _is_last(journal, "erased"):
            return [*found, *_erased(folder, tables)]
        found += _files(folder, tables, manifest)
        if identity:
            found += _texts(folder, manifest, identity)
        else:
            found.append(Checked("clear text", "noted", "not looked at: --identity FILE decrypts and counts"))
    finally:
        os.close(folder)
    if target is not None:
        found += _database(target, mandate, tables, manifest)
    return [*found, *_observed(manifest, journal, reads)]


def _is_last(journal: Journal, event: str) -> bool:
    last = journal.last("extracted", "erased")
    return last is not None and last.event == event


def _journal(journal: Journal, manifest: Manifest | None, digest: str) -> Iterator[Checked]:
    if journal.problem:
        yield Checked("journal", "fail", journal.problem)
    else:
        yield Checked("journal", "pass", f"{len(journal.entries)} lines in one chain")
    done = journal.last("extracted")
    if manifest is None:
        said = "there is no manifest: no extraction was completed"
        yield Checked(MANIFEST, "fail" if done else "unknown", said)
    elif done is None:
        yield Checked(
            MANIFEST, "fail", "the journal does not know it: was extract killed? Run it again, it finishes"
        )
    elif done.details.get("manifest_sha256") != digest:
        yield Checked(MANIFEST, "fail", "it is not the one that the journal has the sha256 of")
    else:
        yield Checked(MANIFEST, "pass", f"sha256 {digest}, as in the journal at {done.at}")


def _leftovers(folder: int, tables: Sequence[MandateTable]) -> Iterator[Checked]:
    lying = held(folder, tables)
    for name in (*lying.drafts, *lying.ours):
        yield Checked(name, "fail", "left by an extraction that did not end: extract or erase removes it")
    for name in lying.foreign:
        yield Checked(name, "fail", "it is not of the mandate")


def _erased(folder: int, tables: Sequence[MandateTable]) -> Iterator[Checked]:
    lying = held(folder, tables)
    left = [one for one in (*lying.ours, *lying.drafts, *lying.foreign) if one != MANIFEST]
    for name in left:
        yield Checked(name, "fail", "it is there, and the mandate was erased")
    if not left:
        yield Checked("files", "pass", "erased, and none is left in the folder")


def _mandate(
    mandate: Mandate, tables: Sequence[MandateTable], manifest: Manifest, now: datetime.datetime
) -> Iterator[Checked]:
    differs = [
        name
        for name, theirs, ours in (
            ("contract", manifest.contract, mandate.contract),
            ("the instruction's sha256", manifest.instruction_sha256, mandate.sha256),
            ("start", manifest.start, mandate.start.isoformat()),
            ("until", manifest.until, mandate.until.isoformat()),
            ("erase_by", manifest.erase_by, mandate.erase_by.isoformat()),
            ("ceiling", manifest.ceiling, mandate.ceiling),
            ("role", manifest.origin.role, mandate.role),
        )
        if theirs != ours
    ]
    yield Checked("mandate", *_same(differs, "as in the policy"))
    day = manifest.extracted_at[:10]
    inside = mandate.start.isoformat() <= day <= mandate.until.isoformat()
    yield Checked("window", "pass" if inside else "fail", f"extracted at {manifest.extracted_at}")
    yield Checked("recipients", *_recipients(mandate, manifest, now))
    entries = {one.table: one for one in tables}
    for table in manifest.tables:
        if table.table not in entries:
            yield Checked(table.table, "fail", "it was extracted, and is not in the mandate")
        else:
            yield from _table(entries.pop(table.table), table)
    for name in entries:
        yield Checked(name, "fail", "it is in the mandate, and was not extracted")
    said = f"{manifest.rows} rows in all, of {mandate.ceiling} allowed"
    yield Checked("ceiling", "pass" if manifest.rows <= mandate.ceiling else "fail", said)


def _same(differs: Sequence[str], good: str) -> tuple[Verdict, str]:
    return ("fail", f"another {', '.join(differs)} than in the policy") if differs else ("pass", good)


def _recipients(mandate: Mandate, manifest: Manifest, now: datetime.datetime) -> tuple[Verdict, str]:
    try:
        known = {(one.kind, one.fingerprint) for one in read_recipients(mandate, now)}
    except PgguardError as error:
        return "unknown", f"the keys of the policy cannot be compared: {str(error).splitlines()[0]}"
    if known != set(manifest.recipients):
        return "fail", "encrypted to other keys than those of the policy"
    return "pass", f"{len(known)} keys, as in the policy"


def _table(entry: MandateTable, table: TableMade) -> Iterator[Checked]:
    columns = tuple(one.name for one in table.columns)
    pairs = zip(entry.columns, columns, strict=False)
    fewer = len(entry.columns) != len(columns)
    differs = [
        name
        for name, is_so in (
            ("columns", any(one not in {two, ident(two)} for one, two in pairs) or fewer),
            ("condition on rows", table.predicate_sha256 != predicate_digest(entry)),
            ("ceiling", table.ceiling != entry.ceiling),
        )
        if is_so
    ]
    names = ", ".join(map(ident, columns))
    yield Checked(table.table, *_same(differs, f"{table.rows} rows of {names}"))
    if entry.ceiling is not None and table.rows > entry.ceiling:
        yield Checked(table.table, "fail", f"{table.rows} rows, of {entry.ceiling} allowed")


def _files(folder: int, tables: Sequence[MandateTable], manifest: Manifest) -> Iterator[Checked]:
    for one in manifest.files:
        wrong = _file(folder, one)
        said = f"{one.bytes} bytes, sha256 as in the manifest, encrypted"
        yield Checked(one.file, "fail" if wrong else "pass", wrong or said)
    lying = held(folder, tables)
    known = {one.file for one in manifest.files} | {MANIFEST}
    for name in (*(one for one in lying.ours if one not in known), *lying.drafts):
        yield Checked(name, "fail", "it is not in the manifest: left by an extraction that did not end")
    for name in lying.foreign:
        yield Checked(name, "fail", "it is not of the mandate, and goes with the folder to whoever gets it")


def _file(folder: int, one: FileMade) -> str:
    try:
        file = open_file(folder, one.file)
    except FileNotFoundError:
        return "it is gone"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    with open(file, "rb") as opened:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            return "it is not a file"
        if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid != os.geteuid():
            return f"others may read it (mode {stat.S_IMODE(status.st_mode):04o}, uid {status.st_uid})"
        if status.st_size != one.bytes:
            return f"it has {status.st_size} bytes, and {one.bytes} in the manifest"
        head = opened.read(_BLOCK)
        if not (cipher(head) or ("", False))[1]:
            return "it does not begin as an encrypted file"
        digest = hashlib.sha256(head)
        while block := opened.read(_BLOCK):
            digest.update(block)
    return "" if digest.hexdigest() == one.sha256 else "its sha256 is another one than in the manifest"


def _texts(folder: int, manifest: Manifest, identity: bytes) -> Iterator[Checked]:
    kind: Kind = "age" if _AGE in identity else "openpgp"
    try:
        (listed,) = [one for one in manifest.checksums if one.kind == kind]
    except ValueError:
        said = f"nothing was encrypted to a key of this kind ({kind})"
        yield Checked("clear text", "unknown", said)
        return
    try:
        text = b"".join(_clear(folder, listed.file, kind, identity))
        sums = msgspec.json.decode(text, type=Checksums)
    except (PgguardError, OSError) as error:
        yield Checked(listed.file, "fail", str(error))
        return
    except msgspec.MsgspecError:
        yield Checked(listed.file, "fail", f"it is no list of checksums ({CHECKSUMS})")
        return
    for table in manifest.tables:
        for one in table.files:
            if one.kind == kind:
                wrong = _text(folder, one, table, sums, identity)
                said = f"{table.rows} rows in clear text, checksums agree"
                yield Checked(one.file, "fail" if wrong else "pass", wrong or said)


def _text(folder: int, one: FileMade, table: TableMade, sums: Checksums, identity: bytes) -> str:
    digest, size, records, quoted = hashlib.sha256(), 0, 0, False
    try:
        for block in _clear(folder, one.file, one.kind, identity):
            digest.update(block)
            size += len(block)
            # lines within quotes are parts of a value
            for number, part in enumerate(block.split(b'"')):
                quoted = quoted ^ (number > 0)
                records += 0 if quoted else part.count(b"\n")
    except (PgguardError, OSError) as error:
        return str(error)
    mac = hmac.new(bytes.fromhex(sums.key), digest.digest(), hashlib.sha256).hexdigest()
    if sums.files.get(one.file) != (digest.hexdigest(), size):
        return "its clear text is another one than in the encrypted list of checksums"
    if not hmac.compare_digest(mac, one.plain_mac):
        return "its clear text is another one than in the manifest"
    if records - 1 != table.rows:
        return f"it has {records - 1} rows, and {table.rows} in the manifest"
    return ""


def _clear(folder: int, name: str, kind: str, identity: bytes) -> Iterator[bytes]:
    file = open_file(folder, name)
    try:
        yield from decrypted(file, "age" if kind == "age" else "openpgp", identity)
    finally:
        os.close(file)


def _database(
    target: Target, mandate: Mandate, tables: Sequence[MandateTable], manifest: Manifest
) -> Iterator[Checked]:
    extracted = {one.table: one.rows for one in manifest.tables}
    try:
        counted = count_now(target, mandate, tables)
    except PgguardError as error:
        yield Checked("database", "unknown", str(error))
        return
    if counted.cluster and manifest.origin.cluster and counted.cluster != manifest.origin.cluster:
        yield Checked("database", "fail", "this is another cluster than the one that was read")
        return
    for table, rows in counted.rows:
        if isinstance(rows, str):
            yield Checked(table, "unknown", f"its rows cannot be counted now: {rows}")
        else:
            said = f"{rows} rows in the database now, {extracted.get(table, 0)} extracted"
            yield Checked(table, "noted", said)


def _observed(manifest: Manifest, journal: Journal, reads: Sequence[ReadSeen] | None) -> Iterator[Checked]:
    if reads is None:
        yield Checked("observed reads", "noted", "not asked: the policy names no store ([observation] store)")
        return
    once = sum(one.event == "extracting" for one in journal.entries) == 1
    for table in manifest.tables:
        names = {table.table, table.source}
        own = [one for one in reads if one.relation in names]
        copied = _greatest(one for one in own if one.command == "COPY")
        if copied is None:
            yield Checked(table.table, "unknown", "nobody recorded how many rows were read of it")
        elif copied > table.rows:
            said = f"{copied} rows were read by COPY, {table.rows} delivered"
            yield Checked(table.table, "fail" if once else "noted", said)
        else:
            verdict: Verdict = "pass" if copied == table.rows else "unknown"
            yield Checked(table.table, verdict, f"{copied} rows were read by COPY, {table.rows} delivered")
        beside = _greatest(one for one in own if one.command != "COPY") or 0
        # the count before the extraction is one row
        if beside > sum(one.event == "extracting" for one in journal.entries):
            yield Checked(table.table, "noted", f"{beside} rows were read besides, by other statements")
    known = {name for one in manifest.tables for name in (one.table, one.source)}
    for relation in sorted({one.relation for one in reads if one.relation} - known):
        if not relation.startswith(("pg_catalog.", "information_schema.")):
            yield Checked(relation, "fail", f"{ident(manifest.origin.login)} read it, and it is not mandated")


def _greatest(reads: Iterable[ReadSeen]) -> int | None:
    """The rows that were seen, by the evidence that saw most of them: several tell of the same reads."""
    by_evidence: dict[str, int] = {}
    for one in reads:
        if one.rows >= 0:
            by_evidence[one.evidence] = by_evidence.get(one.evidence, 0) + one.rows
    return max(by_evidence.values(), default=None)
