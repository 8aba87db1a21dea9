"""Personal roles on real servers: prepared, cut over, cleaned up, and taken back to the same catalog."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import InputError
from pgguard.model.policy import PersonalRoles, Policy
from pgguard.plan.personal import plan_personal
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.roster import COLUMNS, parse
from tests.plan.rights import rights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pgguard.demo.cluster import Cluster
    from pgguard.model.plan import Step
    from pgguard.model.roster import RosterEntry
    from pgguard.model.snapshot import Snapshot

CLUSTER = """
CREATE ROLE owner NOLOGIN; CREATE ROLE readers NOLOGIN; CREATE ROLE dba LOGIN SUPERUSER;
CREATE ROLE labo LOGIN PASSWORD 'made-up-Jf3-for-the-run'; CREATE ROLE accueil LOGIN; CREATE ROLE other LOGIN;
GRANT readers TO labo;
ALTER ROLE labo SET search_path = lab, public; ALTER ROLE labo SET statement_timeout = '30s';
GRANT CREATE ON DATABASE lab TO labo;
"""
LAB = """
CREATE SCHEMA lab AUTHORIZATION owner;
GRANT USAGE ON SCHEMA lab TO labo, accueil, other;
CREATE TABLE lab.patient (id bigint PRIMARY KEY, nom text, nir text);
CREATE TABLE lab.resultat (id bigint, patient bigint, valeur text);
CREATE TABLE lab.rendezvous (id bigint, patient bigint);
CREATE SEQUENCE lab.numero;
CREATE FUNCTION lab.age(d date) RETURNS integer LANGUAGE sql AS 'SELECT 1';
ALTER TABLE lab.patient OWNER TO owner; ALTER TABLE lab.resultat OWNER TO owner;
ALTER TABLE lab.rendezvous OWNER TO owner; ALTER SEQUENCE lab.numero OWNER TO owner;
REVOKE ALL ON FUNCTION lab.age(date) FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON lab.resultat TO labo;
GRANT SELECT ON lab.patient TO labo WITH GRANT OPTION;
GRANT SELECT (id, nom), UPDATE (nom) ON lab.patient TO accueil;
GRANT ALL ON lab.rendezvous TO accueil; GRANT SELECT ON lab.rendezvous TO other;
GRANT USAGE ON SEQUENCE lab.numero TO labo; GRANT EXECUTE ON FUNCTION lab.age(date) TO labo;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA lab GRANT SELECT ON TABLES TO labo;
ALTER TABLE lab.resultat ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON lab.resultat TO labo USING (true);
CREATE TABLE lab.brouillon (a int); ALTER TABLE lab.brouillon OWNER TO labo;
CREATE VIEW lab.moi AS SELECT current_user AS qui;
"""
ROSTER = """\
Claire Martin,c.martin,,biologist,labo,
Jean Petit,j.petit,,biologist,labo,
Lea Roux,l.roux,,technician,labo,
Ada Blanc,"a""blanc",,secretary,accueil,
"""


def _roster(snapshot: Snapshot, text: str = ROSTER) -> tuple[RosterEntry, ...]:
    return parse(
        ",".join(COLUMNS) + "\n" + text,
        "roster.csv",
        roles=[role.name for role in snapshot.roles],
        members=[(one.role, one.member) for one in snapshot.memberships],
        today=datetime.date(2026, 11, 25),
    )


@pytest.fixture
def laboratory(new_cluster: Callable[..., Cluster]) -> Cluster:
    cluster = new_cluster(hba="local all all trust\n")
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE lab")
        connection.execute(CLUSTER)
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(LAB)
    return cluster


def _look(cluster: Cluster) -> Snapshot:
    return read_snapshot(Target(cluster.dsn()))


def _ask(connection: psycopg.Connection, expression: str) -> bool:
    row = connection.execute(f"SELECT {expression}".encode()).fetchone()
    assert row is not None
    return bool(row[0])


def _apply(cluster: Cluster, steps: Iterable[Step]) -> None:
    for step in steps:
        with psycopg.connect(cluster.dsn(dbname=step.database or "postgres")) as connection:
            for expression, why in step.asserts:
                assert _ask(connection, expression), why
            for change in step.changes:
                assert _ask(connection, change.planned), change.sql
                connection.execute(change.sql.encode())
                # once more does no harm
                connection.execute(change.sql.encode())
                assert _ask(connection, change.done), change.sql
            connection.commit()
            for expression, why in step.checks:
                assert _ask(connection, expression), why


def _undo(cluster: Cluster, steps: Iterable[Step]) -> None:
    for step in reversed(list(steps)):
        with psycopg.connect(cluster.dsn(dbname=step.database or "postgres"), autocommit=True) as connection:
            for change in reversed(step.changes):
                assert change.undo, change.sql
                connection.execute(change.undo.encode())


def _phase(steps: Iterable[Step], name: str) -> list[Step]:
    return [step for step in steps if step.phase == name]


def _can(cluster: Cluster, role: str) -> dict[str, bool]:
    """What a role can do with everything in the laboratory, as the server answers."""
    answers: dict[str, bool] = {}
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        for (table,) in connection.execute(
            "SELECT oid::regclass::text FROM pg_class "
            "WHERE relnamespace = 'lab'::regnamespace AND relkind IN ('r', 'v')"
        ).fetchall():
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                row = connection.execute("SELECT has_table_privilege(%s, %s, %s)", (role, table, privilege))
                answers[f"{table} {privilege}"] = row.fetchone()[0]  # type: ignore[index]
            for column in ("id", "nom"):
                row = connection.execute(
                    "SELECT count(*) = 1 AND bool_and(has_column_privilege(%s, attrelid, attnum, 'UPDATE')) "
                    "FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s",
                    (role, table, column),
                )
                answers[f"{table} {column}"] = row.fetchone()[0]  # type: ignore[index]
        for what, sql in {
            "schema": "has_schema_privilege(%s, 'lab', 'USAGE')",
            "function": "has_function_privilege(%s, 'lab.age(date)', 'EXECUTE')",
            "sequence": "has_sequence_privilege(%s, 'lab.numero', 'USAGE')",
            "connect": "has_database_privilege(%s, 'lab', 'CONNECT')",
            "create": "has_database_privilege(%s, 'lab', 'CREATE')",
            "group": "pg_has_role(%s, 'readers', 'USAGE')",
        }.items():
            answers[what] = connection.execute(f"SELECT {sql}".encode(), (role,)).fetchone()[0]  # type: ignore[index]
    return answers


def test_everybody_can_do_what_the_shared_login_could_and_all_of_it_is_taken_back(
    laboratory: Cluster,
) -> None:
    before = rights(laboratory, "lab")
    shared = {name: _can(laboratory, name) for name in ("labo", "accueil", "other")}
    snapshot = _look(laboratory)
    steps, by_hand = plan_personal(snapshot, _roster(snapshot), Policy())
    _apply(laboratory, _phase(steps, "prepare"))
    for person, login in (("c.martin", "labo"), ("l.roux", "labo"), ('a"blanc', "accueil")):
        assert _can(laboratory, person) == shared[login], person
    # nobody else changed, and the shared logins work as before
    assert {name: _can(laboratory, name) for name in shared} == shared
    # a second plan has nothing to prepare
    again = _look(laboratory)
    twice, _ = plan_personal(again, _roster(again), Policy())
    assert _phase(twice, "prepare") == []
    with psycopg.connect(laboratory.dsn(user="c.martin", dbname="lab")) as connection:
        assert connection.execute("SHOW search_path").fetchone() == ("lab, public",)
        connection.execute("INSERT INTO resultat VALUES (1, 1, 'x')")
        assert connection.execute("SELECT valeur FROM resultat").fetchall() == [("x",)]
        connection.execute("INSERT INTO brouillon VALUES (1)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("ALTER TABLE lab.brouillon ADD b int")
    # what is made later is open to them as it would have been to the shared login
    with psycopg.connect(laboratory.dsn(user="dba", dbname="lab")) as connection:
        connection.execute("SET ROLE owner; CREATE TABLE lab.later (a int); SET ROLE labo")
        connection.rollback()
    with psycopg.connect(laboratory.dsn(user="labo", dbname="lab")) as working:
        _apply(laboratory, _phase(steps, "cutover"))
        # a session that was there goes on
        assert working.execute("SELECT count(*) FROM resultat").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(laboratory.dsn(user="labo"))
    cleanup = [step for step in _phase(steps, "cleanup") if all(change.undo for change in step.changes)]
    _apply(laboratory, cleanup)
    assert _can(laboratory, "c.martin") == shared["labo"]
    assert _can(laboratory, "other") == shared["other"]
    assert not _can(laboratory, "labo")["lab.resultat SELECT"]
    again = _look(laboratory)
    third, _ = plan_personal(again, _roster(again), Policy())
    assert [step.slug for step in third] == ["password_of_labo"]
    # it owns what it owned
    assert _can(laboratory, "labo")["lab.brouillon SELECT"]
    _undo(laboratory, [*_phase(steps, "prepare"), *_phase(steps, "cutover"), *cleanup])
    assert rights(laboratory, "lab") == before
    told = "\n".join(by_hand)
    assert "lab.moi" in told
    assert "labo owns 1 relations" in told
    assert "may hand on its rights on TABLE lab.patient" in told


def test_who_may_alter_tables_goes_through_a_gate(laboratory: Cluster) -> None:
    before = rights(laboratory, "lab")
    snapshot = _look(laboratory)
    policy = Policy(personal_roles=PersonalRoles(ddl_functions=("biologist",)))
    steps, _ = plan_personal(snapshot, _roster(snapshot), policy)
    _apply(laboratory, _phase(steps, "prepare"))
    with psycopg.connect(laboratory.dsn(user="c.martin", dbname="lab")) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("ALTER TABLE lab.brouillon ADD b int")
        connection.rollback()
        connection.execute("SET ROLE labo; ALTER TABLE lab.brouillon ADD b int")
        connection.rollback()
    with psycopg.connect(laboratory.dsn(user="l.roux", dbname="lab")) as connection:  # noqa: SIM117
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SET ROLE labo")
    _undo(laboratory, _phase(steps, "prepare"))
    assert rights(laboratory, "lab") == before


def test_names_that_clash_and_superusers_are_refused(laboratory: Cluster) -> None:
    snapshot = _look(laboratory)
    rows = "Ada,ada,,readers,labo,\nBob,bob,,boss,dba,\n"
    with pytest.raises(InputError) as error:
        plan_personal(snapshot, _roster(snapshot, rows), Policy())
    assert "already a role readers" in str(error.value)
    assert "dba is a superuser" in str(error.value)


def test_three_thousand_people_of_one_function_are_one_grantee(laboratory: Cluster) -> None:
    snapshot = _look(laboratory)
    rows = "".join(f"P {number},p.{number},,biologist,labo,\n" for number in range(3_000))
    steps, _ = plan_personal(snapshot, _roster(snapshot, rows), Policy())
    grants = [
        change.sql
        for step in steps
        for change in step.changes
        if " ON " in change.sql and "GRANT" in change.sql
    ]
    assert not [sql for sql in grants if "p." in sql.replace("lab.p", "")]
    assert any("TO biologist" in sql for sql in grants)
