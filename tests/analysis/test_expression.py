"""What is said of a condition without running it, held against a server that runs it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.expression import Truth, Unparsable, statements, truth

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster

NOT_NULL = frozenset({"id"})
OPERATORS = ["=", "<>", "<", ">=", "IS DISTINCT FROM"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("true", Truth.ALWAYS),
        ("(1 = 1)", Truth.ALWAYS),
        ("((1 + 1) = 2)", Truth.ALWAYS),
        ("(NOT false)", Truth.ALWAYS),
        ("(id = id)", Truth.ALWAYS),
        ("(name = name)", Truth.DEPENDS),
        ("(id IS NOT NULL)", Truth.ALWAYS),
        ("(name IS NOT NULL)", Truth.DEPENDS),
        ("((name IS NULL) OR (name IS NOT NULL))", Truth.ALWAYS),
        ("(NOT (name IS DISTINCT FROM name))", Truth.ALWAYS),
        ("((name = '***'::text) OR true)", Truth.ALWAYS),
        ("((name = '***'::text) AND true)", Truth.DEPENDS),
        ("(id ~~ '%'::text)", Truth.ALWAYS),
        ("COALESCE(NULL::boolean, true)", Truth.ALWAYS),
        ("COALESCE((name = '***'::text), true)", Truth.DEPENDS),
        ("CASE WHEN (name = '***'::text) THEN true ELSE true END", Truth.ALWAYS),
        ("CASE WHEN (name = '***'::text) THEN true ELSE false END", Truth.DEPENDS),
        ("(CURRENT_USER IS NOT NULL)", Truth.ALWAYS),
        ("(CURRENT_USER = CURRENT_USER)", Truth.ALWAYS),
        ("( SELECT true)", Truth.ALWAYS),
        ("(EXISTS ( SELECT 1))", Truth.ALWAYS),
        ("(EXISTS ( SELECT 1 FROM lab.staff))", Truth.DEPENDS),
        ("(name = current_setting('app.tenant'::text))", Truth.DEPENDS),
        ("lab.may_see(id)", Truth.DEPENDS),
        ("false", Truth.NEVER),
        ("(true AND NULL::boolean)", Truth.NEVER),
        # masked: they may be the same or not
        ("('***'::text = '***'::text)", Truth.UNKNOWN),
        ("((name = '***'::text) OR ('***'::text = '***'::text))", Truth.UNKNOWN),
        ("(999999999 = 999999999)", Truth.UNKNOWN),
        ("('***'::text = ANY (ARRAY['***'::text, '***'::text]))", Truth.UNKNOWN),
        ("***", Truth.UNKNOWN),
        ("no (sql", Truth.UNKNOWN),
        ("true; true", Truth.UNKNOWN),
        (" AND ".join(["(1 = 1)"] * 2000), Truth.ALWAYS),
        ("NOT " * 3000 + "true", Truth.UNKNOWN),
    ],
)
def test_conditions(condition: str, expected: Truth) -> None:
    assert truth(condition, NOT_NULL) is expected


def test_what_always_holds_holds_on_a_server(cluster: Cluster) -> None:
    chance = random.Random(7)  # noqa: S311 - reproducible, not secret
    said = dict.fromkeys(Truth, 0)
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute(
            "CREATE TEMPORARY TABLE t AS SELECT a, b, n, m FROM unnest(ARRAY[1, 2]) AS a,"
            " unnest(ARRAY[NULL, 1, 2]) AS b, unnest(ARRAY[NULL, true, false]) AS n,"
            " unnest(ARRAY[true, false]) AS m"
        )
        for _ in range(1500):
            condition = _condition(chance, 3)
            found = truth(condition, frozenset({"a", "m"}))
            said[found] += 1
            query = f"SELECT bool_and(coalesce({condition}, false)), bool_or({condition}) FROM t"
            every, some = connection.execute(query.encode()).fetchone() or (None, None)
            if found is Truth.ALWAYS:
                assert every, condition
            if found is Truth.NEVER:
                assert not some, condition
        connection.rollback()
    assert said[Truth.ALWAYS] > 100
    assert said[Truth.NEVER] > 100
    assert said[Truth.UNKNOWN] == 0


def test_texts_that_are_no_sql_say_so() -> None:
    for text in ("SELECT (", "***", "SELECT " + "(" * 20_000, "SELECT " + "||".join("x" * 100_000)):
        with pytest.raises(Unparsable):
            statements(text)


def _condition(chance: random.Random, depth: int) -> str:
    if depth == 0:
        return chance.choice(
            ["true", "false", "NULL::boolean", "n", "m", f"({_number(chance)} = {_number(chance)})"]
        )
    inner = [_condition(chance, depth - 1) for _ in range(3)]
    return chance.choice(
        [
            f"({inner[0]} OR {inner[1]})",
            f"({inner[0]} AND {inner[1]})",
            f"(NOT {inner[0]})",
            f"coalesce({inner[0]}, {inner[1]})",
            f"CASE WHEN {inner[0]} THEN {inner[1]} ELSE {inner[2]} END",
            f"(({inner[0]}) IS {chance.choice(['TRUE', 'NOT TRUE', 'FALSE', 'NOT FALSE', 'UNKNOWN'])})",
            f"(({inner[0]}) IS {chance.choice(['NULL', 'NOT NULL'])})",
            f"({inner[0]} = {inner[1]})",
            f"(SELECT {inner[0]})",
            f"({_number(chance)} {chance.choice(OPERATORS)} {_number(chance)})",
            f"({_number(chance)} IN ({_number(chance)}, {_number(chance)}))",
            f"({_number(chance)} = ANY (ARRAY[{_number(chance)}, {_number(chance)}]))",
            f"(a::text LIKE {chance.choice(['b::text', repr('%')])})",
        ]
    )


def _number(chance: random.Random) -> str:
    return chance.choice(["1", "2", "NULL::integer", "a", "b", "(1 + 1)", "'1'::integer"])
