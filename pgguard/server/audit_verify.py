"""Verifying the audit store: entries against their seals, seals against the one before them and the anchors.

It reads groups of seals in transactions of their own, so that no snapshot is kept for long, and keeps no
more of them than one group. What the server shows is hashed here: no function of the database is believed
but those by which PostgreSQL sends values.
"""

from __future__ import annotations

import contextlib
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from pgguard.errors import ConnectError, UsageError
from pgguard.model.evidence import NO_END, ZERO, Bad, Checkpoint, Seal, Verified, moment
from pgguard.model.merkle import Edge, leaf_hash
from pgguard.server.audit_entries import Sealed, Span, Told, compare
from pgguard.server.audit_session import NoStore, explained, rows, session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pgguard.model.evidence import Anchor
    from pgguard.server.audit_session import Connection
    from pgguard.server.connect import Target

READER = "pgguard_audit_reader"
_GROUP = 50_000
_NAMED = 100
_NO_BEGIN = -(2**63)


class Generation(NamedTuple):
    """A row of pgguard_audit.generation: which entries are older than it."""

    number: int
    old_xid: int | None
    old_id: int | None
    rest_xid: int | None
    rest_id: int | None


class _Found:
    """What was found so far; the first hundred faults are kept."""

    def __init__(self, told: Told, anchors: Sequence[Anchor]) -> None:
        self.told = told
        self.anchors = {one.seal: one for one in anchors}
        self.bad: list[Bad] = []
        self.bad_count = 0
        self.remarks: list[str] = []
        self.entries = 0
        self.purged = 0
        self.anchored = 0
        self.anchored_at = ""

    def add(self, bad: Bad) -> None:
        self.bad_count += 1
        if len(self.bad) < _NAMED:
            self.bad.append(bad)


class _Chain:
    """Seals one after the other: where the next one has to begin, and the tree over all of them."""

    def __init__(self, number: int, hashed: bytes, tree: Edge) -> None:
        self.number = number
        self.hash = hashed
        self.tree = tree
        self.generation = 0
        self.xid = -1
        # the largest id of seals that are no rest of the last generation; what that rest begins and ends with
        self.last_id: int | None = None
        self.rest: tuple[int, int] | None = None
        self.whole = number == 0

    def wrong(self, one: Sealed, generations: dict[int, Generation]) -> str:
        """What is wrong with the next seal, empty for nothing; it is the last one from then on."""
        seal = one.seal
        said = ""
        if seal.number != self.number + 1:
            said = f"is not the one after {self.number}: seals between them are missing"
        elif seal.hash() != one.hash or seal.previous != self.hash:
            said = "was rewritten: its hash is not that of its fields, or it does not follow the one before"
        elif not seal.rest and seal.xid_from != self._begins(seal):
            said = "does not begin where the one before it ended"
        elif seal.generation > self.generation and self.whole and not self._ended(seal, generations):
            said = "begins a generation that does not fit the seals before it"
        self.tree.append(leaf_hash(one.hash))
        if not said and (self.tree.head() != one.head or bytes(self.tree) != one.edge):
            said = "was rewritten: the tree over the seals is another one"
        if said:
            # what comes after it is judged by itself
            with contextlib.suppress(ValueError):
                self.tree = Edge(seal.number, one.edge)
        self._go_on(one)
        return said

    def _go_on(self, one: Sealed) -> None:
        self.number, self.hash = one.seal.number, one.hash
        if one.seal.rest:
            self.rest = (one.seal.xid_from, one.seal.last_id)
            return
        if one.seal.generation != self.generation:
            self.last_id, self.rest = max(self.last_id or 0, self.rest[1] if self.rest else 0), None
        self.last_id = max(self.last_id or 0, one.seal.last_id)
        self.generation, self.xid = one.seal.generation, one.seal.xid_to

    def _begins(self, seal: Seal) -> int:
        if self.xid < 0 and not self.whole:
            return seal.xid_from
        return self.xid if seal.generation == self.generation else 0

    def _ended(self, seal: Seal, generations: dict[int, Generation]) -> bool:
        if seal.rest:
            return True
        row = generations.get(seal.generation)
        return (
            row is not None
            and (row.old_xid, row.old_id) == (self.xid if self.xid >= 0 else None, self.last_id)
            and (row.rest_xid, row.rest_id) == (self.rest or (None, None))
        )


