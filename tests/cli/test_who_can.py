"""`pgguard who-can` over a saved snapshot: every format, exit codes, and what could not be known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import psycopg
import pytest

from pgguard.model.snapshot import DatabaseSnapshot, Missing, Snapshot
from pgguard.server.read import read_open
from pgguard.store.snapshot_file import save

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]

_SQL = """
CREATE ROLE lab_owner NOLOGIN;
CREATE ROLE biology NOLOGIN;
CREATE ROLE "c.martin" LOGIN;
GRANT biology TO "c.martin";
CREATE ROLE switcher LOGIN NOINHERIT;
GRANT biology TO switcher;
CREATE ROLE trainee LOGIN;
CREATE ROLE outsider LOGIN;
CREATE ROLE caller LOGIN;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
GRANT USAGE ON SCHEMA lab TO biology, trainee, caller;
CREATE TABLE lab.patient (id integer, nir text, doctor text);
ALTER TABLE lab.patient OWNER TO lab_owner;
ALTER TABLE lab.patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON lab.patient TO biology USING (doctor = current_user);
GRANT SELECT ON lab.patient TO biology, outsider;
CREATE VIEW lab.everybody AS SELECT id, nir FROM lab.patient;
ALTER VIEW lab.everybody OWNER TO lab_owner;
GRANT SELECT (nir) ON lab.everybody TO trainee;
CREATE FUNCTION lab.nir_of(integer) RETURNS text LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS 'SELECT nir FROM lab.patient WHERE id = $1';
ALTER FUNCTION lab.nir_of(integer) OWNER TO lab_owner;
REVOKE EXECUTE ON FUNCTION lab.nir_of(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lab.nir_of(integer) TO caller;
"""


@pytest.fixture(scope="module")
def snapshot(cluster: Cluster) -> Iterator[Snapshot]:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute(_SQL.encode())
        yield read_open(connection)
        connection.rollback()


@pytest.fixture
def file(snapshot: Snapshot, tmp_path: Path) -> str:
    save(snapshot, tmp_path / "lab.snapshot")
    return str(tmp_path / "lab.snapshot")


def test_json_is_the_published_shape(pgguard: Run, file: str) -> None:
    done = pgguard("who-can", "read", "lab.patient.nir", "--from", file, "--format", "json")
    answer = json.loads(done.stdout)
    assert list(answer) == ["privilege", "object", "logins", "by_set_role", "by_view_or_function"]
    assert (answer["privilege"], answer["object"]) == ("select", "lab.patient.nir")
    assert _limited(answer["logins"]) == {"postgres": False, "c.martin": True, "outsider": True}
    assert _limited(answer["by_set_role"]) == {"switcher": True}
    assert _limited(answer["by_view_or_function"]) == {"trainee": False, "caller": False}
    paths = {one["role"]: one["path"] for name in list(answer)[2:] for one in answer[name]}
    assert paths["c.martin"] == [
        '"c.martin" is a member of biology',
        "biology has SELECT on lab.patient",
    ]
    assert paths["outsider"][-1] == "but outsider has no USAGE on schema lab"
    assert paths["switcher"][0] == "switcher may SET ROLE to biology"
    assert paths["trainee"] == [
        "trainee has SELECT on lab.everybody.nir",
        "lab.everybody reads as its owner lab_owner lab.patient",
    ]
    assert paths["caller"] == [
        "caller has EXECUTE on lab.nir_of(integer)",
        "lab.nir_of(integer) reads as its owner lab_owner lab.patient",
    ]
    assert done.returncode == 0


def test_terminal_says_each_login_and_how(pgguard: Run, file: str) -> None:
    done = pgguard("who-can", "read", "lab.patient.nir", "--from", file)
    assert "3 logins to whom the server says yes" in done.stdout
    assert "1 more login after SET ROLE" in done.stdout
    assert "some rows: switcher may SET ROLE to biology; biology has SELECT on lab.patient" in done.stdout
    assert "lab.everybody reads as its owner lab_owner lab.patient" in done.stdout


def test_pictures(pgguard: Run, file: str) -> None:
    dot = pgguard("who-can", "read", "lab.patient.nir", "--from", file, "--format", "dot").stdout
    assert dot.startswith("digraph")
    assert '"lab.everybody" -> "lab.patient" [label="reads as its owner lab_owner"];' in dot
    svg = pgguard("who-can", "read", "lab.patient.nir", "--from", file, "--format", "svg").stdout
    texts = {node.text for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}  # noqa: S314
    assert {'"c.martin"', "biology", "lab.patient", "lab.everybody", "is a member of"} <= texts


def test_other_objects(pgguard: Run, file: str) -> None:
    for words, logins in (
        (["execute", "lab.nir_of(integer)"], {"postgres", "caller"}),
        (["usage", "schema lab"], {"postgres", "c.martin", "trainee", "caller"}),
        (["truncate", "lab.patient"], {"postgres"}),
        (["create", "database lab"], {"postgres"}),
    ):
        answer = json.loads(pgguard("who-can", *words, "--from", file, "--format", "json").stdout)
        assert {one["role"] for one in answer["logins"]} == logins, words
    # the kind and the name as two words
    done = pgguard("who-can", "create", "database", "lab", "--from", file, "--format", "json")
    assert [one["role"] for one in json.loads(done.stdout)["logins"]] == ["postgres"]


def test_what_is_not_there_lists_near_names(pgguard: Run, file: str) -> None:
    done = pgguard("who-can", "read", "lab.patient.nri", "--from", file)
    assert "did you mean lab.patient.nir" in done.stderr
    assert done.returncode == 2
    assert "did you mean insert" in pgguard("who-can", "inser", "lab.patient", "--from", file).stderr


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("row_policies", "whether row security limits the rows: row_policies of database lab"),
        ("view_columns", "who gets there through a view or a function: view_columns of database lab"),
        ("functions", "who gets there through a view or a function: functions of database lab"),
    ],
)
def test_what_could_not_be_read_is_said(
    pgguard: Run, snapshot: Snapshot, tmp_path: Path, section: str, said: str
) -> None:
    save(_without(snapshot, section), tmp_path / "part.snapshot")
    arguments = ["who-can", "read", "lab.patient.nir", "--from", str(tmp_path / "part.snapshot")]
    done = pgguard(*arguments)
    assert said in done.stdout
    assert "permission denied" in done.stdout
    assert done.returncode == 3
    answer = json.loads(pgguard(*arguments, "--format", "json").stdout)
    assert any(said in text for text in answer["unknown"])
    assert "c.martin" in _limited(answer["logins"])


def test_without_memberships_there_is_no_answer(pgguard: Run, snapshot: Snapshot, tmp_path: Path) -> None:
    save(_without(snapshot, "memberships"), tmp_path / "part.snapshot")
    done = pgguard("who-can", "read", "lab.patient.nir", "--from", str(tmp_path / "part.snapshot"))
    assert "memberships could not be read" in done.stderr
    assert done.returncode == 3
    assert done.stdout == ""


def _limited(entries: list[dict[str, Any]]) -> dict[str, bool]:
    return {one["role"]: one["rows_limited"] for one in entries}


def _without(snapshot: Snapshot, section: str) -> Snapshot:
    """The same snapshot with one section that could not be read."""
    gone = Missing("permission denied")

    def kept(of: Snapshot | DatabaseSnapshot) -> dict[str, Any]:
        return {
            name: gone if name == section else of.missing().get(name) or of.rows(name)
            for name in of.section_types()
        }

    def sections(of: Snapshot | DatabaseSnapshot) -> dict[str, Any]:
        return {
            name: Missing(reason) if isinstance(reason := found, str) else found
            for name, found in kept(of).items()
        }

    inspected = [DatabaseSnapshot(sections(one), one.name) for one in snapshot.inspected]
    return Snapshot(sections(snapshot), inspected, snapshot.target)
