"""What a table has to be like still for the files that were planned on it, as assertions.

A column that came later would be missing in the view, a constraint or an index would go with the clear column
and not come back, a right would be lost behind the view. Such a plan stops before it changes anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.quote import literal
from pgguard.plan.encryption import functions as made
from pgguard.plan.encryption.naming import beside
from pgguard.plan.encryption.refused import names_of_constraints

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.model.encryption import EncryptedTable

_LISTED = (
    "SELECT coalesce(pg_catalog.string_agg(q.one, ', ' ORDER BY q.one COLLATE pg_catalog.\"C\"), '') FROM ("
)
_PHASES = frozenset({"expand", "backfill", "verify", "switch", "contract"})


def still_as_planned(table: EncryptedTable, phase: str, where: str) -> Iterator[tuple[str, str]]:
    """Expressions that hold while the table is as it was, each with what is said when it is not.

    `where` is SQL for the number of the table that stores.
    """
    if phase not in _PHASES:
        return
    name = made.table_name(table)
    again = "make a new plan"
    yield _columns(table, where), f"{name} does not have the columns that it was planned with: {again}"
    yield (
        _nothing_else(
            "pg_constraint AS k",
            "k.conname",
            f"(k.conrelid = {where} OR k.confrelid = {where}) AND k.contype IN ('c', 'f', 'p', 'u', 'x')",
            [*_planned_constraints(table), *_own_constraints(table)],
        ),
        f"{name} has a constraint that the plan does not know: {again}",
    )
    yield (
        _nothing_else(
            "pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid",
            "x.relname",
            f"i.indrelid = {where}",
            [*(index.name for index in table.shape.indexes), *_own_indexes(table)],
        ),
        f"{name} has an index that the plan does not know: {again}",
    )
    if phase == "switch":
        yield _grants(table, where), f"the rights on {name} are not those that it was planned with: {again}"


def _columns(table: EncryptedTable, where: str) -> str:
    encrypted = {one.name for one in table.columns}
    own = [made.stored_column(one) for one in encrypted] + [made.index_column(one) for one in encrypted]
    planned = sorted(f"{one.name} {one.type}" for one in table.shape.columns)
    # a column that may be empty must not be required since
    free = sorted(one.name for one in table.shape.columns if one.name in encrypted and not one.not_null)
    required = f"a.attnotnull AND a.attname = ANY ({_names(free)})"
    return (
        f"({_LISTED}\n"
        "            SELECT pg_catalog.concat(a.attname, ' ',\n"
        "                pg_catalog.format_type(a.atttypid, a.atttypmod),\n"
        f"                CASE WHEN {required} THEN ' NOT NULL' END)\n"
        f"            FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = {where}\n"
        "                AND a.attnum > 0 AND NOT a.attisdropped\n"
        f"                AND a.attname <> ALL ({_names(sorted(own))})\n"
        f"        ) AS q (one))\n            = {literal(', '.join(planned))}"
    )


def _names(names: Iterable[str]) -> str:
    return f"ARRAY[{', '.join(map(literal, names))}]::text[]"


def _nothing_else(relation: str, name: str, condition: str, known: Iterable[str]) -> str:
    return (
        f"NOT EXISTS (SELECT FROM pg_catalog.{relation}\n"
        f"            WHERE {condition}\n                AND {name} <> ALL ({_names(dict.fromkeys(known))}))"
    )


def _planned_constraints(table: EncryptedTable) -> Iterator[str]:
    yield from (one.name for one in table.shape.checks)
    yield from (one.name for one in table.shape.foreign_keys)
    yield from (one.name for one in table.shape.indexes if one.constraint)


def _own_constraints(table: EncryptedTable) -> Iterator[str]:
    for one in table.columns:
        yield from names_of_constraints(table, one.name)
        yield beside(f"{table.shape.name}_{one.name}", "filled")


def _own_indexes(table: EncryptedTable) -> Iterator[str]:
    yield from (beside(index.name, "pgg1") for index in table.shape.indexes)
    yield from (beside(f"{table.shape.name}_{one.name}", "find_idx") for one in table.columns)


def _grants(table: EncryptedTable, where: str) -> str:
    planned = sorted(
        f"{one.grantee} {one.privilege} {one.column} {'t' if one.grantable else 'f'}"
        for one in table.shape.grants
    )
    return (
        f"({_LISTED}\n"
        "            SELECT pg_catalog.concat_ws(' ', CASE e.grantee WHEN 0 THEN 'public'\n"
        "                ELSE pg_catalog.pg_get_userbyid(e.grantee) END,\n"
        "                e.privilege_type, e.attname, e.is_grantable)\n"
        "            FROM (SELECT c.relowner, '' AS attname, e.* FROM pg_catalog.pg_class AS c,\n"
        "                    pg_catalog.aclexplode(\n"
        "                        coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) AS e\n"
        f"                WHERE c.oid = {where}\n"
        "                UNION ALL SELECT c.relowner, a.attname, e.* FROM pg_catalog.pg_class AS c\n"
        "                    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0\n"
        "                    CROSS JOIN pg_catalog.aclexplode(a.attacl) AS e\n"
        f"                WHERE c.oid = {where} AND NOT a.attisdropped) AS e\n"
        "            WHERE e.grantee <> e.relowner\n"
        f"        ) AS q (one))\n            = {literal(', '.join(planned))}"
    )