def verify(
    target: Target,
    anchors: Sequence[Anchor] = (),
    checkpoint: Checkpoint | None = None,
    *,
    progress: Callable[[str], None] = lambda text: None,
) -> Verified:
    """Hold the store against its seals and the anchors; from a checkpoint on when there is one.

    Raises `UsageError` when the login may not, or the anchors are of another store; `ConnectError` when it
    cannot be told: the server fails, or nothing was ever sealed.
    """
    known = max((one.seal for one in anchors), default=checkpoint.seal if checkpoint else 0)
    try:
        with session(target, READER, writes=False) as connection:
            done = _verify(connection, anchors, checkpoint, progress)
            if not done.last_seal and not known:
                msg = "nothing is sealed yet, so that nothing can be verified: pgguard audit seal"
                raise ConnectError(msg)
            _record(connection, done)
            return done
    except NoStore as error:
        if not known:
            raise
        gone = Bad(known, 0, f"the store is gone: {error}")
        return Verified("", 0, 0, ZERO, ZERO, 0, 0, 0, 0, "", 0, "", (gone,), 1, (), None)


def _verify(
    connection: Connection,
    anchors: Sequence[Anchor],
    checkpoint: Checkpoint | None,
    progress: Callable[[str], None],
) -> Verified:
    with connection.transaction():
        installation, _, last, _, _ = rows(connection, "store")[0]
    _same_store(installation, anchors, checkpoint)
    found = _Found(Told(), anchors)
    chain = _Chain(0, ZERO, Edge())
    if checkpoint is not None:
        chain = _resumed(connection, checkpoint, found)
        found.told.shapes = {int(number): digest for number, digest in checkpoint.shapes.items()}
    first = chain.number + 1
    while chain.number < last and _group(connection, chain, found):
        progress(f"verified {chain.number} of {last} seals, {found.entries:,} entries")
    unsealed, since = _window(connection, chain, found, checkpoint)
    _cut(chain, found)
    if any("is missing" in one.what for one in found.bad):
        with connection.transaction():
            found.remarks += [
                f"{name} is no partition of the store: it was detached"
                for (name,) in rows(connection, "detached")
            ]
    return Verified(
        installation,
        first,
        chain.number,
        chain.hash,
        chain.tree.head(),
        found.entries,
        found.purged,
        len(found.told.erased),
        unsealed,
        since,
        found.anchored,
        found.anchored_at,
        tuple(found.bad),
        found.bad_count,
        tuple(found.remarks),
        None if found.bad else _checkpoint(installation, chain, found, checkpoint),
    )


def _same_store(installation: str, anchors: Sequence[Anchor], checkpoint: Checkpoint | None) -> None:
    others = {one.installation for one in anchors} | ({checkpoint.installation} if checkpoint else set())
    if others - {installation}:
        other = ", ".join(sorted(others - {installation}))
        msg = f"the anchors or the state are of another store ({other}); this is {installation}"
        raise UsageError(msg)


def _resumed(connection: Connection, checkpoint: Checkpoint, found: _Found) -> _Chain:
    tree = Edge(checkpoint.seal, bytes.fromhex(checkpoint.edge))
    with connection.transaction():
        held = rows(connection, "seal_hash", checkpoint.seal)
    if not held or (held[0][1].hex(), held[0][3]) != (checkpoint.hash, bytes(tree)):
        what = "was rewritten since it was verified" if held else "is missing: the last seals were cut off"
        found.add(Bad(checkpoint.seal, 0, what))
    return _Chain(checkpoint.seal, bytes.fromhex(checkpoint.hash), tree)


