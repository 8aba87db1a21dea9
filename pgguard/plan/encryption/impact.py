"""What becomes of the statements that programs send, and of what depends on the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.encryption_impact import Form, Target, Verdict, acknowledged, dependents, impacts
from pgguard.errors import InputError
from pgguard.model.plan import Section
from pgguard.model.quote import ident
from pgguard.plan.encryption.functions import table_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pgguard.analysis.encryption_impact import Impact
    from pgguard.model.encryption import EncryptedTable
    from pgguard.model.snapshot import Snapshot

_UNSEEN = (
    "No statement of the database {} was seen: neither pg_stat_statements nor a log (--log) told any. What "
    "programs send, and what of it would break, is not known."
)


def sections(
    snapshot: Snapshot, tables: Sequence[EncryptedTable], seen: Mapping[str, Sequence[str]], *, major: int
) -> tuple[Section, ...]:
    """What is to be said in the plan; `seen` are the statements of each database.

    Raises `InputError` when a statement breaks, goes wrong silently or is not understood, and the policy does
    not acknowledge its kind; `Unread` when a section of the snapshot could not be read.
    """
    found: list[Section] = []
    open_ones: list[str] = []
    for name in dict.fromkeys(one.database for one in tables):
        own = [one for one in tables if one.database == name]
        kinds = frozenset(kind for one in own for kind in one.acknowledged)
        told = impacts(seen.get(name, ()), [_target(one) for one in own], major=major)
        open_ones += _not_acknowledged(acknowledged(told, kinds))
        text = (
            _UNSEEN.format(ident(name))
            if not seen.get(name)
            else f"{len(set(seen[name]))} statements were seen."
        )
        found.append(
            Section(
                f"What becomes of the statements of {ident(name)}",
                text,
                ("verdict", "kind", "why", "instead", "statement"),
                tuple(_row(one) for one in told if one.verdict is not Verdict.WORKS),
            )
        )
        found.append(_dependents(snapshot, own, name))
    if open_ones:
        msg = "\n".join(
            [
                "statements that programs send would break; nothing was planned. Change them, or "
                "acknowledge their kind "
                "in [[encrypt_table]] acknowledge:",
                *open_ones,
            ]
        )
        raise InputError(msg)
    return tuple(found)


def _target(table: EncryptedTable) -> Target:
    searchable = frozenset(one.name for one in table.columns if one.searchable)
    names = {one.name for one in table.columns}
    unique = {
        index.columns[0]
        for index in table.shape.indexes
        if index.unique and len(index.columns) == 1 and index.columns[0] in names
    }
    return Target(
        table.shape.schema,
        table.shape.name,
        tuple(one.name for one in table.columns),
        searchable,
        table.shape.primary_key,
        Form(table.form),
        frozenset(unique),
        table.shape.row_security,
    )


def _not_acknowledged(left: Sequence[Impact]) -> Iterator[str]:
    by_kind: dict[str, list[Impact]] = {}
    for one in left:
        by_kind.setdefault(one.kind, []).append(one)
    for kind, some in by_kind.items():
        instead = f"; instead: {some[0].instead}" if some[0].instead else ""
        yield f"{kind} ({len(some)}): {some[0].why}{instead}"
        yield from (f"    {one.statement}" for one in some[:3])


def _row(one: Impact) -> tuple[str, ...]:
    return one.verdict.value, one.kind, one.why, one.instead, one.statement


def _dependents(snapshot: Snapshot, tables: Sequence[EncryptedTable], name: str) -> Section:
    database = next(one for one in snapshot.inspected if one.name == name)
    rows: list[tuple[str, ...]] = []
    for table in tables:
        relation = catalog.relation_named(database, table.shape.schema, table.shape.name)
        if relation is None:
            continue
        names = [one.name for one in table.columns]
        searchable = [one.name for one in table.columns if one.searchable]
        for one in dependents(
            snapshot, database, relation, names, form=Form(table.form), searchable=searchable
        ):
            rows.append(
                (one.verdict.value, one.kind, f"{table_name(table)}: {one.name}", one.why, one.instead)
            )
    return Section(
        f"What depends on the tables of {ident(name)}",
        "Views that read a table are given their text again at the switch; whatever else is named here is "
        "for people.",
        ("verdict", "kind", "object", "why", "instead"),
        tuple(rows),
    )
