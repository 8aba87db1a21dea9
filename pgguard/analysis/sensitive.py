"""Which columns hold personal or health data, as the checks ask it: only those, and by their table.

A thin view of `analysis.personal.classify`. The policy decides column by column: what a person declared wins,
and a declared `none` silences. For every other column the detector speaks, so that a new column of a declared
table and a new copy of patients are not overlooked; `Sensitive.declared` tells the two apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.own import SCHEMAS
from pgguard.analysis.personal import classify
from pgguard.analysis.personal.weights import weights
from pgguard.analysis.personal.words import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Column, Relation
    from pgguard.model.snapshot import DatabaseSnapshot

__all__ = ["STORED", "Sensitive", "sensitive_columns", "sensitive_tables", "sensitive_views", "words"]

STORED = frozenset("rpmf")


class Sensitive(NamedTuple):
    """A column taken for sensitive: its category, and whether the policy says so or the detector."""

    relation: Relation
    column: Column
    category: str
    declared: bool


def sensitive_columns(database: DatabaseSnapshot, policy: Policy) -> tuple[Sensitive, ...]:
    """The sensitive columns of tables, materialized views and foreign tables of one database.

    Raises `Unread` when relations or columns could not be read.
    """
    key = ("sensitive", policy.column, policy.discovery.lexicons)
    known: tuple[Sensitive, ...] | None = database._memo.get(key)
    if known is None:
        known = database._memo[key] = tuple(_find(database, policy))
    return known


def sensitive_tables(database: DatabaseSnapshot, policy: Policy) -> Mapping[int, tuple[Sensitive, ...]]:
    """The sensitive columns by the oid of their table."""
    key = ("sensitive tables", policy.column, policy.discovery.lexicons)
    known: dict[int, tuple[Sensitive, ...]] | None = database._memo.get(key)
    if known is None:
        tables: dict[int, list[Sensitive]] = {}
        for one in sensitive_columns(database, policy):
            tables.setdefault(one.relation.oid, []).append(one)
        known = database._memo[key] = {oid: tuple(columns) for oid, columns in tables.items()}
    return known


def sensitive_views(database: DatabaseSnapshot, policy: Policy) -> frozenset[int]:
    """The oids of the views that read a sensitive column, directly or through other views.

    Raises `Unread` when the views' dependencies could not be read.
    """
    sensitive = {(one.relation.oid, one.column.number) for one in sensitive_columns(database, policy)}
    tables = {oid for oid, _ in sensitive}
    found: set[int] = set()
    grown = True
    while grown:
        before = len(found)
        for used in database.view_columns:
            if (
                (used.relation, used.number) in sensitive
                or (used.number == 0 and used.relation in tables)
                or used.relation in found
            ):
                found.add(used.view)
        grown = len(found) > before
    return frozenset(found)


def _find(database: DatabaseSnapshot, policy: Policy) -> list[Sensitive]:
    # the checks may ask for more certainty than discovery does: data/weights.toml
    enough = weights().thresholds["checks"]
    found = []
    for one in classify(database, policy):
        declared = one.evidence[0].kind == "policy"
        # that its neighbours are data of persons is a guess, worth a person's look and no alarm
        guessed = max(one.evidence, key=lambda said: said.weight).kind == "neighbour"
        sure = declared or (one.score >= enough and not guessed)
        # what pgguard keeps is guarded in its own way: audit-tamperable
        ours = one.relation.schema in SCHEMAS and not declared
        if one.relation.kind in STORED and one.sensitive and sure and not ours:
            found.append(Sensitive(one.relation, one.column, one.category, declared))
    return found