def _group(connection: Connection, chain: _Chain, found: _Found) -> bool:
    with connection.transaction():
        generations = generations_of(connection)
        group: list[Sealed] = []
        for one in sealed_after(connection, chain.number):
            seal = one.seal
            if group and not _together(group[-1].seal, seal):
                break
            group.append(one)
            wrong = chain.wrong(one, generations)
            if not wrong:
                wrong = _against_anchor(one, found)
            if wrong:
                found.add(Bad(seal.number, 0, wrong))
            found.entries += seal.entries
            found.purged += one.gone
        if not group:
            return False
        encoding = group[0].seal.encoding
        try:
            rows(connection, "encoding", encoding)
            for bad in compare(connection, group, span_of(group, generations), found.told):
                found.add(bad)
        except (psycopg.errors.UntranslatableCharacter, psycopg.errors.CharacterNotInRepertoire):
            # what was sealed could be shown in it
            msg = (
                f"an entry of the seals {group[0].seal.number} to {group[-1].seal.number} cannot be shown in "
                f"{encoding}, in which it was sealed: it was put in or changed, or the database was converted"
            )
            raise ConnectError(msg) from None
    return True


def _together(before: Seal, seal: Seal) -> bool:
    return (
        (before.generation, before.rest, before.encoding) == (seal.generation, seal.rest, seal.encoding)
        and not seal.rest
        and before.xid_to == seal.xid_from
    )


def generations_of(connection: Connection) -> dict[int, Generation]:
    """The generations of the store, by number.

    Raises psycopg's errors, as all that is read here.
    """
    return {one[0]: Generation(*one) for one in rows(connection, "generations")}


def sealed_after(connection: Connection, number: int) -> Iterator[Sealed]:
    """The next seals after a number, together of no more entries than one group has."""
    for row in rows(connection, "seals", number, _GROUP):
        made_at = int.from_bytes(row[8], "big", signed=True)
        seal = Seal._make((*row[:8], made_at, *row[9:12]))
        yield Sealed._make((seal, *row[12:15], row[15] or 0, row[16] or b""))


def span_of(group: Sequence[Sealed], generations: dict[int, Generation]) -> Span:
    """Which entries a group of seals of one generation covers."""
    first, last = group[0].seal, group[-1].seal
    after = generations.get(first.generation + 1)
    # no transaction has a number below the first: what says so was put in
    begin = first.xid_from if first.rest or first.xid_from else _NO_BEGIN
    if after is None:
        return Span(begin, last.xid_to, first.generation, NO_END, None, None)
    if first.rest:
        id_to = after.rest_id if after.rest_id is not None else _NO_BEGIN
        return Span(begin, last.xid_to, first.generation, id_to, after.old_xid, after.old_id)
    id_to = after.old_id if after.old_id is not None else _NO_BEGIN
    return Span(begin, last.xid_to, first.generation, id_to, None, None)


def _against_anchor(one: Sealed, found: _Found) -> str:
    anchor = found.anchors.get(one.seal.number)
    if anchor is None:
        return ""
    if (anchor.hash, anchor.head) != (one.hash.hex(), one.head.hex()):
        return "is not the one that was anchored: it, or one before it, was rewritten"
    found.anchored, found.anchored_at = one.seal.number, anchor.sealed_at
    return ""


def _cut(chain: _Chain, found: _Found) -> None:
    beyond = max(found.anchors, default=0)
    if beyond > chain.number:
        found.add(
            Bad(
                beyond,
                0,
                f"was anchored on {found.anchors[beyond].sealed_at}, and the store ends with seal "
                f"{chain.number}: the last ones were cut off, or went with a server that was lost "
                "(pgguard audit give-up)",
            )
        )


