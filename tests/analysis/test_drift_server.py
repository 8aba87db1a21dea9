"""Two real snapshots around one change of each kind: what is said of it, and that nothing else is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import psycopg
import pytest

from pgguard.analysis.drift import Difference, Direction, Drift, drift
from pgguard.model.finding import Severity
from pgguard.model.policy import Policy
from pgguard.server.connect import Target
from pgguard.server.read import read_open, read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import Snapshot

W, C, N, NEUTRAL = Direction.WIDENED, Direction.CHANGED, Direction.NARROWED, Direction.NEUTRAL
LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL

BASE = """
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE biology NOLOGIN;
CREATE ROLE staff NOLOGIN;
CREATE ROLE martin LOGIN IN ROLE biology;
CREATE ROLE durand LOGIN IN ROLE biology;
CREATE ROLE vendor LOGIN CONNECTION LIMIT 3 VALID UNTIL '2040-01-01';
CREATE SCHEMA lab AUTHORIZATION lab_owner;
GRANT USAGE ON SCHEMA lab TO biology, vendor;
CREATE TABLE lab.patient (id integer, nir text, birth_date date, doctor text);
ALTER TABLE lab.patient OWNER TO lab_owner;
GRANT SELECT ON lab.patient TO biology;
CREATE TABLE lab.stock (id integer, label text);
ALTER TABLE lab.stock OWNER TO lab_owner;
CREATE VIEW lab.v_export AS SELECT nir, birth_date FROM lab.patient;
ALTER VIEW lab.v_export OWNER TO lab_owner;
CREATE FUNCTION lab.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER audit_patient AFTER INSERT ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.keep();
CREATE TRIGGER checked BEFORE INSERT ON lab.stock FOR EACH ROW EXECUTE PROCEDURE lab.keep();
CREATE FUNCTION lab.nir_of(integer) RETURNS text LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS 'SELECT nir FROM lab.patient WHERE id = $1';
ALTER FUNCTION lab.nir_of(integer) OWNER TO lab_owner;
REVOKE EXECUTE ON FUNCTION lab.nir_of(integer) FROM PUBLIC;
CREATE FUNCTION lab.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE PROCEDURE lab.on_ddl();
CREATE PUBLICATION feed FOR TABLE lab.stock;
"""


class Case(NamedTuple):
    """A change, and all that must be said of it: area, direction, severity, and words of the sentence."""

    change: str
    said: tuple[tuple[str, Direction, Severity, str], ...]
    before: str = ""
    versions: tuple[int, int] = (10, 99)


PUBLIC_VIEW = "durand, martin, vendor can now read lab.v_export (GRANT SELECT to PUBLIC)"
CASES = {
    "nothing": Case("SELECT 1", ()),
    "through a view": Case(
        "GRANT SELECT ON lab.v_export TO vendor",
        (
            (
                "access",
                W,
                HIGH,
                "vendor can now read lab.patient.nir, lab.patient.birth_date through view lab.v_export"
                " (GRANT SELECT to vendor; sensitive)",
            ),
        ),
    ),
    "through a view, everybody": Case(
        "GRANT SELECT ON lab.v_export TO PUBLIC",
        (
            ("access", W, CRITICAL, "through view lab.v_export (GRANT SELECT to PUBLIC; sensitive)"),
            ("access", W, MEDIUM, PUBLIC_VIEW),
        ),
    ),
    "through a function": Case(
        "GRANT EXECUTE ON FUNCTION lab.nir_of(integer) TO vendor",
        (
            (
                "access",
                W,
                HIGH,
                "vendor can now read lab.patient.nir, lab.patient.id through function lab.nir_of(integer)"
                " (GRANT EXECUTE to vendor; 1 of them sensitive)",
            ),
        ),
    ),
    "by membership": Case(
        "GRANT biology TO vendor",
        (
            ("access", W, HIGH, "vendor can now read lab.patient (now a member of biology; sensitive)"),
            ("membership", W, MEDIUM, "vendor is now a member of biology"),
        ),
    ),
    "a membership taken away": Case(
        "REVOKE biology FROM martin",
        (
            ("access", N, LOW, "martin can no longer read lab.patient (no longer a member of biology"),
            ("access", N, LOW, "martin can no longer use schema lab (no longer a member of biology)"),
            ("access", N, LOW, "martin can no longer call lab.keep(), lab.on_ddl() (no more USAGE"),
            ("membership", N, LOW, "martin is no longer a member of biology"),
        ),
    ),
    "a membership with other options": Case(
        "GRANT biology TO martin WITH ADMIN OPTION",
        (("membership", W, HIGH, "martin is a member with other options of biology (ADMIN TRUE"),),
    ),
    "a membership without INHERIT": Case(
        "GRANT biology TO martin WITH INHERIT FALSE",
        (
            ("access", N, LOW, "no longer"),
            ("membership", N, LOW, "martin is a member with other options of biology"),
        ),
        versions=(90, 99),
    ),
    "revoked": Case(
        "REVOKE SELECT ON lab.patient FROM biology",
        (
            ("access", N, LOW, "durand, martin can no longer read lab.patient (REVOKE SELECT from biology"),
            ("access", N, LOW, "biology no longer holds"),
        )[:1],
    ),
    "a column": Case(
        "GRANT UPDATE (birth_date) ON lab.patient TO vendor",
        (
            (
                "access",
                W,
                HIGH,
                "vendor can now update lab.patient.birth_date (GRANT UPDATE to vendor; sensitive)",
            ),
        ),
    ),
    "a grant that serves nobody": Case(
        "GRANT SELECT ON lab.stock TO staff",
        (("access", W, LOW, "staff now holds SELECT on lab.stock (no login has its rights)"),),
    ),
    "a grant option": Case(
        "GRANT SELECT ON lab.patient TO biology WITH GRANT OPTION",
        (("access", W, MEDIUM, "biology may now hand on SELECT on lab.patient (WITH GRANT OPTION)"),),
    ),
    "a grant without USAGE": Case(
        "GRANT SELECT ON lab.stock TO alone",
        (("access", W, LOW, "alone now holds, without a way to it yet, SELECT on lab.stock"),),
        before="CREATE ROLE alone LOGIN",
    ),
    "USAGE that opens": Case(
        "GRANT USAGE ON SCHEMA lab TO alone",
        (
            ("access", W, MEDIUM, "alone can now read lab.stock (new USAGE on schema lab)"),
            ("access", W, MEDIUM, "alone can now use schema lab (GRANT USAGE to alone)"),
            ("access", W, LOW, "alone can now call lab.keep(), lab.on_ddl() (new USAGE on schema lab)"),
        ),
        before="CREATE ROLE alone LOGIN; GRANT SELECT ON lab.stock TO alone",
    ),
    "a new login": Case(
        "CREATE ROLE fresh LOGIN IN ROLE biology",
        (
            ("authentication", W, CRITICAL, "fresh can now get in by trust, into"),
            ("access", W, HIGH, "fresh can now read lab.patient (new login; sensitive)"),
            ("access", W, MEDIUM, "fresh can now use schema lab (new login)"),
            ("login", W, HIGH, "fresh is a new login (member of biology)"),
            ("membership", W, MEDIUM, "fresh is now a member of biology"),
        ),
    ),
    "a login gone": Case(
        "DROP OWNED BY vendor; DROP ROLE vendor",
        (
            ("access", N, LOW, "vendor can no longer use schema lab (the login is gone)"),
            ("login", N, LOW, "vendor is gone"),
        ),
    ),
    "a login renamed": Case(
        "ALTER ROLE martin RENAME TO martinez",
        (("login", NEUTRAL, LOW, "martinez was called martin"),),
    ),
    "SUPERUSER": Case(
        "ALTER ROLE vendor SUPERUSER",
        (
            ("authentication", W, CRITICAL, "by trust, into the whole cluster (replication)"),
            ("login", W, CRITICAL, "vendor has SUPERUSER now"),
        ),
    ),
    "BYPASSRLS": Case("ALTER ROLE vendor BYPASSRLS", (("login", W, HIGH, "vendor has BYPASSRLS now"),)),
    "CREATEROLE": Case(
        "ALTER ROLE vendor CREATEROLE",
        (("login", W, HIGH, "vendor has CREATEROLE now"),),
        versions=(16, 99),
    ),
    "CREATEROLE, nearly superuser": Case(
        "ALTER ROLE vendor CREATEROLE",
        (
            ("superuser", W, CRITICAL, "vendor can now become superuser"),
            ("login", W, HIGH, "vendor has CREATEROLE now"),
        ),
        versions=(11, 15),
    ),
    "NOLOGIN": Case(
        "ALTER ROLE vendor NOLOGIN",
        (
            ("authentication", N, LOW, "vendor can no longer get in by trust"),
            ("login", N, LOW, "vendor may log in no longer"),
            ("access", N, LOW, "vendor can no longer use schema lab"),
        ),
    ),
    "VALID UNTIL": Case(
        "ALTER ROLE vendor VALID UNTIL 'infinity'",
        (("login", W, MEDIUM, "vendor has a password without an end (before: until 2040-01-01)"),),
    ),
    "the connection limit": Case(
        "ALTER ROLE vendor CONNECTION LIMIT 30",
        (("login", W, LOW, "vendor has a connection limit of 30 (before: 3)"),),
    ),
    "a password of md5": Case(
        "SET LOCAL password_encryption = 'md5'; ALTER ROLE vendor PASSWORD 'two-of-it'",
        (("login", W, HIGH, "vendor has a password stored as md5 now (before: scram-sha-256)"),),
        before="SET LOCAL password_encryption = 'scram-sha-256'; ALTER ROLE vendor PASSWORD 'one-of-it'",
    ),
    "a member of a superuser": Case(
        "GRANT boss TO vendor",
        (
            ("superuser", W, CRITICAL, "vendor can now become superuser (can SET ROLE boss)"),
            ("membership", W, CRITICAL, "vendor is now a member of boss"),
        ),
        before="CREATE ROLE boss SUPERUSER",
    ),
    "audit switched off": Case(
        "ALTER TABLE lab.patient DISABLE TRIGGER audit_patient",
        (("audit", W, CRITICAL, "audit trigger audit_patient on lab.patient is disabled now"),),
    ),
    "audit for replicas only": Case(
        "ALTER TABLE lab.patient ENABLE REPLICA TRIGGER audit_patient",
        (("audit", W, CRITICAL, "audit_patient on lab.patient fires on replicas only now"),),
    ),
    "audit that always fires": Case(
        "ALTER TABLE lab.patient ENABLE ALWAYS TRIGGER audit_patient",
        (("audit", N, LOW, "audit_patient on lab.patient is enabled again and fires always"),),
    ),
    "audit dropped": Case(
        "DROP TRIGGER audit_patient ON lab.patient",
        (("audit", W, CRITICAL, "audit trigger audit_patient on lab.patient was dropped"),),
    ),
    "an audit function emptied": Case(
        "CREATE OR REPLACE FUNCTION lab.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        (("audit", C, CRITICAL, "function lab.keep() has another body now"),),
        before="DROP TRIGGER checked ON lab.stock",
    ),
    "another trigger dropped": Case(
        "DROP TRIGGER checked ON lab.stock",
        (("trigger", W, MEDIUM, "trigger checked on lab.stock was dropped"),),
    ),
    "an event trigger": Case(
        "ALTER EVENT TRIGGER watch DISABLE",
        (("trigger", W, HIGH, "event trigger watch is disabled now"),),
    ),
    "a definer function without search_path": Case(
        "ALTER FUNCTION lab.nir_of(integer) RESET search_path",
        (("function", W, HIGH, "function lab.nir_of(integer) runs with no setting of its own now"),),
    ),
    "a definer function's body": Case(
        "CREATE OR REPLACE FUNCTION lab.nir_of(integer) RETURNS text LANGUAGE sql SECURITY DEFINER"
        " SET search_path = pg_catalog, pg_temp AS 'SELECT nir FROM lab.patient WHERE id > $1'",
        (("function", C, HIGH, "function lab.nir_of(integer) has another body now"),),
    ),
    "a function that becomes definer": Case(
        "ALTER FUNCTION lab.other() SECURITY DEFINER",
        (("function", W, HIGH, "function lab.other() runs as its owner postgres now"),),
        before="CREATE FUNCTION lab.other() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    ),
    "another owner of a definer function": Case(
        "ALTER FUNCTION lab.empty() OWNER TO staff",
        (
            ("function", C, HIGH, "function lab.empty() runs as staff now (before: as lab_owner)"),
            ("access", W, LOW, "staff now holds EXECUTE on lab.empty()"),
            ("access", N, LOW, "lab_owner no longer holds EXECUTE on lab.empty()"),
        ),
        before="CREATE FUNCTION lab.empty() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';"
        " ALTER FUNCTION lab.empty() OWNER TO lab_owner; REVOKE EXECUTE ON FUNCTION lab.empty() FROM PUBLIC",
    ),
    "row security off": Case(
        "ALTER TABLE lab.patient DISABLE ROW LEVEL SECURITY",
        (
            (
                "access",
                W,
                HIGH,
                "durand, martin can now read every row of lab.patient (row security is off now",
            ),
            ("row-security", W, HIGH, "table lab.patient has no row security now"),
        ),
        before="ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY own ON lab.patient TO biology USING (doctor = current_user)",
    ),
    "a policy that lets everything through": Case(
        "ALTER POLICY own ON lab.patient USING (true)",
        (
            ("access", W, HIGH, "martin can now read every row of lab.patient (the row policies changed"),
            ("row-security", C, HIGH, "lab.patient has another condition in policy own"),
        ),
        before="ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY own ON lab.patient TO biology USING (doctor = current_user)",
    ),
    "a view that shows more": Case(
        "CREATE OR REPLACE VIEW lab.v_export AS SELECT nir, birth_date, doctor FROM lab.patient",
        (
            ("access", W, HIGH, "vendor can now read lab.patient.doctor through view lab.v_export"),
            ("object", NEUTRAL, LOW, "view lab.v_export has another query now"),
        ),
        before="GRANT SELECT ON lab.v_export TO vendor",
    ),
    "an owner": Case(
        "ALTER TABLE lab.stock OWNER TO vendor",
        (
            ("ownership", C, MEDIUM, "table lab.stock belongs to vendor now (before: lab_owner)"),
            ("access", W, MEDIUM, "vendor can now read, insert into, update, delete from"),
            ("access", N, LOW, "lab_owner no longer holds SELECT on"),
            ("access", N, LOW, "lab_owner no longer holds INSERT on"),
            ("access", N, LOW, "lab_owner no longer holds UPDATE on"),
            ("access", N, LOW, "lab_owner no longer holds DELETE on"),
            ("access", N, LOW, "lab_owner no longer holds TRUNCATE on"),
            ("access", N, LOW, "lab_owner no longer holds REFERENCES on"),
            ("access", N, LOW, "lab_owner no longer holds TRIGGER on"),
        ),
        versions=(10, 16),
    ),
    "default privileges": Case(
        "ALTER DEFAULT PRIVILEGES FOR ROLE lab_owner IN SCHEMA lab GRANT SELECT ON TABLES TO PUBLIC",
        (
            (
                "default-privileges",
                W,
                HIGH,
                "PUBLIC will hold SELECT on tables that lab_owner makes in schema lab",
            ),
        ),
    ),
    "default privileges closed": Case(
        "ALTER DEFAULT PRIVILEGES FOR ROLE lab_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        (("default-privileges", N, LOW, "PUBLIC will no longer hold EXECUTE on functions that lab_owner"),),
    ),
    "encryption lost": Case(
        "ALTER TABLE lab.stock ALTER COLUMN nir TYPE text USING ''",
        (("encryption", W, CRITICAL, "column lab.stock.nir is stored in clear now (before: encrypted)"),),
        before="ALTER TABLE lab.stock ADD COLUMN nir bytea;"
        " COMMENT ON COLUMN lab.stock.nir IS 'pgguard: encrypted'",
    ),
    "a policy more": Case(
        "CREATE POLICY more ON lab.patient TO biology USING (id > 0)",
        (
            (
                "row-security",
                W,
                HIGH,
                "table lab.patient has a new policy more (PERMISSIVE FOR ALL TO biology)",
            ),
        ),
        before="ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY own ON lab.patient TO biology USING (doctor = current_user)",
    ),
    "a restrictive policy less": Case(
        "DROP POLICY own ON lab.patient",
        (
            (
                "row-security",
                W,
                HIGH,
                "table lab.patient has lost policy own (RESTRICTIVE FOR ALL TO biology)",
            ),
        ),
        before="ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY few ON lab.patient TO biology USING (id > 0);"
        " CREATE POLICY own ON lab.patient AS RESTRICTIVE TO biology USING (doctor = current_user)",
    ),
    "an option of a view": Case(
        "ALTER VIEW lab.v_export SET (security_barrier = true)",
        (("object", NEUTRAL, LOW, "view lab.v_export has security_barrier=true now"),),
    ),
    "the system's own": Case(
        "GRANT SELECT ON pg_catalog.pg_authid TO vendor",
        (
            ("superuser", W, HIGH, "vendor can now see everything past all grants"),
            (
                "access",
                W,
                MEDIUM,
                "vendor can now read pg_catalog.pg_authid (its grants are no longer those of",
            ),
        ),
    ),
    "a new table with patients": Case(
        "CREATE TABLE lab.copy_patient (id integer, nir text);"
        " ALTER TABLE lab.copy_patient OWNER TO lab_owner; GRANT SELECT ON lab.copy_patient TO biology",
        (
            ("access", W, HIGH, "durand, martin can now read lab.copy_patient (new table; sensitive)"),
            (
                "sensitive-data",
                W,
                MEDIUM,
                "column lab.copy_patient.nir is a new sensitive column (national_id, in a new table)",
            ),
        ),
    ),
    "a publication": Case(
        "ALTER PUBLICATION feed ADD TABLE lab.patient",
        (("replication", W, HIGH, "publication feed sends now lab.patient"),),
        versions=(10, 14),
    ),
    "a foreign server": Case(
        "CREATE SERVER far FOREIGN DATA WRAPPER wrap",
        (("foreign-server", W, HIGH, "foreign server far is new, of wrapper wrap"),),
        before="CREATE FOREIGN DATA WRAPPER wrap",
    ),
    "an extension": Case(
        "CREATE EXTENSION pgcrypto SCHEMA lab",
        (("extension", W, MEDIUM, "extension pgcrypto is installed now"), ("access", W, LOW, "can now call")),
        # from 18 on it brings a parameter
        versions=(10, 17),
    ),
    "a role's own setting": Case(
        "ALTER ROLE vendor SET session_replication_role = replica",
        (("audit", W, CRITICAL, "vendor has session_replication_role = replica of its own now"),),
    ),
    "a role's harmless setting": Case(
        "ALTER ROLE vendor SET work_mem = '8MB'",
        (("setting", NEUTRAL, LOW, "vendor has work_mem = a value of its own now"),),
    ),
}


def sentence(one: Difference) -> str:
    who = ", ".join(one.who)
    named = who if one.noun in ("login", "role") else f"{one.noun} {who}"
    return " ".join(part for part in (named, one.does, ", ".join(one.what), one.tail) if part)


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_change_is_told_and_nothing_else(name: str, cluster: Cluster) -> None:
    case = CASES[name]
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        major = connection.info.server_version // 10000
        if not case.versions[0] <= major <= case.versions[1]:
            pytest.skip("another version's")
        connection.execute(BASE.encode())
        if case.before:
            connection.execute(case.before.encode())
        before = read_open(connection)
        connection.execute(case.change.encode())
        after = read_open(connection)
        connection.rollback()
    found = drift(before, after, Policy())
    told = [(one.area, one.direction, one.severity, sentence(one)) for one in found.differences]
    for area, direction, severity, words in case.said:
        assert any((area, direction, severity) == one[:3] and words in one[3] for one in told), (words, told)
    assert len(told) == len(case.said), told
    opened = any(direction in (W, C) for _, direction, _, _ in case.said)
    assert found.exit_code(allow_unknown=True) == int(opened)
    back = drift(after, before, Policy())
    if case.said:
        assert back.differences != found.differences
        gone = {sentence(one) for one in back.differences if one.direction is W}
        assert gone.isdisjoint(one[3] for one in told if one[1] is W)


@pytest.fixture
def served(new_cluster: Callable[..., Cluster]) -> Iterator[tuple[Cluster, psycopg.Connection]]:
    """A cluster of its own, where configuration may be changed."""
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE vendor LOGIN PASSWORD 'a-word'")
        yield cluster, connection


def _look(cluster: Cluster) -> Snapshot:
    return read_snapshot(Target(cluster.dsn()))


def _reloaded(cluster: Cluster, connection: psycopg.Connection, lines: str = "") -> Snapshot:
    """The snapshot once the server runs with what was changed; lines go to the end of pg_hba.conf."""
    row = connection.execute("SELECT current_setting('hba_file'), pg_conf_load_time()").fetchone()
    assert row is not None
    if lines:
        with open(row[0], "a", encoding="utf-8") as file:
            file.write(lines)
    connection.execute("SELECT pg_reload_conf()")
    for _ in range(100):
        loaded = connection.execute("SELECT pg_conf_load_time() > %s", [row[1]]).fetchone()
        if loaded == (True,):
            break
        time.sleep(0.05)
    # the file's time has whole seconds on some file systems: it must not seem younger than the load
    return _look(cluster)


def _of(found: Drift, area: str) -> list[Difference]:
    return [one for one in found.differences if one.area == area]


def test_hba_that_lets_in_more(served: tuple[Cluster, psycopg.Connection]) -> None:
    cluster, connection = served
    before = _look(cluster)
    after = _reloaded(cluster, connection, "host all vendor 203.0.113.0/24 trust\n")
    (one,) = _of(drift(before, after, Policy()), "authentication")
    assert (one.direction, one.severity, one.who) == (W, CRITICAL, ("vendor",))
    assert one.does == "can now get in by trust, into"
    assert "from 203.0.113.0/24 unencrypted: pg_hba.conf:" in one.tail
    assert "postgres" in one.what
    (back,) = _of(drift(after, before, Policy()), "authentication")
    assert (back.direction, back.does) == (N, "can no longer get in by trust, into")


def test_hba_line_that_an_earlier_one_covers_changes_nothing(
    served: tuple[Cluster, psycopg.Connection],
) -> None:
    cluster, connection = served
    before = _look(cluster)
    after = _reloaded(cluster, connection, "host all vendor 127.0.0.1/32 reject\n")
    found = drift(before, after, Policy())
    assert found.differences == ()
    assert found.exit_code() == 0


def test_hba_by_another_method(served: tuple[Cluster, psycopg.Connection]) -> None:
    cluster, connection = served
    strong = _reloaded(cluster, connection, "host all vendor 203.0.113.0/24 scram-sha-256\n")
    file = connection.execute("SELECT current_setting('hba_file')").fetchone()
    assert file is not None
    with open(file[0], encoding="utf-8") as opened:
        text = opened.read()
    with open(file[0], "w", encoding="utf-8") as opened:
        opened.write(text.replace("203.0.113.0/24 scram-sha-256", "203.0.113.0/24 password"))
    weak = _reloaded(cluster, connection)
    stored = connection.execute("SELECT rolpassword ~ '^SCRAM' FROM pg_authid WHERE rolname = 'vendor'")
    if stored.fetchone() != (True,):
        pytest.skip("this version stores md5, which scram-sha-256 refuses")
    (one,) = _of(drift(strong, weak, Policy()), "authentication")
    assert (one.direction, one.severity) == (W, HIGH)
    assert one.does == "can now get in by password, into"
    assert "before: scram-sha-256" in one.tail
    (back,) = _of(drift(weak, strong, Policy()), "authentication")
    assert back.direction is N


def test_identity_maps(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(hba="local all all trust\nhostssl all all 10.0.0.0/8 cert map=people\n")
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        row = connection.execute("SELECT current_setting('ident_file')").fetchone()
        before = _look(cluster)
        assert row is not None
        with open(row[0], "a", encoding="utf-8") as file:
            file.write("people claire postgres\nunused claire postgres\n")
        after = _reloaded(cluster, connection)
    found = drift(before, after, Policy())
    if before.major < 15:
        assert [one.section for one in found.uncompared] == ["ident_rules"]
        return
    (one,) = found.differences
    assert (one.area, one.direction, one.severity) == ("authentication", W, HIGH)
    assert sentence(one) == "identity claire may now log in as postgres by map people"


def test_settings_that_matter(served: tuple[Cluster, psycopg.Connection]) -> None:
    cluster, connection = served
    before = _look(cluster)
    for assignment in ("session_replication_role = 'replica'", "work_mem = '9MB'", "log_statement = 'ddl'"):
        connection.execute(f"ALTER SYSTEM SET {assignment}".encode())
    after = _reloaded(cluster, connection)
    found = drift(before, after, Policy())
    told = {(one.area, one.direction, one.severity, sentence(one)) for one in found.differences}
    assert told == {
        (
            "audit",
            W,
            CRITICAL,
            "parameter session_replication_role is now replica (before: origin)",
        ),
        ("setting", N, LOW, "parameter log_statement is now ddl (before: none)"),
        (
            "setting",
            NEUTRAL,
            LOW,
            "parameter work_mem changed (nothing of access, of the log or of encryption)",
        ),
    }


def test_databases_come_and_go(served: tuple[Cluster, psycopg.Connection]) -> None:
    cluster, connection = served
    connection.execute("CREATE DATABASE first")
    before = _look(cluster)
    connection.execute("ALTER DATABASE first RENAME TO renamed")
    connection.execute("CREATE DATABASE second")
    with psycopg.connect(cluster.dsn(dbname="second"), autocommit=True) as inside:
        inside.execute("CREATE TABLE patient (id integer, nir text)")
        inside.execute("GRANT SELECT ON patient TO vendor")
    after = _look(cluster)
    told = {sentence(one): one for one in drift(before, after, Policy()).differences}
    assert "database renamed was called first" in told
    assert "database second is new" in told
    read = told["vendor can now read public.patient (new table; sensitive)"]
    assert (read.database, read.severity) == ("second", HIGH)
    back = {sentence(one) for one in drift(after, before, Policy()).differences}
    assert "database second is gone" in back


def test_what_one_side_could_not_read_is_said(served: tuple[Cluster, psycopg.Connection]) -> None:
    cluster, connection = served
    connection.execute("CREATE ROLE auditor LOGIN")
    connection.execute("GRANT pg_monitor TO auditor")
    whole = _look(cluster)
    part = read_snapshot(Target(cluster.dsn(user="auditor")))
    found = drift(whole, part, Policy())
    assert found.differences == ()
    assert {(one.section, one.side) for one in found.uncompared} >= {
        ("verifiers", "after"),
        ("hba_rules", "after"),
    }
    assert all(one.reason for one in found.uncompared)
    assert found.exit_code() == 3
    assert found.exit_code(allow_unknown=True) == 0
    both = drift(part, part, Policy())
    assert {one.side for one in both.uncompared} == {"both"}
    assert both.exit_code() == 3
    # a section that only one side lacks hides no change of another
    connection.execute("ALTER ROLE vendor SUPERUSER")
    assert drift(part, _look(cluster), Policy()).exit_code() == 1


def test_a_database_that_was_not_looked_into_is_said(served: tuple[Cluster, psycopg.Connection]) -> None:
    cluster, connection = served
    connection.execute("CREATE DATABASE other")
    whole = _look(cluster)
    part = read_snapshot(Target(cluster.dsn()), ["postgres"])
    (note,) = drift(whole, part, Policy()).uncompared
    assert (note.database, note.side) == ("other", "after")
    assert drift(whole, part, Policy(), only=["postgres"]).uncompared == ()
