"""Reads as the real pgaudit writes them: what it sees by the plan's set-up, and what it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.analysis.read_audit import REFERENCE
from pgguard.demo.cluster import Cluster
from tests.audit.reading import COLLECTED, SECRET, Site, commands, kept, needs_pgaudit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres
    from pgguard.model.reads import ReadSeen

PATIENT = "care.patient"
# what programs do, and the relations that are told of it
SEEN: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "column": (("SELECT nir FROM care.patient WHERE id = 7",), {PATIENT}),
    "star": (("SELECT * FROM care.patient",), {PATIENT}),
    "condition": ((f"SELECT id FROM care.patient WHERE nir = '{SECRET}1'",), {PATIENT}),
    "count": (("SELECT count(*) FROM care.patient",), {PATIENT}),
    "copy table": (("COPY care.patient TO STDOUT",), {PATIENT}),
    "copy query": (("COPY (SELECT nir FROM care.patient) TO STDOUT",), {PATIENT}),
    "cursor": (
        ("BEGIN", "DECLARE c CURSOR FOR SELECT nir FROM care.patient", "FETCH ALL FROM c", "COMMIT"),
        {PATIENT},
    ),
    "prepared": (("PREPARE q AS SELECT nir FROM care.patient", "EXECUTE q"), {PATIENT}),
    "view": (("SELECT nir FROM care.shown",), {PATIENT}),
    "other column of a view": (("SELECT id FROM care.shown",), {PATIENT}),
    "caller's function": (("SELECT care.by_caller(1)",), {PATIENT}),
    "block": (("DO $$ BEGIN PERFORM nir FROM care.patient; END $$",), {PATIENT}),
    "update returning": (("UPDATE care.patient SET room = 'x' WHERE id = 1 RETURNING nir",), {PATIENT}),
    "delete by value": (("DELETE FROM care.patient WHERE nir = 'nobody'",), {PATIENT}),
    "copied into a table": (("CREATE TEMP TABLE mine AS SELECT nir FROM care.patient",), {PATIENT}),
    "partition": (("SELECT value FROM care.measure_1",), {"care.measure_1"}),
    "parent": (("SELECT value FROM care.measure",), {"care.measure"}),
    "child": (("SELECT nir FROM care.old_patient",), {"care.old_patient"}),
    "materialized": (("SELECT name FROM care.names",), {"care.names"}),
    "xml": (("SELECT query_to_xml('SELECT nir FROM care.patient', true, true, '')",), {PATIENT}),
    "rolled back": (("BEGIN", "SELECT nir FROM care.patient", "ROLLBACK"), {PATIENT}),
    "failed": (("SELECT 1 / (id - 1), nir FROM care.patient",), {PATIENT}),
    "explained": (("EXPLAIN SELECT nir FROM care.patient",), {PATIENT}),
    "locked": (("SELECT id FROM care.patient WHERE nir = 'x' FOR UPDATE",), {PATIENT}),
}
# what programs do that leaves no line: docs/audit-reads.md has to say so
UNSEEN: dict[str, tuple[str, ...]] = {
    "another column": ("SELECT room FROM care.patient",),
    "copy of other columns": ("COPY care.patient (id, room) TO STDOUT",),
    "whole row": ("SELECT p FROM care.patient AS p",),
    "row as json": ("SELECT row_to_json(p) FROM care.patient AS p",),
    "owner's function": ("SELECT care.by_owner(1)", "SELECT care.by_owner_sql(1)"),
    "statistics": ("SELECT most_common_vals FROM pg_stats WHERE tablename = 'patient'",),
    "denied": ("SELECT rolpassword FROM pg_authid",),
}


@pytest.fixture(scope="module")
def site(postgres: Postgres) -> Iterator[Site]:
    needs_pgaudit(postgres)
    settings = {**COLLECTED, "log_destination": "csvlog", "shared_preload_libraries": "pgaudit"}
    with Cluster.start(postgres, settings=settings) as cluster:
        site = Site(cluster)
        site.make()
        site.apply(site.steps()[0])
        yield site


@pytest.fixture(scope="module")
def told(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[ReadSeen]]:
    """What was read, by login and by the name of the case, of programs and of a person."""
    for name, (statements, _) in SEEN.items():
        site.run("lis", name, *statements)
    for login in ("lis", "anna"):
        for name, statements in UNSEEN.items():
            site.run(login, name, *statements)
    site.settled(site.log("csvlog"))
    store = tmp_path_factory.mktemp("reads") / "store"
    done = site.mine(store, site.log("csvlog"))
    assert (done.gaps, done.lost, done.unfinished) == (0, (), ())
    assert SECRET.encode() not in store.read_bytes()
    found: dict[tuple[str, str], list[ReadSeen]] = {}
    for one in kept(store):
        found.setdefault((one.login, one.application), []).append(one)
    return found


@pytest.mark.parametrize("name", SEEN)
def test_object_audit_tells(told: dict[tuple[str, str], list[ReadSeen]], name: str) -> None:
    found = told["lis", name]
    assert {one.relation for one in found} == SEEN[name][1]
    assert {one.evidence for one in found} == {"pgaudit object"}
    assert {(one.database, one.address, one.rows) for one in found} == {("postgres", "", -1)}


@pytest.mark.parametrize("name", UNSEEN)
def test_object_audit_does_not_tell(told: dict[tuple[str, str], list[ReadSeen]], name: str) -> None:
    assert ("lis", name) not in told


def test_the_columns_are_those_of_which_one_was_read(told: dict[tuple[str, str], list[ReadSeen]]) -> None:
    (found,) = told["lis", "column"]
    assert (set(found.columns), found.certainty) == ({"nir", "name"}, "among")
    (found,) = told["lis", "parent"]
    assert found.columns == ("value",)


def test_a_copy_is_told_from_a_select(told: dict[tuple[str, str], list[ReadSeen]]) -> None:
    said = {name: {one.command for one in told["lis", name]} for name in SEEN}
    assert {name for name, words in said.items() if words == {"COPY"}} == {"copy table", "copy query"}
    assert said["update returning"] == {"UPDATE"}
    assert said["delete by value"] == {"DELETE"}


def test_of_people_the_relation_of_everything_is_told(told: dict[tuple[str, str], list[ReadSeen]]) -> None:
    for name in ("whole row", "row as json", "another column", "copy of other columns"):
        (found,) = told["anna", name]
        assert (found.relation, found.evidence, found.columns) == (PATIENT, "pgaudit session", ())
    (found,) = told["anna", "statistics"]
    assert found.relation == "pg_catalog.pg_stats"


def test_of_an_owner_s_function_only_the_call_is_told_of_people(
    told: dict[tuple[str, str], list[ReadSeen]],
) -> None:
    (found,) = told["anna", "owner's function"]
    # once a second: two calls may be one row or two
    assert (found.relation, found.evidence, found.certainty) == ("", "pgaudit session", "unknown")
    assert found.times == 2


def test_what_runs_as_a_role_that_the_login_is_no_member_of_is_not_told(site: Site, tmp_path: Path) -> None:
    call, refer = "SELECT care.by_owner(1), care.by_owner_sql(1)", "INSERT INTO care.visit VALUES (1)"
    site.make(
        "CREATE TABLE care.visit (patient integer REFERENCES care.patient); GRANT INSERT ON care.visit TO lis"
    )
    site.run("lis", "stranger", call)
    site.run("lis", "stranger refers", refer)
    site.make("GRANT owner TO lis; ALTER ROLE lis NOINHERIT")
    site.run("lis", "member", call)
    site.run("lis", "member refers", refer)
    site.make("REVOKE owner FROM lis; ALTER ROLE lis INHERIT")
    site.run("postgres", "superuser", call)
    # whom one becomes by SET ROLE is no hiding place
    site.make("CREATE ROLE readers; GRANT readers TO lis; GRANT USAGE ON SCHEMA care TO readers")
    site.make("GRANT SELECT ON care.patient TO readers")
    site.run("lis", "another role", "SET ROLE readers", "SELECT nir FROM care.patient")
    site.make("DROP TABLE care.visit; DROP OWNED BY readers; DROP ROLE readers")
    site.settled(site.log("csvlog"))
    site.mine(tmp_path / "store", site.log("csvlog"))
    found = {one.application: one.relation for one in kept(tmp_path / "store")}
    names = ("member", "member refers", "superuser", "another role")
    assert {name: found[name] for name in names} == dict.fromkeys(names, PATIENT)
    assert found.keys().isdisjoint({"stranger", "stranger refers"})


def test_the_plan_is_done_once_and_can_be_taken_back(
    new_cluster: Callable[..., Cluster], postgres: Any
) -> None:
    needs_pgaudit(postgres)
    site = Site(new_cluster(settings={"shared_preload_libraries": "pgaudit", "pgaudit.log_rows": "on"}))
    site.make()
    before = _state(site)
    files, by_hand = site.steps()
    site.apply(files)
    assert {one.step.phase for one in files} == {"audit"}
    assert site.steps()[0] == ()
    after = _state(site)
    assert after["pgaudit.role"] == REFERENCE
    assert [after[f"pgaudit.{name}"] for name in ("log_statement", "log_rows", "log_parameter")] == [
        "off"
    ] * 3
    assert after["anna"] == ["pgaudit.log=read, role, ddl"]
    told = " ".join(by_hand)
    for hole in ("SECURITY DEFINER", "superusers", "pg_stats", "whole row", "health data", "partitions"):
        assert hole in told
    for one in reversed(files):
        site.psql(one.down)
    site.cluster.reload()
    assert _state(site) == before


def test_a_role_that_somebody_is_gets_nothing(new_cluster: Callable[..., Cluster], postgres: Any) -> None:
    needs_pgaudit(postgres)
    site = Site(new_cluster(settings={"shared_preload_libraries": "pgaudit", "pgaudit.role": "watcher"}))
    site.make()
    site.make("CREATE ROLE watcher NOLOGIN")
    files, _ = site.steps()
    assert "audit_reads_columns" in {one.step.slug for one in files}
    site.make("GRANT watcher TO anna")
    none, (told,) = site.steps()
    assert none == ()
    assert "anna would read what is granted to it" in told
    # who becomes a member between plan and apply is seen as well
    (columns,) = [one for one in files if one.step.slug == "audit_reads_columns"]
    with pytest.raises(AssertionError, match="is a member of it"):
        site.psql(columns.up)
    site.make("REVOKE watcher FROM anna; ALTER ROLE watcher LOGIN")
    assert "whoever logs in as it" in site.steps()[1][0]


def test_the_reference_role_reads_nothing_itself(site: Site) -> None:
    with psycopg.connect(site.cluster.dsn()) as connection:
        role = connection.execute(
            "SELECT rolcanlogin, rolsuper, (SELECT count(*) FROM pg_auth_members WHERE roleid = r.oid) "
            "FROM pg_roles AS r WHERE rolname = %s",
            [REFERENCE],
        ).fetchone()
        assert role == (False, False, 0)
        connection.execute(f"SET ROLE {REFERENCE}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT nir FROM care.patient")


def test_the_whole_table_tells_whole_rows_too(
    new_cluster: Callable[..., Cluster], postgres: Any, tmp_path: Path
) -> None:
    needs_pgaudit(postgres)
    settings = {**COLLECTED, "log_destination": "csvlog", "shared_preload_libraries": "pgaudit"}
    site = Site(new_cluster(settings=settings))
    site.make()
    site.apply(site.steps(whole=True)[0])
    assert site.steps(whole=True)[0] == ()
    site.run("lis", "whole row", *UNSEEN["whole row"])
    site.run("lis", "another column", *UNSEEN["another column"])
    site.settled(site.log("csvlog"))
    site.mine(tmp_path / "store", site.log("csvlog"))
    assert [(one.application, one.relation) for one in kept(tmp_path / "store")] == [
        ("whole row", PATIENT),
        ("another column", PATIENT),
    ]


def test_with_log_rows_copies_and_cursors_vanish(site: Site, tmp_path: Path) -> None:
    with psycopg.connect(site.cluster.dsn(), autocommit=True) as connection:
        connection.execute("ALTER ROLE lis SET pgaudit.log_rows = on")
    names = ("column", "copy table", "cursor")
    for name in names:
        site.run("lis", f"rows: {name}", *SEEN[name][0])
    with psycopg.connect(site.cluster.dsn(), autocommit=True) as connection:
        connection.execute("ALTER ROLE lis RESET pgaudit.log_rows")
    site.settled(site.log("csvlog"))
    site.mine(tmp_path / "store", site.log("csvlog"))
    found = {
        one.application: one.rows for one in kept(tmp_path / "store") if one.application.startswith("rows: ")
    }
    assert found == {"rows: column": 1}


def test_a_superuser_ends_it_without_a_trace(site: Site, tmp_path: Path) -> None:
    read = "SELECT nir FROM care.patient"
    site.run("postgres", "open", read)
    site.run("postgres", "by SET", "SET pgaudit.role = ''", read)
    site.run("postgres", "at the start", read, options="-c pgaudit.role= -c pgaudit.log=none")
    with psycopg.connect(site.cluster.dsn(), autocommit=True) as connection:
        connection.execute("ALTER ROLE lis SET pgaudit.role = ''")
    site.run("lis", "own setting", read)
    unseen = site.snapshot()
    with psycopg.connect(site.cluster.dsn(), autocommit=True) as connection:
        connection.execute("ALTER ROLE lis RESET pgaudit.role")
    site.run("lis", "refused", "SET pgaudit.role = ''", read)
    site.settled(site.log("csvlog"))
    site.mine(tmp_path / "store", site.log("csvlog"))
    names = {one.application for one in kept(tmp_path / "store")}
    assert {"open", "refused"} <= names
    assert names.isdisjoint({"by SET", "at the start", "own setting"})
    from pgguard.analysis.read_audit import overrides

    assert list(overrides(unseen)) == [("lis", "", "pgaudit.role", "")]


def test_who_gave_commands_is_told_and_no_password(site: Site, tmp_path: Path) -> None:
    password = "hunter-2-made-up"
    site.run(
        "postgres",
        "commands",
        f"CREATE ROLE passing LOGIN PASSWORD '{password}'",
        f"ALTER ROLE passing PASSWORD '{password}'",
        "GRANT lis TO passing",
        "ALTER SYSTEM SET work_mem = '5MB'",
        "CREATE TABLE care.passing (a integer)",
        "DROP TABLE care.passing",
        "ALTER SYSTEM RESET work_mem",
        "DROP ROLE passing",
    )
    site.settled(site.log("csvlog"))
    store = tmp_path / "store"
    site.mine(store, site.log("csvlog"))
    assert password.encode() not in store.read_bytes()
    found = [one for one in commands(store) if one.application == "commands"]
    assert {(one.login, one.evidence) for one in found} == {("postgres", "pgaudit")}
    assert {(one.command, one.object) for one in found} >= {
        ("CREATE ROLE", ""),
        ("ALTER ROLE", ""),
        ("GRANT ROLE", ""),
        ("DROP ROLE", ""),
        ("ALTER SYSTEM", ""),
        ("CREATE TABLE", "care.passing"),
        ("DROP TABLE", "care.passing"),
    }


def _state(site: Site) -> dict[str, Any]:
    with psycopg.connect(site.cluster.dsn()) as connection:
        found: dict[str, Any] = dict(
            connection.execute("SELECT name, setting FROM pg_settings WHERE name LIKE 'pgaudit.%'").fetchall()
        )
        found |= dict(
            connection.execute(
                "SELECT rolname, setconfig FROM pg_roles LEFT JOIN pg_db_role_setting ON setrole = oid "
                "WHERE rolname !~ '^pg_'"
            ).fetchall()
        )
        found |= dict(
            connection.execute(
                "SELECT attrelid::regclass || '.' || attname, attacl::text FROM pg_attribute WHERE attacl IS "
                "NOT NULL AND attrelid >= 16384"
            ).fetchall()
        )
        found["extensions"] = connection.execute("SELECT extname FROM pg_extension ORDER BY 1").fetchall()
    return found
