"""The attacks of attacks.py on a real server, each in a copy of a database that is audited."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.audit.attacks import ATTACKS, REFUSED, ROLES, TABLES, Attack, table
from tests.audit.store import install, with_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster

TEMPLATE = "audited"
THREATS = Path(__file__).parents[2] / "docs" / "audit-threats.md"


def _run(connection: psycopg.Connection, text: str) -> list[tuple[object, ...]]:
    cursor = connection.execute(text)
    return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def audited(running: Cluster) -> Cluster:
    """A cluster with the attackers' roles, and a database to copy whose catalog is watched."""
    with psycopg.connect(running.dsn(), autocommit=True) as connection:
        _run(connection, ROLES)
    dsn = with_store(running, TEMPLATE)
    with psycopg.connect(dsn, autocommit=True) as connection:
        _run(connection, TABLES.replace("{database}", TEMPLATE))
        _run(connection, "SELECT * FROM pgguard_audit.watch()")
    return running


@pytest.fixture
def database(audited: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A copy of that database, for one attack."""
    name = "attacked"
    with psycopg.connect(audited.dsn(), autocommit=True) as connection:
        _run(connection, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER db_owner")
        _run(
            connection,
            f"GRANT TEMPORARY, CREATE ON DATABASE {name} TO app, lab_owner, schema_owner, triggers",
        )
        yield name
        _run(connection, f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def _as(cluster: Cluster, database: str, user: str = "postgres") -> Iterator[psycopg.Connection]:
    with psycopg.connect(cluster.dsn(user=user, dbname=database), autocommit=True) as connection:
        yield connection


def _prepared(cluster: Cluster, database: str, attack: Attack) -> None:
    with _as(cluster, database) as connection:
        for one in attack.by.replace("{database}", database).split("-- INSTALL"):
            if one.strip():
                _run(connection, one)
        if "-- INSTALL" in attack.by:
            install(connection)


def _state(connection: psycopg.Connection, text: str) -> str:
    try:
        _run(connection, text)
    except psycopg.Error as error:
        return error.sqlstate or "the connection ended"
    return ""


def _attacked(connection: psycopg.Connection, attack: Attack, database: str) -> None:
    for statement in attack.tries:
        text = statement.lstrip("!?").replace("{database}", database)
        state = _state(connection, text)
        if statement.startswith("!"):
            assert state in attack.states, text
        elif not statement.startswith("?"):
            assert state == "", text


def _proved(cluster: Cluster, database: str, attack: Attack) -> None:
    with _as(cluster, database, "keeper") as keeper:
        _run(keeper, "SELECT * FROM pgguard_audit.watch(1)")
    with _as(cluster, database) as connection:
        ((true,),) = _run(connection, attack.proof.replace("{database}", database))
        if true is not True:
            seen = _run(
                connection,
                "SELECT verb, relation, object, login, key, subject, old, new FROM pgguard_audit.change"
                " ORDER BY id DESC LIMIT 12",
            )
            pytest.fail(f"{attack.proof}\n" + "\n".join(map(str, seen)))
        if _run(connection, "SELECT FROM pg_class WHERE oid = to_regclass('lab.ran')"):
            ran = _run(
                connection,
                "SELECT DISTINCT who FROM lab.ran WHERE who IN ('pgguard_audit_owner', 'postgres', 'boss')",
            )
            assert ran == [], "the attacker's code ran with the rights of others"


def _goes_on(cluster: Cluster, database: str) -> None:
    """What the application writes next is recorded once, with all its identity."""
    with _as(cluster, database, "app") as app:
        _run(app, "INSERT INTO lab.patient (id, value) VALUES (815, 1.50)")
        _run(app, "UPDATE lab.patient SET value = 2 WHERE id = 815")
        _run(app, "DELETE FROM lab.patient WHERE id = 815")
        pid = app.info.backend_pid
    with _as(cluster, database) as connection:
        found = _run(
            connection,
            "SELECT verb, login, authenticated, pid, old ->> 'value', new ->> 'value'"
            " FROM pgguard_audit.change WHERE subject = '815' ORDER BY id",
        )
    assert found == [
        ("INSERT", "app", "app", pid, None, "1.50"),
        ("UPDATE", "app", "app", pid, "1.50", "2"),
        ("DELETE", "app", "app", pid, "2", None),
    ]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: f"{one.who} {one.name} {one.since}")
def test_every_attack_ends_as_it_is_said(audited: Cluster, database: str, attack: Attack) -> None:
    if not attack.since <= audited.postgres.major <= attack.until:
        pytest.skip(f"for {attack.since} to {attack.until}")
    _prepared(audited, database, attack)
    try:
        with contextlib.ExitStack() as stack:
            if attack.who == "killer":
                watching = psycopg.connect(audited.dsn(user="keeper", dbname=database), autocommit=True)
                _run(watching, "SELECT * FROM pgguard_audit.watch(1)")
            session = stack.enter_context(_as(audited, database, attack.who))
            _attacked(session, attack, database)
            if attack.proof == "-- LOCKED":
                _cannot_look(audited, database)
                return
            if attack.who == "killer":
                with pytest.raises(psycopg.OperationalError):
                    _run(watching, "SELECT * FROM pgguard_audit.watch(1)")
        _proved(audited, database, attack)
        if not attack.broken:
            _goes_on(audited, database)
    finally:
        if attack.after:
            with _as(audited, database) as connection:
                for one in attack.after.split(";"):
                    _run(connection, one)


def _cannot_look(cluster: Cluster, database: str) -> None:
    with _as(cluster, database, "keeper") as keeper:
        _run(keeper, "SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            _run(keeper, "SELECT * FROM pgguard_audit.watch(1)")


def test_an_attack_that_is_refused_has_a_statement_that_is() -> None:
    for attack in ATTACKS:
        assert (attack.ending == REFUSED) <= any(one.startswith("!") for one in attack.tries), attack.name


def test_the_documentation_lists_them() -> None:
    lines = [line for line in THREATS.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert lines == table()
