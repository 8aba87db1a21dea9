"""A sensitive column that has to be encrypted is stored in clear.

Why it matters: whoever gets at a file, a backup, a dump or a replica reads national numbers, diagnoses and
results as they are; no grant and no row security stands between.

How to fix: store the column as bytea that pgp_sym_encrypt or encrypt_iv made, with a key that is not in
the database, and let applications read it through a view or function that decrypts; or take its category
out of [encryption] categories, or waive the column with a reason.

Silent when: pgguard encrypted it; stored SQL decrypts it; it holds hashes of passwords; its category need
not be encrypted; waived. A foreign table is judged where it is stored. Bytes that nothing tells about are
not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.ciphertext import Stored, stored
from pgguard.analysis.grouping import MOST, place
from pgguard.analysis.names import column_subject, relation_name, relation_subject, shorten
from pgguard.analysis.sensitive import sensitive_columns
from pgguard.analysis.views import shows
from pgguard.analysis.waivers import waived
from pgguard.errors import Unread
from pgguard.model.classification import SENSITIVITY
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "CNIL SAN-2022-009 (no encryption)",
    "GDPR 32(1)(a)",
    "HIPAA 164.312(a)(2)(iv)",
)
_ID = "enc-plaintext-column"
_WORST_FIRST = tuple(dict.fromkeys(SENSITIVITY))


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.encryption.categories:
        msg = 'the policy has no category encrypted ([encryption] categories = ["national_id", ...])'
        raise NotApplicable(msg)
    unknown: list[tuple[DatabaseSnapshot, list[Sensitive]]] = []
    for database in snapshot.inspected:
        chosen = list(_chosen(database, policy))
        kept = {one: stored(snapshot, database, one.relation, one.column) for one in chosen}
        names = waived(snapshot, database, policy, _ID)
        yield from _told(database, [one for one in chosen if kept[one] is Stored.CLEAR], chosen, names)
        open_ones = [one for one in chosen if kept[one] is Stored.UNKNOWN and _names(one).isdisjoint(names)]
        if open_ones:
            unknown.append((database, open_ones))
    for database, some in unknown:
        msg = "values"
        columns = shorten([_name(one) for one in some], 3)
        raise Unread(
            msg,
            f"bytes are no proof of encryption, and no stored SQL decrypts {columns}: let it look at values "
            "(--sample N), or waive them",
            database.name,
        )


def _chosen(database: DatabaseSnapshot, policy: Policy) -> Iterator[Sensitive]:
    """The columns to judge: stored here, and not by what their parent or a table below says already."""
    found = [
        one for one in sensitive_columns(database, policy) if one.category in policy.encryption.categories
    ]
    numbers = {(one.relation.oid, one.column.number) for one in found}
    for one in found:
        relation = one.relation
        # what a table has from its parent is told there, or there not to be told
        if (
            relation.kind == "f"
            or catalog.column_named(database, relation.parent, one.column.name) is not None
        ):
            continue
        if relation.kind == "m":
            origins = shows(database, relation).columns[one.column.number - 1 : one.column.number]
            if any(
                (oid, number) in numbers and _is_local(database, oid)
                for some in origins
                for oid, number in some
            ):
                continue
        yield one


def _is_local(database: DatabaseSnapshot, oid: int) -> bool:
    relation = catalog.relations(database).get(oid)
    return relation is not None and relation.kind in "rp"


def _told(
    database: DatabaseSnapshot, clear: Sequence[Sensitive], chosen: Sequence[Sensitive], names: frozenset[str]
) -> Iterator[Finding]:
    """Waived columns one by one, a handful of others too; more by table, and many tables in one."""
    rest: list[Sensitive] = []
    by_waiver: dict[str, list[Sensitive]] = {}
    for one in clear:
        if _name(one) in names:
            yield _one(database, one)
        elif relation_name(one.relation) in names:
            by_waiver.setdefault(relation_name(one.relation), []).append(one)
        else:
            rest.append(one)
    tables: dict[int, list[Sensitive]] = {}
    for one in rest:
        tables.setdefault(one.relation.oid, []).append(one)
    if len(rest) <= MOST:
        for one in rest:
            yield _one(database, one)
    elif len(tables) <= MOST:
        for some in tables.values():
            yield _one(database, some[0]) if len(some) == 1 else _of_table(database, some)
    else:
        encrypted = len(chosen) - len(clear)
        beside = f"{encrypted} others are encrypted or not known" if encrypted else "none is encrypted"
        yield Finding(
            place(database, (one.relation.schema for one in rest)),
            f"{len(rest)} columns of {len(tables)} tables are stored in clear, {beside}: "
            f"{_by_category(rest, whole=True)}",
        )
    for some in by_waiver.values():
        yield _of_table(database, some)


def _one(database: DatabaseSnapshot, one: Sensitive) -> Finding:
    rows = f", about {one.relation.estimated_rows:,.0f} rows" if one.relation.estimated_rows > 0 else ""
    return Finding(
        column_subject(database, one.relation, one.column),
        f"{one.category} stored in clear as {one.column.type}{rows}",
    )


def _of_table(database: DatabaseSnapshot, some: Sequence[Sensitive]) -> Finding:
    return Finding(
        relation_subject(database, some[0].relation),
        f"{len(some)} columns are stored in clear: {_by_category(some, whole=False)}",
    )


def _by_category(some: Sequence[Sensitive], *, whole: bool) -> str:
    parts = []
    for category in _WORST_FIRST:
        names = [_name(one) if whole else ident(one.column.name) for one in some if one.category == category]
        if names:
            parts.append(f"{len(names)} {category} ({shorten(names, 1 if whole else 3)})")
    return ", ".join(parts)


def _name(one: Sensitive) -> str:
    return qualified(one.relation.schema, one.relation.name, one.column.name)


def _names(one: Sensitive) -> frozenset[str]:
    return frozenset({_name(one), relation_name(one.relation)})
