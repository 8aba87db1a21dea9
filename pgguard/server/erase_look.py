"""Where erased values may be beside the tables, as the server tells at the time of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from pgguard.model.erasure import Claim
from pgguard.model.quote import ident
from pgguard.server.erase_read import rows
from pgguard.server.residue.queries import rows as residue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.erasure_record import ErasureRecord

    Connection = psycopg.Connection[tuple[Any, ...]]

_UNSEEN = "this role may not see that: take it that there are some"


def beside(connection: Connection, record: ErasureRecord, evidence: str) -> Iterator[Claim]:
    """WAL, slots, archive, backups, standbys, statements, logs, transactions that keep old rows.

    `evidence` is what the policy says of backups. What this role may not see is told as unknown.
    """
    for part in (_slots, _archive, _standbys, _statements, _transactions):
        try:
            yield from part(connection, record)
        except psycopg.Error:
            yield Claim("", part.__name__.strip("_"), "unknown", _UNSEEN)
    yield Claim(
        "",
        "pg_wal",
        "maybe",
        f"WAL before {record.lsn} holds what was erased, and segments are kept under new names until they "
        "are "
        "written over: CHECKPOINT and new WAL do that",
    )
    said = f"the policy names {evidence}; " if evidence else "the policy names none ([backup] evidence); "
    yield Claim(
        "",
        "backups, dumps, copies of volumes",
        "unknown",
        f"{said}the server does not know of them: those made before {record.ended_at} hold it until they "
        "are destroyed",
    )
    yield Claim(
        "",
        "server log",
        "unknown",
        "statements and error messages of the past may hold values: its own rotation removes them",
    )
    yield Claim(
        "",
        "disk blocks",
        "unknown",
        "what a file system does not write over can be read from the device: encrypt it, or destroy it in "
        "the end",
    )


def _slots(connection: Connection, record: ErasureRecord) -> Iterator[Claim]:
    for name, kind, active, lsn, older in rows(connection, "slots", record.lsn):
        if not lsn:
            yield Claim("", f"{kind} slot {ident(name)}", "gone", "it keeps no WAL")
            continue
        state = "in use" if active else "inactive"
        yield Claim(
            "",
            f"{kind} slot {ident(name)}, {state}",
            "there" if older else "gone",
            f"it keeps WAL from {lsn} on, "
            + (
                f"which is before {record.lsn}: its reader has to go on, or it is dropped"
                if older
                else "after the erasure"
            ),
        )


def _archive(connection: Connection, record: ErasureRecord) -> Iterator[Claim]:
    ((on, count, last, at),) = rows(connection, "archiver")
    if not on and not count:
        yield Claim(
            "", "WAL archive", "gone", "WAL is not archived, and was not since the counters were reset"
        )
        return
    yield Claim(
        "",
        "WAL archive",
        "there" if count else "unknown",
        f"{count} segments went there"
        + (f", the last of them {last} at {at}" if last else "")
        + f"; those from before {record.lsn} hold it until the archive's own retention removes them, "
        "which is not known here",
    )


def _standbys(connection: Connection, record: ErasureRecord) -> Iterator[Claim]:
    found = rows(connection, "standbys", record.lsn)
    for name, address, replayed, lag, feedback in found:
        yield Claim(
            "",
            f"standby {ident(name) if name else 'without a name'} at {address}",
            "maybe" if replayed else "there",
            (
                "it has replayed the erasure"
                if replayed
                else f"it has not replayed the erasure yet (lag {lag or 'unknown'})"
            )
            + "; its WAL, statistics files and logs are its own"
            + ("; its queries keep old rows here" if feedback else ""),
        )
    if not found:
        yield Claim(
            "",
            "standbys",
            "unknown",
            "none is connected now; one that was keeps what it had until it follows",
        )


def _statements(connection: Connection, record: ErasureRecord) -> Iterator[Claim]:
    del record
    ((here,),) = rows(connection, "counted")
    if here:
        yield Claim(
            "",
            "pg_stat_statements",
            "maybe",
            "texts of utility statements hold their values: pg_stat_statements_reset(), for its file a "
            "restart as well",
        )


def _transactions(connection: Connection, record: ErasureRecord) -> Iterator[Claim]:
    for name, count in rows(connection, "keepers", record.xid):
        if count:
            yield Claim(
                "",
                f"{name.removeprefix('catalog: ')}: {count}",
                "there",
                "old enough to see what was erased: VACUUM keeps it until they end",
            )
    ((count, since),) = residue(connection, "prepared")
    if int(count):
        yield Claim(
            "",
            f"prepared transactions: {count}",
            "maybe",
            f"the oldest is of {since}: COMMIT or ROLLBACK PREPARED",
        )