def _window(
    connection: Connection, chain: _Chain, found: _Found, checkpoint: Checkpoint | None
) -> tuple[int, str]:
    told = found.told
    with connection.transaction():
        rows(connection, "encoding", "UTF8")
        last = rows(connection, "last_of", chain.number)
        generation, horizon = last[0] if last else (0, 0)
        for verb, named, new in rows(connection, "window_notes", horizon):
            told.note(verb, named or "", new or ())
        vouched = (checkpoint.purge, checkpoint.purge_digest) if checkpoint else (0, "")
        for wrong in _purges(connection, told, vouched):
            found.add(Bad(chain.number, 0, wrong))
        # in a cluster where nothing was sealed yet, its own entries have larger ids than any that came along
        moved = [one[2] for one in rows(connection, "generations") if one[0] > generation]
        for wrong in _shapes(connection, told):
            found.add(Bad(chain.number, 0, wrong))
        after = (moved[0] or 0) if moved else NO_END
        count, since, early = rows(connection, "window", horizon, generation, after)[0]
    if early is not None and not moved:
        found.add(Bad(0, early, "was put in: no transaction has its number yet"))
    for one in sorted(told.erased - told.erasures)[:_NAMED]:
        found.add(Bad(0, one, "is erased, and no entry tells of its erasure"))
    return count, moment(int.from_bytes(since, "big", signed=True)) if since else ""


def _shapes(connection: Connection, told: Told) -> Iterator[str]:
    held: set[int] = set()
    for encoding in sorted({encoding for _, encoding in told.shapes.values()}):
        rows(connection, "encoding", encoding)
        for number, record in rows(connection, "shapes"):
            digest, its = told.shapes.get(number, ("", encoding))
            held.add(number)
            if its == encoding and hashlib.sha256(record).hexdigest() != digest:
                yield f"what entries of shape {number} mean was changed (pgguard_audit.shape)"
    for number in sorted(told.shapes.keys() - held):
        yield f"what entries of shape {number} mean was deleted (pgguard_audit.shape)"
    rows(connection, "encoding", "UTF8")


def _purges(connection: Connection, told: Told, vouched: tuple[int, str]) -> list[str]:
    wrong: list[str] = []
    before, number = b"", 0
    for number, entries, digest, counted, covered in rows(connection, "purges"):
        before = hashlib.sha256(before + number.to_bytes(4, "big") + covered).digest()
        said = told.purges.get(number, vouched[1] if number == vouched[0] else None)
        if before != digest or entries != counted or (said is not None and said != digest.hex()):
            wrong.append(f"what purge {number} dropped is not what was recorded of it")
            before = digest
    # each digest goes on from the one before: the last one vouches for all
    if number and number not in told.purges and number > vouched[0]:
        wrong.append(f"no entry tells of purge {number}")
    return wrong


def _checkpoint(installation: str, chain: _Chain, found: _Found, before: Checkpoint | None) -> Checkpoint:
    purge = max(found.told.purges, default=0)
    digest = found.told.purges.get(purge, "")
    if before is not None and before.purge > purge:
        purge, digest = before.purge, before.purge_digest
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    edge = bytes(chain.tree).hex()
    shapes = {str(number): digest for number, digest in sorted(found.told.shapes.items())}
    return Checkpoint(installation, chain.number, chain.hash.hex(), edge, purge, digest, shapes, now)


def _record(connection: Connection, done: Verified) -> None:
    # for those who look at the server only; a reader may not, and a standby cannot
    first = done.bad[0] if done.bad else None
    connection.read_only = False
    try:
        with explained(connection, READER), connection.transaction():
            rows(
                connection,
                "add_verification",
                done.first_seal,
                done.last_seal,
                done.last_hash,
                done.anchored > 0,
                done.ok,
                first.entry if first and first.entry else None,
                first.seal if first else None,
                first.what if first else None,
            )
    except (ConnectError, UsageError):
        return
