"""What a breach file knows from the server: counts, audit stores that were tampered with, encryption."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.model.incident import CountAsked
from pgguard.server.audit_seal import seal_once
from pgguard.server.connect import Target
from pgguard.server.incident import count
from tests.audit.evidence import last_anchor, superuser, value, written_store
from tests.audit.reading import Site
from tests.audit.store import OLDEST
from tests.encryption.encrypting import encrypted
from tests.incident_scene import SETTINGS, Scene, file_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.binaries import Postgres
    from pgguard.demo.cluster import Cluster

    New = Callable[..., Cluster]

COLUMNS = "".join(
    f'[[column]]\nname = "public.{name}"\ncategory = "{category}"\n'
    for name, category in {
        "patient.nir": "national_id",
        "patient.name": "direct_identifier",
        "patient.note": "free_text",
        "exam.result": "health_observation",
    }.items()
)


def now(after: float = 0) -> str:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=after)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def bare(cluster: Cluster, folder: Path) -> Scene:
    """A scene without anything in it."""
    made = object.__new__(Scene)
    made.cluster, made.folder = cluster, folder
    return made


def test_the_first_bad_entry_of_the_audit_is_told(
    new_cluster: New, postgres: Postgres, tmp_path: Path
) -> None:
    if postgres.major < OLDEST:
        pytest.skip("the audit needs 14")
    cluster = new_cluster()
    dsn = written_store(cluster, "hospital")
    made, asked = bare(cluster, tmp_path), {"since": now(-3600), "until": now(1)}
    whole = file_of(made, COLUMNS, None, **asked)
    (source,) = [one for one in whole["sources"] if one["name"] == "audit of hospital"]
    assert "all are as they were sealed" in source["told"][0]
    # everything was written in the window, and some of it deleted
    changes = {(one["relation"], one["verb"]): one["rows"] for one in whole["changes"]}
    assert changes["public.patient", "INSERT"] == 80
    assert changes["public.exam", "DELETE"] > 0
    anchor = last_anchor(dsn)
    with superuser(dsn) as connection:
        bad = value(connection, "SELECT min(id) FROM pgguard_audit.entry WHERE verb = 'DELETE'")
        connection.execute(b"UPDATE pgguard_audit.entry SET login = 'somebody' WHERE id = %d" % bad)
    broken = file_of(made, COLUMNS, None, **asked)
    (source,) = [one for one in broken["sources"] if one["name"] == "audit of hospital"]
    assert f"TAMPERED: first bad: entry {bad}, seal" in source["told"][1]
    assert any(f"tells the truth: entry {bad}, seal" in one for one in broken["unknown"])
    assert anchor.seal > 0


def test_deleted_rows_are_in_the_bound(new_cluster: New, postgres: Postgres, tmp_path: Path) -> None:
    if postgres.major < OLDEST:
        pytest.skip("the audit needs 14")
    cluster = new_cluster()
    dsn = written_store(cluster, "hospital")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE thief LOGIN; GRANT SELECT ON patient TO thief")
        begun = now()
        connection.execute("DELETE FROM patient WHERE id <= 30")
        seal_once(Target(dsn))
    asked: dict[str, Any] = {"roles": ("thief",), "since": begun, "until": now(1)}
    found = file_of(bare(cluster, tmp_path), COLUMNS, None, **asked)
    (patient,) = found["tables"]
    assert (patient["at_most"], patient["exact"]) == (80, True)
    assert "50 rows counted" in patient["basis"]
    assert "30 deleted since the window began" in patient["basis"]
    assert not any("audit-off" in one or "not audited" in one for one in found["unknown"])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE patient DISABLE TRIGGER pgguard_audit_update")
    found = file_of(bare(cluster, tmp_path), COLUMNS, None, **{**asked, "until": now(1)})
    assert any(one.startswith("what was changed in hospital from ") for one in found["unknown"])
    assert any("in public.patient: not audited" in one for one in found["unknown"])


def test_counts_are_exact_or_say_why_not(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(
            'CREATE SCHEMA counted; CREATE TABLE counted."odd ""table" (k integer, "odd ""key" text);'
            'INSERT INTO counted."odd ""table" SELECT i, CASE WHEN i > 3 THEN i % 4 END '
            "FROM generate_series(1, 20) AS i"
        )
        try:
            target = Target(cluster.dsn(dbname="lab"))
            odd = CountAsked("lab", "counted", 'odd "table', key='odd "key')
            gone = CountAsked("lab", "counted", "gone")
            lost = CountAsked("not_there", "counted", "gone")
            found = {one.asked: one for one in count(target, [odd, gone, lost])}
            assert found[odd][1:4] == (20, 4, 3)
            assert found[gone].rows == found[lost].rows == -1
            assert "does not exist" in found[gone].reason
            with psycopg.connect(cluster.dsn(dbname="lab")) as other:
                other.execute('LOCK TABLE counted."odd ""table" IN ACCESS EXCLUSIVE MODE')
                (locked,) = count(target, [odd])
            assert (locked.rows, "was locked" in locked.reason) == (-1, True)
        finally:
            connection.execute("DROP SCHEMA counted CASCADE")


def test_a_count_that_row_security_would_narrow_is_none(new_cluster: New) -> None:
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE part (id integer); INSERT INTO part VALUES (1), (2); CREATE ROLE looker LOGIN;"
            "ALTER TABLE part ENABLE ROW LEVEL SECURITY; GRANT SELECT ON part TO looker;"
            "CREATE POLICY one ON part USING (id = 1)"
        )
    (found,) = count(Target(cluster.dsn(user="looker")), [CountAsked("postgres", "public", "part")])
    assert found.rows == -1
    assert "row-level security" in found.reason or "row security" in found.reason


ENCRYPTED = "".join(
    f'[[column]]\nname = "lab.patient_pgg1.{name}"\ncategory = "{category}"\ndatabase = "clinic"\n'
    for name, category in (("nir", "national_id"), ("note", "free_text"), ("name", "direct_identifier"))
)


def test_encrypted_columns_are_told_with_who_could_open_them(
    new_cluster: New, postgres: Postgres, tmp_path: Path
) -> None:
    if postgres.major < OLDEST:
        pytest.skip("columns are encrypted from 14 on")
    cluster = new_cluster(settings={**SETTINGS, "log_statement": "all", "log_parameter_max_length": "0"})
    lab = encrypted(cluster, tables=("lab.patient",))
    site = Site(cluster, ENCRYPTED, database="clinic")
    site.settled(site.log("csvlog"))
    begun = now()
    for role, query in (
        ("biologist", "SELECT nir FROM lab.patient WHERE id = 1"),
        ("clerk", "SELECT nir FROM lab.patient WHERE id = 1"),
    ):
        with lab.session(role, application_name="export") as connection:
            connection.execute(query.encode()).fetchall()
    site.settled(site.log("csvlog"))
    site.mine(tmp_path / "store", site.log("csvlog"))

    def columns(login: str) -> dict[str, tuple[str, str]]:
        found = file_of(
            bare(cluster, tmp_path), ENCRYPTED, tmp_path / "store", roles=(login,), since=begun, until=now(1)
        )
        (patient,) = [one for one in found["tables"] if one["table"] == "lab.patient"]
        said = [one for one in found["communication"] if one.startswith("34(3)(a)")]
        assert said
        return {one["name"]: (one["keeping"], one["key"]) for one in patient["columns"]} | {
            "communication": ("", said[0])
        }

    reader, clerk = columns("biologist"), columns("clerk")
    assert reader["nir"] == ("encrypted", "opened")
    assert clerk["nir"] == ("encrypted", "no")
    assert "had no right to open it" in clerk["communication"][1]
    assert "could open it" in reader["communication"][1]
    assert {one for one in reader if reader[one][0] == "encrypted"} == {
        one for one in clerk if clerk[one][0] == "encrypted"
    }
