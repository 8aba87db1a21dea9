"""Zeros are values of their types, and no constant of a hold stands in a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.erasure_text import moved
from pgguard.analysis.erasure_values import bound, zero
from pgguard.analysis.predicate import read_predicate

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster

TYPES = (
    "text", "character varying", "character", "bytea", "smallint", "integer", "bigint", "numeric", "real",
    "double precision", "boolean", "date", "timestamp without time zone", "timestamp with time zone", "uuid",
    "json", "jsonb", "inet", "interval",
)  # fmt: skip


def test_a_zero_is_a_value_of_its_type(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        for kind in TYPES:
            assert zero(kind), kind
            connection.execute(f"CREATE TEMPORARY TABLE one (value {kind} NOT NULL)".encode())
            connection.execute(f"INSERT INTO one VALUES ({zero(kind)})".encode())
            connection.execute("DROP TABLE one")
        connection.rollback()
    assert zero("point") == zero("lab.mood") == ""


@pytest.mark.parametrize(
    ("text", "sql", "values"),
    [
        ("id IN (7, -8)", "id IN ($1::pg_catalog.int8, -$2::pg_catalog.int8)", ("7", "8")),
        ("nom = 'O''Neil' OR NOT open", "nom = $1 OR NOT (open)", ("O'Neil",)),
        ("way = E'a\\\\b'", "way = $1", ("a\\b",)),
        ("day >= date '2020-01-01'", "day >= $1::pg_catalog.date", ("2020-01-01",)),
        ("sum > 12345678901.5", "sum > $1::pg_catalog.numeric", ("12345678901.5",)),
        ('"Na me" IS NULL', '"Na me" IS NULL', ()),
    ],
)
def test_constants_become_parameters(text: str, sql: str, values: tuple[str, ...]) -> None:
    found = bound(read_predicate(text).sql)
    assert found == (sql, values)
    assert moved(found[0], 10, len(values)).count("$1") == len(values)
