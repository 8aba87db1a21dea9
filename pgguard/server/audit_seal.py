"""Sealing the audit store: what finished transactions wrote goes under a Merkle tree every few seconds.

Below the snapshot's xmin every transaction has ended (manual, 9.26: pg_snapshot_xmin), so that no entry can
come later. Writers wait for nothing: they are read like any other rows. What holds a seal back is the oldest
transaction that has written something, a prepared one too.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from pgguard.errors import ConnectError
from pgguard.model.evidence import NO_END, Anchor, Seal, moment
from pgguard.model.merkle import Edge, leaf_hash
from pgguard.server.audit_session import rows, session, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.server.audit_session import Connection
    from pgguard.server.connect import Target

KEEPER = "pgguard_audit_keeper"
# entries in one row of pgguard_audit.seal_leaf, and read at once
_PART = 1024
_AT_ONCE = 8 * _PART
# how far clocks may go back before entries are looked for in older partitions too
_CLOCKS = timedelta(days=2)
_ALWAYS = datetime.min
_SUMMARIZE_AFTER = 2000
_RETRY_SECONDS = (1.0, 30.0)


class Sealed(NamedTuple):
    """A seal that was committed: how many entries it covers, and what is to be kept of it outside."""

    entries: int
    anchor: Anchor


class _Now(NamedTuple):
    """pgguard_audit.sealing()."""

    installation: str
    place: str
    at_once: bytes
    generation: int
    generation_place: str | None
    number: int
    hash: bytes
    edge: bytes
    sealed_xid: int
    sealed_id: int
    xmin: int
    xmax: int
    encoding: str

    @property
    def microseconds(self) -> int:
        return int.from_bytes(self.at_once, "big", signed=True)


class Sealer:
    """Makes seals on one connection, and knows what it needs not look at again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._looked: list[tuple[int, int]] = []
        self._summarized: dict[int, tuple[int, int | None]] = {}
        self._new = _SUMMARIZE_AFTER

    def seal(self) -> list[Sealed]:
        """Seal what is finished, in one transaction: one seal, or none; two in a new cluster.

        Raises psycopg's errors; nothing is sealed then.
        """
        with self._connection.transaction():
            now = _now(self._connection)
            made = []
            if now.generation_place != now.place:
                made += self._move(now)
                now = _now(self._connection)
            if now.xmin > now.sealed_xid:
                made += self._make(now, now.generation, now.sealed_xid, now.xmin, self._floor(now))
            self._looked.append((now.xmax, now.microseconds))
        self._new += sum(one.entries for one in made)
        if self._new >= _SUMMARIZE_AFTER:
            self._summarize()
        return made

    def newest(self) -> list[Sealed]:
        """The last seal, which may not be anchored yet; none before the first.

        Raises psycopg's errors.
        """
        with self._connection.transaction():
            found = rows(self._connection, "last_seal")
        return [
            Sealed(0, Anchor._make((*one[:5], moment(int.from_bytes(one[5], "big", signed=True)), "")))
            for one in found
        ]

    def _move(self, now: _Now) -> list[Sealed]:
        # What came with a dump and was not sealed there. Transactions that this cluster has not reached yet
        # are surely old; the others are sealed together with its own.
        old = (now.sealed_xid, now.sealed_id)
        made = self._make(now, now.generation, now.xmax, NO_END, None, old=old, rest=True)
        rest_id = rows(self._connection, "rest", now.generation)[0][0]
        rows(self._connection, "begin_generation", now.xmax, rest_id)
        return made

    def _floor(self, now: _Now) -> int | None:
        # a look saw no such number yet: transactions from sealed_xid on began later, and so did their entries
        known = [at for xmax, at in self._looked if xmax <= now.sealed_xid]
        if not known:
            return None
        self._looked = [one for one in self._looked if one[1] >= known[-1]]
        return min(known[-1], now.microseconds) - _CLOCKS // timedelta(microseconds=1)

    def _make(
        self,
        now: _Now,
        generation: int,
        xid_from: int,
        xid_to: int,
        floor: int | None,
        *,
        old: tuple[int, int] = (0, 0),
        rest: bool = False,
    ) -> list[Sealed]:
        number = now.number + 1
        tree = Edge()
        first, last, part = b"\xff" * 8, b"", 0
        since = "-infinity" if floor is None else moment(floor)
        for found in stream(self._connection, "leaves", (xid_from, xid_to, since, *old), _AT_ONCE):
            leaves = [one[0] for one in found]
            tree.extend([leaf[24:] for leaf in leaves])
            ids = [leaf[:8] for leaf in leaves]
            first, last = min(first, *ids), max(last, *ids)
            for at in range(0, len(leaves), _PART):
                kept = b"".join([leaf[:32] for leaf in leaves[at : at + _PART]])
                rows(self._connection, "add_leaves", number, part, kept)
                part += 1
        if not tree.size:
            return []
        made = Seal(
            number,
            generation,
            rest,
            xid_from,
            xid_to,
            tree.size,
            int.from_bytes(first, "big"),
            int.from_bytes(last, "big"),
            now.microseconds,
            now.encoding,
            tree.head(),
            now.hash,
        )
        seals = Edge(now.number, now.edge)
        seals.append(leaf_hash(made.hash()))
        values = (
            made.generation,
            made.rest,
            made.xid_from,
            made.xid_to,
            made.entries,
            made.first_id,
            made.last_id,
        )
        rows(self._connection, "add_seal", *values, made.root, made.hash(), seals.head(), bytes(seals))
        head, hashed = seals.head().hex(), made.hash().hex()
        return [Sealed(made.entries, Anchor(now.installation, now.place, number, hashed, head, made.when))]

    def _summarize(self) -> None:
        self._new = 0
        with self._connection.transaction():
            for part, size in rows(self._connection, "parts"):
                seen, ranges = self._summarized.get(part, (-1, None))
                if seen != size:
                    self._summarized[part] = (size, rows(self._connection, "summarize", part, ranges)[0][0])


def seal_once(target: Target, *, newest: bool = False) -> list[Sealed]:
    """Seal what is finished now; with `newest` the seal of before when there is nothing.

    Raises `UsageError` where there is no store or the login may not, `ConnectError` when the server fails.
    """
    with session(target, KEEPER) as connection:
        sealer = Sealer(connection)
        made = sealer.seal()
        return sealer.newest() if newest and not made else made


def seal_for_ever(
    target: Target, every: float, say: Callable[[str], None], *, pause: Callable[[float], None] = time.sleep
) -> Iterator[list[Sealed]]:
    """Seal every so many seconds, and go on when the server was away: what was sealed, each time.

    First, and when the server comes back, it is the last seal of before.

    Raises `UsageError` where there is no store or the login may not.
    """
    wait, longest = _RETRY_SECONDS
    while True:
        try:
            with session(target, KEEPER) as connection:
                sealer = Sealer(connection)
                yield sealer.newest()
                while True:
                    began = time.monotonic()
                    try:
                        yield sealer.seal()
                    except psycopg.errors.UniqueViolation:
                        say("another session seals this store: one is enough")
                    wait = _RETRY_SECONDS[0]
                    pause(max(0.0, every - (time.monotonic() - began)))
        except ConnectError as error:
            say(f"{error}; trying again in {wait:g} s")
            pause(wait)
            wait = min(2 * wait, longest)


def _now(connection: Connection) -> _Now:
    return _Now(*rows(connection, "sealing")[0])
