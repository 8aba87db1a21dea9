"""Conditions that say which rows: what is taken is PostgreSQL's own meaning, the rest is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.expression import Unparsable
from pgguard.analysis.predicate import predicate_misfits, read_predicate

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster

TAKEN = {
    "visited >= DATE '2024-01-01' AND visited < '2025-01-01'": (
        "visited >= '2024-01-01'::pg_catalog.date AND visited < '2025-01-01'"
    ),
    "visited between '2024-01-01' and date '2024-12-31'": (
        "visited BETWEEN '2024-01-01' AND '2024-12-31'::pg_catalog.date"
    ),
    "5 < amount": "amount > 5",
    "amount != -3": "amount <> -3",
    "site in ('A', 'B''s') or not (open and amount is null)": (
        "site IN ('A', 'B''s') OR NOT (open AND amount IS NULL)"
    ),
    "(site = 'A' OR site = 'B') AND open IS NOT TRUE": "(site = 'A' OR site = 'B') AND open IS NOT TRUE",
    "site LIKE 'L%' and site not like '%x'": "site LIKE 'L%' AND site NOT LIKE '%x'",
    "site NOT IN ('A')": "site NOT IN ('A')",
    "visited < seen and seen <= stamped": "visited < seen AND seen <= stamped",
    "moment >= timestamptz '2024-03-01 00:00:00+01'": (
        "moment >= '2024-03-01 00:00:00+01'::pg_catalog.timestamptz"
    ),
    '"Order" = 1 AND amount < 1.5::numeric': "\"Order\" = 1 AND amount < '1.5'::pg_catalog.numeric",
    "DATE '2024-06-01' BETWEEN visited AND seen": "'2024-06-01'::pg_catalog.date BETWEEN visited AND seen",
    "site = E'back\\\\slash'": "site = E'back\\\\slash'",
    "open": "open",
    "kind IS NOT NULL": "kind IS NOT NULL",
}
REFUSED = {
    "site = (SELECT 'A')": "subquery",
    "EXISTS (SELECT 1 FROM pg_catalog.pg_authid)": "subquery",
    "visited > current_date": "moves with the clock",
    "visited > now()": "function",
    "pg_sleep(10) IS NULL": "pg_sleep",
    "lower(site) = 'a'": "function",
    "visited = 'now'::text::date": "may stand here",
    "visited > DATE 'yesterday'": "not a date",
    "visited > DATE '01/02/2024'": "not a date",
    "site OPERATOR(public.=) 'A'": "OPERATOR",
    "site ~ 'A.*'": "operator ~",
    "site ILIKE 'a%'": "operator",
    "amount + 1 = 2": "operator +",
    "amount = $1": "parameter",
    "a.site = 'A'": "names alone",
    "lab.visit.site = 'A'": "names alone",
    "visit.* IS NULL": "names alone",
    "ctid = '(0,1)'": "system column",
    "tableoid = 1": "system column",
    "site = 'A', open": "not one condition",
    "site = 'A' FROM pg_class": "not one condition",
    "site = 'A' UNION SELECT 1": "not one condition",
    "DISTINCT open": "not one condition",
    "open AS x": "not one condition",
    "site = 'A'; DROP TABLE x": "semicolon",
    "site = 'A';": "semicolon",
    "site = 'A' -- all": "comment",
    "site = 'A' /* all */ ": "comment",
    "open) OR (open": "parser",
    "site = 'A' OR true": "alone",
    "1 = 1": "with each other",
    "site = NULL": "IS NULL",
    "amount = 1::lab.money": "cast to plain types",
    "site = 'A'::varchar(1)": "without a length",
    "moment > TIMESTAMPTZ '2024-01-01 10:00'": "offset",
    "site = 'A' COLLATE \"C\"": "COLLATE",
    "(site, open) = ('A', true)": "rows",
    "site = ANY ('{A}')": "operator",
    "CASE WHEN open THEN true END": "CASE",
    "coalesce(open, true)": "COALESCE",
    "amount = B'1'": "bit strings",
    "": "empty",
    "  ": "empty",
    "site = 'A\x00'": "NUL",
    "site = 'secret-marker": "not a sequence of tokens",
}
TYPES = {
    "visited": "date",
    "seen": "timestamp without time zone",
    "stamped": "timestamp(3) without time zone",
    "moment": "timestamp with time zone",
    "amount": "numeric(8,2)",
    "Order": "smallint",
    "site": "character varying(20)",
    "open": "boolean",
    "kind": "lab.kind",
    "key": "uuid",
}
MISFITS = {
    "kind = 'blood'": "kind: values of type lab.kind are not compared",
    "missing = 1": "there is no column missing",
    "visit IS NULL": "there is no column visit",
    "amount = 'abc'": "not a number",
    "\"Order\" = '70000'": "not one of smallint",
    "visited >= 'today'": "not a date",
    "visited > '2024-02-30'": "not a date",
    "moment >= '2024-01-01'": "offset",
    "moment >= DATE '2024-01-01'": "time zone",
    "visited < moment": "not compared",
    "seen < TIMESTAMPTZ '2024-01-01 10:00Z'": "time zone",
    "site = 5": "number is not compared",
    "amount LIKE '1%'": "LIKE is for texts",
    "site": "no condition",
    "key = 'x'": "not a UUID",
    "open = 'maybe'": "not true or false",
}


@pytest.mark.parametrize(("text", "sql"), TAKEN.items())
def test_a_condition_is_written_anew(text: str, sql: str) -> None:
    found = read_predicate(text)
    assert found.sql == sql
    assert predicate_misfits(found, TYPES) == []
    assert read_predicate(sql).sql == sql


@pytest.mark.parametrize(("text", "reason"), REFUSED.items())
def test_anything_else_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(Unparsable) as refused:
        read_predicate(text)
    assert reason in str(refused.value)
    assert "secret-marker" not in str(refused.value)


@pytest.mark.parametrize(("text", "reason"), MISFITS.items())
def test_what_does_not_fit_the_table_is_said(text: str, reason: str) -> None:
    (said,) = predicate_misfits(read_predicate(text), TYPES)
    assert reason in said


def test_constants_stand_in_no_representation() -> None:
    assert "marker" not in repr(read_predicate("site = 'marker' AND visited > DATE '2024-01-01'"))


def test_too_deep_is_refused() -> None:
    with pytest.raises(Unparsable):
        read_predicate("NOT (" * 5000 + "open" + ")" * 5000)


def test_a_server_means_the_same_by_both_texts(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute("CREATE SCHEMA predicate_lab")
        connection.execute("CREATE TYPE predicate_lab.kind AS ENUM ('blood', 'urine')")
        columns = ", ".join(
            f'"{name}" {"predicate_lab.kind" if type_ == "lab.kind" else type_}'
            for name, type_ in TYPES.items()
        )
        connection.execute(f"CREATE TABLE predicate_lab.visit ({columns})")
        connection.execute(r"""
            INSERT INTO predicate_lab.visit
            SELECT date '2023-12-30' + n * 100, timestamp '2024-06-01' + n * interval '40 days', '2024-07-01',
                   timestamptz '2024-02-28 23:30:00Z' + n * interval '1 day', nullif(n - 3, 2), n % 3,
                   (ARRAY['A', 'B''s', 'Lx', 'L', E'back\\slash', NULL])[1 + n % 6],
                   (ARRAY[true, false, NULL])[1 + n % 3],
                   (ARRAY['blood', NULL])[1 + n % 2]::predicate_lab.kind, NULL
            FROM generate_series(0, 11) AS n""")
        for text, sql in TAKEN.items():
            for zone in ("UTC", "Pacific/Auckland"):
                connection.execute("SELECT set_config('TimeZone', %s, true)", (zone,))
                rows = [
                    connection.execute(
                        f"SELECT array_agg(ctid ORDER BY ctid) FROM predicate_lab.visit WHERE {one}"
                    ).fetchone()
                    for one in (text, sql)
                ]
                assert rows[0] == rows[1]
                assert rows[0] is not None
        connection.rollback()
