"""Mandates that pgguard opened, as the checks see them, and held to what the role really reads."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from pgguard.checks import named
from pgguard.demo.cluster import Cluster
from pgguard.model.finding import Verdict
from pgguard.model.quote import ident
from pgguard.nightly.beside import with_all
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.mandate_close import close_mandate
from pgguard.server.read import read_snapshot
from pgguard.store.documents import read_documents
from pgguard.store.policy_file import load
from tests.mandates import LABORATORY, ROLE, TABLES, open_scope, prepare, write_policy
from tests.server.mandate_attacks import Attacker, on_relation
from tests.server.test_mandate_attacks import COLUMNS, allowed, mandates, scenes, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgguard.model.finding import Outcome
    from pgguard.model.policy import Policy

EXAMPLES = 300 if os.environ.get("PGGUARD_LONG") else 16
TOKEN = re.compile(r"tok_t\w+?_end")
SEEN: Counter[str] = Counter()
PAST = datetime.date(2001, 1, 1)


@pytest.fixture(scope="module")
def own(postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            for role in ("owner1", "owner2", "reader"):
                connection.execute(f"CREATE ROLE {role}")
            connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
            connection.execute("GRANT owner1 TO owner2")
        yield running


def judged(cluster: Cluster, policy: Policy, check: str, *, live: bool = True) -> Outcome:
    target = Target(cluster.dsn())
    snapshot = read_snapshot(target, ["postgres"])
    if live:
        snapshot = with_all(snapshot, policy, server=target)
    else:
        snapshot = snapshot.documented(read_documents(policy))
    today = datetime.datetime.now(datetime.UTC).date()
    return judge(snapshot, policy, today=today, checks=[named(check)]).outcomes[0]


def said(outcome: Outcome) -> list[str]:
    return [f"{one.finding.subject.name}: {one.finding.evidence}" for one in outcome.findings]


@pytest.mark.parametrize("form", ["view", "policy"])
def test_a_mandate_is_silent_while_it_is_open_and_told_once_it_is_over(
    own: Cluster, tmp_path: Path, form: str
) -> None:
    tables = TABLES.replace("rows = ", f'form = "{form}"\nrows = ')
    path = write_policy(tmp_path, tables)
    policy = load(path).policy
    (mandate,) = policy.mandate
    over = dataclasses.replace(mandate, start=PAST, until=PAST, erase_by=PAST)
    ended = dataclasses.replace(policy, mandate=(over,))
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        try:
            connection.execute(LABORATORY.encode())
            scope = prepare(own.dsn(), path)
            assert scope.refusals == ()
            open_scope(own.dsn(), scope)
            outcome = judged(own, policy, "reg-mandate-exceeded")
            assert (outcome.verdict, outcome.reason) == (Verdict.PASS, ""), said(outcome)
            # a snapshot hides the constants of the conditions
            saved = judged(own, policy, "reg-mandate-exceeded", live=False)
            assert saved.verdict is Verdict.UNKNOWN
            assert "what the mandate says" in saved.reason
            (told,) = said(judged(own, ended, "reg-mandate-expired"))
            assert "can log in" in told
            assert ("schema mandate_migration" in told) == (form == "view")
            assert ("mandate_migration_limit" in told) == (form == "policy")
            close_mandate(Target(own.dsn()), mandate, say=lambda _: None)
            outcome = judged(own, ended, "reg-mandate-expired")
            assert (outcome.verdict, outcome.reason) == (Verdict.PASS, ""), said(outcome)
        finally:
            swept(connection, "lab")


@st.composite
def widenings(draw: Any, scene: Any, tables: list[Any]) -> list[str]:
    """What somebody may do to an open mandate, from the harmless to the worst."""
    name = draw(st.sampled_from(scene.tables))
    number = name[-1]
    view = f"mandate_migration.{name.replace('.', '__')}"
    column = draw(st.sampled_from(COLUMNS))
    taken = ", ".join(next((one.columns for one in tables if one.table == name), ["id"]))
    uses = [f"GRANT USAGE ON SCHEMA {one} TO PUBLIC" for one in ("s0", "s1")]
    found: list[str] = draw(
        st.sampled_from([
            ["SELECT 1"],
            [f"GRANT SELECT ON {name} TO {ROLE}"],
            [*uses, f"GRANT SELECT ON {name} TO {ROLE}"],
            [*uses, f"GRANT SELECT ({column}) ON {name} TO {ROLE}"],
            [*uses, f"GRANT SELECT ({column}) ON {name} TO PUBLIC"],
            [*uses, f"GRANT reader TO {ROLE}"],
            [f"GRANT owner1 TO {ROLE}"],
            [*uses, f"GRANT SELECT ON s0.v{number} TO {ROLE}"],
            [*uses, f"GRANT SELECT ON s1.m{number} TO {ROLE}"],
            [*uses, f"GRANT EXECUTE ON FUNCTION s1.f{number}(int) TO {ROLE}"],
            [f"CREATE OR REPLACE VIEW {view} WITH (security_barrier) AS SELECT {taken} FROM {name}"],
            [
                f"CREATE OR REPLACE VIEW {view} WITH (security_barrier) AS SELECT {taken} FROM {name} "
                "WHERE grp IN (0, 1, 2)"
            ],
            [f"DROP POLICY mandate_migration_limit ON {name}"],
            [f"ALTER POLICY mandate_migration_limit ON {name} USING (grp < 3)"],
            [f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY"],
            [f"ALTER ROLE {ROLE} BYPASSRLS"],
            [f"ALTER ROLE {ROLE} SUPERUSER"],
        ])
    )  # fmt: skip
    return found


@seed(20261126)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def widened(own: Cluster, folder: Path, data: Any) -> None:
    scene = data.draw(scenes())
    tables = data.draw(mandates(scene.tables))
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        major = connection.info.server_version // 10000
        try:
            for statement in scene.statements:
                if major >= 12 or "CREATE STATISTICS" not in statement:
                    connection.execute(statement.encode())
            categories = {
                f"{one}.{column}": "direct_identifier" for one in scene.tables for column in COLUMNS
            }
            path = write_policy(folder, written(tables), categories=categories)
            scope = prepare(own.dsn(), path)
            if scope.refusals:
                SEEN["refused"] += 1
                return
            open_scope(own.dsn(), scope)
            policy = load(path).policy
            outcome = judged(own, policy, "reg-mandate-exceeded")
            assert (outcome.verdict, outcome.reason) == (Verdict.PASS, ""), said(outcome)
            for statement in data.draw(widenings(scene, tables)):
                # what is not there in this scene cannot be widened
                with contextlib.suppress(psycopg.errors.ProgrammingError):
                    connection.execute(statement.encode())
            outcome = judged(own, policy, "reg-mandate-exceeded")
            beyond = reads(own, connection) - allowed(tables)
            SEEN["beyond" if beyond else "within"] += 1
            if beyond:
                assert outcome.verdict is Verdict.FAIL, sorted(beyond)
        finally:
            swept(connection, "s0", "s1")


def reads(own: Cluster, connection: psycopg.Connection) -> set[str]:
    """The tokens that the role gets to see, also as the roles that it can become."""
    relations = connection.execute(
        "SELECT format('%I.%I', nspname, relname), array_agg(attname::text ORDER BY attnum) "
        "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace "
        "JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped "
        "WHERE relkind IN ('r', 'p', 'v', 'm') AND (nspname LIKE 's_' OR nspname LIKE 'mandate%') "
        "GROUP BY 1 ORDER BY 1"
    ).fetchall()
    functions = connection.execute(
        "SELECT p.oid::regproc::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace "
        "WHERE nspname = 's1'"
    ).fetchall()
    attacker = Attacker(own.dsn(user=ROLE))
    try:
        for become in ("RESET ROLE", "SET ROLE reader", "SET ROLE owner1"):
            attacker.attempt(become)
            for name, columns in relations:
                attacker.attempt(f"SELECT * FROM {name}")
                for column in columns:
                    attacker.attempt(f"SELECT {ident(column)} FROM {name}")
                if become == "RESET ROLE":
                    for statement in on_relation(name, columns):
                        attacker.attempt(statement)
            for (function,) in functions:
                attacker.attempt(f"SELECT {function}(n) FROM generate_series(1, 6) AS n")
    finally:
        attacker.close()
    # which token a column has in a copy of it is not told by its name: upper() is one
    return set(TOKEN.findall(attacker.text().lower()))


def swept(connection: psycopg.Connection, *schemas: str) -> None:
    connection.execute("SET client_min_messages = error")
    for schema in (*schemas, "mandate_migration"):
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    connection.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
        connection.execute(f"DROP OWNED BY {ROLE}")
        connection.execute(f"DROP ROLE {ROLE}")


def test_what_the_role_reads_beyond_its_mandate_is_told(own: Cluster, tmp_path: Path) -> None:
    SEEN.clear()
    widened(own, tmp_path)
    # a test in which nothing was opened or nothing leaked has tried nothing
    assert SEEN["beyond"] >= EXAMPLES // 6
    assert SEEN["within"] >= 1
