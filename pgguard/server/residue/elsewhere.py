"""Where clear values may be that no search from here reaches, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from pgguard.model.quote import ident
from pgguard.model.residue import Elsewhere
from pgguard.server.residue.queries import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Connection = psycopg.Connection[tuple[str, ...]]

_MB = 1024 * 1024
_UNSEEN = "this role may not see that, so take it that there are some"


def elsewhere(
    connection: Connection, settings: Mapping[str, str], own: Sequence[int], *, in_recovery: bool
) -> Iterator[Elsewhere]:
    """Archives, standbys, backups, slots and what keeps old rows; refusals are told as such."""
    yield from _archive(connection, settings)
    yield from _standbys(connection, in_recovery=in_recovery)
    yield from _publications(connection, own)
    yield from _slots(connection)
    yield from _keepers(connection)
    yield _wal_kept(settings)
    yield Elsewhere(
        "base backups and dumps",
        "the server does not know of them: those made before the clear values were gone hold them until they "
        "are destroyed, and so do copies of virtual machines and volumes",
        holds=False,
    )


def _archive(connection: Connection, settings: Mapping[str, str]) -> Iterator[Elsewhere]:
    way = settings.get("archive_library") or settings.get("archive_command")
    on = settings.get("archive_mode", "") in ("on", "always") and bool(way)
    try:
        ((count,),) = rows(connection, "archiver")
    except psycopg.Error:
        count = 0
    if on or int(count):
        yield Elsewhere(
            "WAL archive",
            f"{int(count)} segments went there since the counters were reset; those from before the clear "
            "values were gone hold them until the archive's own retention removes them, on its machine",
            holds=True,
        )


def _standbys(connection: Connection, *, in_recovery: bool) -> Iterator[Elsewhere]:
    try:
        found = rows(connection, "standbys")
    except psycopg.Error:
        yield Elsewhere("standbys and receivers of WAL", _UNSEEN, holds=True)
        return
    for name, address in found:
        yield Elsewhere(
            f"receiver of WAL {ident(name) if name else 'without a name'} at {address}",
            "run the search there as well: a standby has WAL, statistics files and logs of its own",
            holds=True,
        )
    if in_recovery:
        yield Elsewhere("the primary, and its other standbys", "run the search there as well", holds=True)


def _publications(connection: Connection, own: Sequence[int]) -> Iterator[Elsewhere]:
    if not own:
        return
    for (name,) in rows(connection, "publications", list(own)):
        yield Elsewhere(
            f"subscribers of publication {ident(name)}",
            "rows that were sent to them in clear stay there until they are encrypted there, or removed",
            holds=True,
        )


def _slots(connection: Connection) -> Iterator[Elsewhere]:
    for name, kind, database, active, lsn, size in rows(connection, "slots"):
        of = f" of database {ident(database)}" if database else ""
        state = "in use" if active else "inactive"
        held = f"from {lsn} on, {int(size) // _MB} MB" if lsn else "nothing yet"
        yield Elsewhere(
            f"{kind} slot {ident(name)}{of}, {state}",
            f"keeps WAL in pg_wal, {held}, until its receiver has it or the slot is dropped",
            holds=False,
        )


def _keepers(connection: Connection) -> Iterator[Elsewhere]:
    for name, what in (
        ("prepared", "prepared transactions"),
        ("horizon", "sessions with a transaction of more than 5 minutes"),
    ):
        ((count, since),) = rows(connection, name)
        if int(count):
            yield Elsewhere(
                f"{what}: {int(count)}, the oldest of {since}",
                "VACUUM keeps rows that were deleted since then until they end",
                holds=False,
            )


def _wal_kept(settings: Mapping[str, str]) -> Elsewhere:
    kept = ", ".join(
        f"{name} = {settings[name]} MB"
        for name in ("min_wal_size", "max_wal_size", "wal_keep_size")
        if settings.get(name)
    )
    return Elsewhere(
        "pg_wal",
        "segments are renamed for later and keep what they held until they are written over: "
        f"pg_switch_wal(), CHECKPOINT and new WAL do that ({kept})",
        holds=False,
    )
