"""Keeping the audit store: partitions, retention, erasure, and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.server.audit_seal import KEEPER
from pgguard.server.audit_session import rows, session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from pgguard.server.connect import Target

ERASER = "pgguard_audit_eraser"


class Status(NamedTuple):
    """How the store stands, as `pgguard_audit.status()` tells; counts end at a million.

    `holder_since` is since when the oldest transaction lasts that has written: nothing newer is sealed
    before it ends. `moved`: nothing was sealed yet since the store came into this cluster.
    """

    now: datetime
    seals: int
    sealed_at: datetime | None
    sealed_entries: int
    unsealed: int
    unsealed_since: datetime | None
    holder_pid: int | None
    holder_since: datetime | None
    holder_kind: str | None
    covered_until: datetime | None
    in_rest: int
    verified_at: datetime | None
    verified_last: int | None
    verified_ok: bool | None
    verified_said: str | None
    moved: bool

    @property
    def lag(self) -> float:
        """Seconds since the oldest entry was written that is not sealed; 0 when all are."""
        return (self.now - self.unsealed_since).total_seconds() if self.unsealed_since else 0.0

    @property
    def ahead(self) -> float:
        """Days until there is no partition for what is written."""
        return (self.covered_until - self.now).total_seconds() / 86400 if self.covered_until else 0.0


class Erased(NamedTuple):
    """Entries that were emptied, and those that are not sealed yet and stay until they are."""

    erased: int
    unsealed: int


def status(target: Target) -> Status:
    """How the store stands.

    Raises `UsageError` where there is no store or the login may not, `ConnectError` when the server fails.
    """
    with session(target, KEEPER, writes=False) as connection, connection.transaction():
        return Status._make(rows(connection, "status")[0])


def make_partitions(target: Target) -> list[str]:
    """Make the partitions that are missing, of now and ahead; their names.

    Raises as `status` does.
    """
    with session(target, KEEPER) as connection, connection.transaction():
        return list(rows(connection, "make_partitions")[0][0])


def purge(target: Target, before: datetime) -> Iterator[tuple[str, int]]:
    """Drop partitions that ended before a time, each in a transaction of its own: name and entries.

    Raises `UsageError` when one may not be dropped: it holds what is not sealed, or is not old enough. What
    was dropped before is dropped.
    """
    with session(target, ERASER) as connection:
        connection.isolation_level = None
        while True:
            with connection.transaction():
                dropped = rows(connection, "purge", before)
            if not dropped:
                return
            yield dropped[0][0], dropped[0][1]


def erase(target: Target, subjects: Sequence[str], relation: str | None, reason: str) -> Erased:
    """Empty what sealed entries hold of these persons, all in one transaction.

    Raises `UsageError` when the login may not; nothing is erased then.
    """
    with session(target, ERASER) as connection:
        connection.isolation_level = None
        with connection.transaction():
            done = [rows(connection, "erase_subject", one, relation, reason)[0] for one in subjects]
        return Erased(sum(one[0] for one in done), sum(one[1] for one in done))
