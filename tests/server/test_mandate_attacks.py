"""Whatever a mandated login tries, on whatever schema: it reads the mandated cells and no other."""

from __future__ import annotations

import os
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from pgguard.demo.cluster import Cluster
from pgguard.server.connect import Target
from pgguard.server.mandate_close import close_mandate, what_is_left
from pgguard.store.policy_file import load
from tests.mandates import ROLE, open_scope, prepare, write_policy
from tests.server.mandate_attacks import PREPARATION, Attacker, everywhere, on_relation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLES = 300 if os.environ.get("PGGUARD_LONG") else 14
ROWS = 6
COLUMNS = ("a", "b", "c")
TOKEN = re.compile(r"tok_\w+?_end")
SEEN: Counter[str] = Counter()


@pytest.fixture(scope="module")
def own(postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            for role in ("owner1", "owner2", "reader"):
                connection.execute(f"CREATE ROLE {role}")
            connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
            connection.execute("GRANT owner1 TO owner2")
        yield running


class Scene(NamedTuple):
    """What stands in the database: SQL, and the tables; each cell of text holds a token of its own."""

    statements: list[str]
    tables: list[str]


def rarely(draw: Any) -> bool:
    return bool(draw(st.integers(0, 14)) == 0)


@st.composite
def scenes(draw: Any) -> Scene:
    made, tables = [], []
    for schema in ("s0", "s1"):
        made.append(f"CREATE SCHEMA {schema}")
        if draw(st.booleans()):
            made.append(f"GRANT USAGE ON SCHEMA {schema} TO PUBLIC")
    for number in range(draw(st.integers(1, 3))):
        name = f"s{draw(st.integers(0, 1))}.t{number}"
        tables.append(name)
        shape = draw(st.sampled_from(["plain", "plain", "partitioned", "inherited"]))
        columns = "id int, grp int, " + ", ".join(f"{one} text" for one in COLUMNS)
        made.append(
            f"CREATE TABLE {name} ({columns})"
            + (" PARTITION BY LIST (grp)" if shape == "partitioned" else "")
        )
        if shape == "partitioned":
            made += [f"CREATE TABLE {name}_p{n} PARTITION OF {name} FOR VALUES IN ({n})" for n in range(3)]
        values = ", ".join(f"'tok_t{number}_{one}_' || n || '_end'" for one in COLUMNS)
        fill = f"SELECT n, n % 3, {values} FROM generate_series"
        if shape == "inherited":
            made.append(f"CREATE TABLE {name}_k (more text) INHERITS ({name})")
            made.append(f"INSERT INTO {name}_k (id, grp, a, b, c) {fill}({ROWS // 2 + 1}, {ROWS}) AS n")
            made.append(f"UPDATE {name}_k SET more = 'tok_t{number}_more_' || id || '_end'")
        made.append(f"INSERT INTO {name} {fill}(1, {ROWS // 2 if shape == 'inherited' else ROWS}) AS n")
        if shape == "plain":
            made.append(f"ALTER TABLE {name} ADD UNIQUE (id)")
            made.append(
                f"CREATE STATISTICS s0.x{number} (mcv) ON a, b FROM {name}"
                if draw(st.booleans())
                else "SELECT 1"
            )
            if len(tables) > 1 and draw(st.booleans()):
                made.append(f"ALTER TABLE {name} ADD CHECK (length(a) > 0), ADD UNIQUE (a)")
        if draw(st.integers(0, 3)) == 0:
            made.append(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
            made.append(
                f"CREATE POLICY p ON {name} TO {draw(st.sampled_from(['PUBLIC', 'reader']))} USING (true)"
            )
        made.append(f"GRANT SELECT ON {name} TO reader")
        made.append(f"ALTER TABLE {name} OWNER TO {draw(st.sampled_from(['owner1', 'owner2']))}")
        made.append(f"ANALYZE {name}")
        made += list(hazards(draw, name, number))
    if draw(st.booleans()):
        made.append("SELECT lo_from_bytea(70001, convert_to('tok_lo_end', 'UTF8'))")
        if rarely(draw):
            made.append("GRANT SELECT ON LARGE OBJECT 70001 TO PUBLIC")
    return Scene(made, tables)


def hazards(draw: Any, name: str, number: int) -> Iterator[str]:
    """What may lead to a table besides: each sometimes closed, and rarely open."""
    public = "TO PUBLIC"
    if draw(st.booleans()):
        where = draw(st.sampled_from(["", f" WHERE grp = {draw(st.integers(0, 2))}"]))
        yield f"CREATE VIEW s0.v{number} AS SELECT id, a, b FROM {name}{where}"
        if rarely(draw):
            yield f"GRANT SELECT ON s0.v{number} {public}"
    if draw(st.booleans()):
        yield f"CREATE MATERIALIZED VIEW s1.m{number} AS SELECT upper(a) AS u, b, c FROM {name}"
        if rarely(draw):
            yield f"GRANT SELECT (b) ON s1.m{number} {public}"
    if rarely(draw):
        yield f"GRANT SELECT {draw(st.sampled_from(['', '(id, b)', '(id)']))} ON {name} {public}"
    body = draw(
        st.sampled_from([f"SELECT b FROM {name} WHERE id = $1", f"SELECT string_agg(c, ',') FROM {name}"])
    )
    definer = draw(st.booleans())
    yield (
        f"CREATE FUNCTION s1.f{number}(int) RETURNS text LANGUAGE sql "
        f"{'SECURITY DEFINER' if definer else 'SECURITY INVOKER'} AS $$ {body} $$"
    )
    if definer and not rarely(draw):
        yield f"REVOKE EXECUTE ON FUNCTION s1.f{number}(int) FROM PUBLIC"
    if draw(st.booleans()):
        yield (
            f"CREATE FUNCTION s0.g{number}(text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$ "
            f"BEGIN RETURN EXISTS (SELECT FROM {name} WHERE a = $1); END $$"
        )
        if not rarely(draw):
            yield f"REVOKE EXECUTE ON FUNCTION s0.g{number}(text) FROM PUBLIC"


class Wanted(NamedTuple):
    """What the mandate takes of a table."""

    table: str
    columns: list[str]
    groups: list[int] | None
    form: str


@st.composite
def mandates(draw: Any, tables: list[str]) -> list[Wanted]:
    chosen = draw(st.lists(st.sampled_from(tables), min_size=1, max_size=2, unique=True))
    found = []
    for table in chosen:
        columns = draw(st.lists(st.sampled_from(["id", *COLUMNS]), min_size=2, max_size=3, unique=True))
        groups = draw(st.sampled_from([None, [0], [1], [2], [0, 1], [1, 2]]))
        found.append(Wanted(table, columns, groups, draw(st.sampled_from(["auto", "auto", "policy"]))))
    return found


def written(wanted: list[Wanted]) -> str:
    text = ""
    for one in wanted:
        rows = "" if one.groups is None else f"grp IN ({', '.join(map(str, one.groups))})"
        text += (
            f'\n[[mandate_table]]\nmandate = "migration"\ntable = "{one.table}"\ncolumns = {one.columns!r}\n'
            f'rows = "{rows}"\nform = "{one.form}"\nreviewed = {one.columns!r}\n'
        )
    return text


def allowed(wanted: list[Wanted]) -> set[str]:
    """The tokens of the mandated cells."""
    found = set()
    for one in wanted:
        number = one.table[-1]
        for row in range(1, ROWS + 1):
            if one.groups is None or row % 3 in one.groups:
                found |= {f"tok_t{number}_{column}_{row}_end" for column in one.columns if column != "id"}
    return found


@seed(20260101)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def _attacked(own: Cluster, folder: Path, data: Any) -> None:
    scene = data.draw(scenes())
    wanted = data.draw(mandates(scene.tables))
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        major = connection.info.server_version // 10000
        try:
            for statement in scene.statements:
                if major >= 12 or "CREATE STATISTICS" not in statement:
                    connection.execute(statement.encode())
            categories = {
                f"{one}.{column}": "direct_identifier" for one in scene.tables for column in COLUMNS
            }
            categories |= {
                f"s1.m{one[-1]}.{column}": "direct_identifier" for one in scene.tables for column in "ubc"
            }
            policy = write_policy(folder, written(wanted), categories=_there(connection, categories))
            scope = prepare(own.dsn(), policy)
            if scope.refusals:
                SEEN["refused"] += 1
                return
            proof = open_scope(own.dsn(), scope)
            assert proof.as_role
            SEEN["opened"] += 1
            SEEN.update(one.form for one in scope.tables)
            assert set(TOKEN.findall(_attack(own, connection, scope))) == allowed(wanted)
            (mandate,) = load(policy).policy.mandate
            close_mandate(Target(own.dsn()), mandate, say=lambda _: None)
            assert what_is_left(Target(own.dsn()), mandate) == []
        finally:
            _swept(connection)


def _there(connection: psycopg.Connection, categories: dict[str, str]) -> dict[str, str]:
    known = {
        str(row[0])
        for row in connection.execute(
            "SELECT format('%s.%s.%s', nspname, relname, attname) "
            "FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid "
            "JOIN pg_namespace AS n ON n.oid = relnamespace WHERE nspname LIKE 's_'"
        ).fetchall()
    }
    return {name: category for name, category in categories.items() if name in known}


def _attack(own: Cluster, connection: psycopg.Connection, scope: Any) -> str:
    relations = connection.execute(
        "SELECT format('%I.%I', nspname, relname), array_agg(attname::text ORDER BY attnum) "
        "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace "
        "JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped "
        "WHERE relkind IN ('r', 'p', 'v', 'm') "
        "AND (nspname LIKE 's_' OR nspname LIKE 'mandate%') "
        "GROUP BY 1 ORDER BY 1"
    ).fetchall()
    functions = [
        str(row[0])
        for row in connection.execute(
            "SELECT format('%I.%I', nspname, proname) "
            "FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace "
            "WHERE nspname LIKE 's_'"
        ).fetchall()
    ]
    # what others send is not to be seen either
    connection.execute("SELECT 'tok_activity_end'")
    attacker = Attacker(own.dsn(user=ROLE))
    try:
        for statement in PREPARATION:
            attacker.keep(statement)
        for name, columns in relations:
            for statement in on_relation(name, columns):
                attacker.attempt(statement)
            attacker.copy(name)
            attacker.copy(f"(SELECT * FROM {name})")
            attacker.copy(f"{name} ({', '.join(columns)})")
        for table in scope.tables:
            source = ".".join(table.source("migration"))
            attacker.attempt(f"SELECT {', '.join(table.columns)} FROM {source}")
            for column in table.columns:
                attacker.copy(f"(SELECT {column} FROM {source})")
        for statement in everywhere(["owner1", "reader", "postgres"], functions, [70001]):
            attacker.attempt(statement)
    finally:
        attacker.close()
    return attacker.text()


def _swept(connection: psycopg.Connection) -> None:
    connection.execute("SET client_min_messages = error")
    for schema in ("s0", "s1", "mandate_migration"):
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    connection.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
        connection.execute(f"DROP OWNED BY {ROLE}")
        connection.execute(f"DROP ROLE {ROLE}")


def test_a_mandated_login_reads_the_mandated_cells_and_no_other(own: Cluster, tmp_path: Path) -> None:
    SEEN.clear()
    _attacked(own, tmp_path)
    # a test that opened nothing, or refused nothing, has tried nothing
    assert SEEN["opened"] >= EXAMPLES // 4
    assert SEEN["refused"] >= EXAMPLES // 10
    assert SEEN["view"]
    assert SEEN["policy"]
