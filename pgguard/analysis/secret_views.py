"""Views that hand on what PostgreSQL shows to superusers only: verifiers, stored passwords, statistics."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.lineage import Origins, Table, of_query, parse
from pgguard.analysis.membership import superusers
from pgguard.analysis.views import VIEWS, is_invoker

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# the columns of a view that hand something on, each with the tables of pg_catalog that it is from
Handed = dict[str, frozenset[str]]


def secret_views(
    snapshot: Snapshot, database: DatabaseSnapshot, secrets: Mapping[str, Collection[str]]
) -> list[tuple[Relation, Handed]]:
    """The views of superusers that hand on columns of pg_catalog, directly or through other views.

    `secrets` has the columns of each table of pg_catalog that count. Raises `Unread` when roles,
    relations, definitions or the views' dependencies could not be read.
    """
    owners = superusers(snapshot)
    texts = {one.oid: one.text for one in database.definitions if one.kind == "view"}
    views = {
        one.oid: one
        for one in database.relations
        if one.kind in VIEWS and one.owner in owners and not (one.extension or one.system or is_invoker(one))
    }
    found: dict[int, Handed] = {}
    # a word in a text only saves parsing those that cannot be meant
    queue = deque(oid for oid in views if any(name in texts.get(oid, "") for name in secrets))
    while queue:
        oid = queue.popleft()
        handed = _handed_on(database, texts.get(oid, ""), secrets, found)
        if handed and found.get(oid) != handed:
            found[oid] = handed
            queue.extend(used.view for used in catalog.used_by(database, oid) if used.view in views)
    return [(views[oid], found[oid]) for oid in views if oid in found]


def _handed_on(
    database: DatabaseSnapshot, text: str, secrets: Mapping[str, Collection[str]], found: Mapping[int, Handed]
) -> Handed:
    # the tables of the system have no row in a snapshot: the lineage knows ours by numbers of our own
    known: list[Handed] = []

    def find(schema: str, name: str) -> Table | None:
        if schema in ("", "pg_catalog"):
            columns = {column: frozenset({name}) for column in secrets.get(name, ())}
        else:
            view = catalog.relation_named(database, schema, name)
            columns = found.get(view.oid, {}) if view is not None else {}
        if not columns:
            return None
        known.append(columns)
        return Table(len(known) - 1, {column: number for number, column in enumerate(columns)})

    def sources(origins: Origins) -> frozenset[str]:
        return frozenset().union(*(list(known[table].values())[number] for table, number in origins))

    tree = parse(text)
    # what cannot be followed is taken to hand on all that it names: too much is said rather than nothing
    everything = {
        column: frozenset({name}) for name, columns in secrets.items() if name in text for column in columns
    }
    if tree is None:
        return everything
    try:
        outputs = of_query(tree, find).outputs
    except (ValueError, AttributeError, RecursionError):
        return everything
    return {one.name: sources(one.origins) for one in outputs if one.origins}
