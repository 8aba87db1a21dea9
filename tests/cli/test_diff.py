"""`pgguard diff` as a user types it: files, servers, formats, exit codes, bounds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.snapshot_file import save

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

    Run = Callable[..., subprocess.CompletedProcess[str]]

PEOPLE = 15
_BEFORE = """
CREATE ROLE lab_owner;
CREATE ROLE biology;
CREATE SCHEMA lab AUTHORIZATION lab_owner;
GRANT USAGE ON SCHEMA lab TO PUBLIC;
CREATE TABLE lab.patient (id integer, nir text);
CREATE VIEW lab.v_export AS SELECT nir FROM lab.patient;
ALTER TABLE lab.patient OWNER TO lab_owner;
ALTER VIEW lab.v_export OWNER TO lab_owner;
"""


@pytest.fixture(scope="module")
def running(postgres: Postgres) -> Iterator[Cluster]:
    """A cluster in which something was granted to everybody after the first snapshot."""
    with Cluster.start(postgres) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def looks(running: Cluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The snapshots before and after, as files."""
    folder = tmp_path_factory.mktemp("looks")
    with psycopg.connect(running.dsn(), autocommit=True) as connection:
        connection.execute(_BEFORE.encode())
        for number in range(PEOPLE):
            connection.execute(f"CREATE ROLE person_{number:02} LOGIN".encode())
        save(read_snapshot(Target(running.dsn())), folder / "before.pgguard")
        connection.execute("GRANT SELECT ON lab.v_export TO biology")
        for number in range(PEOPLE):
            connection.execute(f"GRANT biology TO person_{number:02}".encode())
        save(read_snapshot(Target(running.dsn())), folder / "after.pgguard")
    return folder / "before.pgguard", folder / "after.pgguard"


def _options(cluster: Cluster) -> list[str]:
    return ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres"]


def test_nothing_changed(pgguard: Run, looks: tuple[Path, Path]) -> None:
    done = pgguard("diff", str(looks[0]), str(looks[0]), "--allow-unknown")
    assert done.stderr == ""
    assert "Nothing" in done.stdout
    assert done.returncode == 0


def test_people_are_told_together(pgguard: Run, looks: tuple[Path, Path]) -> None:
    done = pgguard("diff", *map(str, looks))
    assert done.returncode == 1
    assert (
        f"  + person_00, person_01, person_02 and {PEOPLE - 3} other logins can now read lab.patient.nir "
        "through view lab.v_export (now a member of biology; sensitive) [database postgres]"
    ) in done.stdout.splitlines()
    assert f"person_{PEOPLE - 1:02}" not in done.stdout
    everything = pgguard("diff", *map(str, looks), "--all").stdout
    assert all(f"person_{number:02}" in everything for number in range(PEOPLE))


def test_what_closed_is_no_alarm(pgguard: Run, looks: tuple[Path, Path]) -> None:
    done = pgguard("diff", str(looks[1]), str(looks[0]), "--allow-unknown")
    assert "can no longer read lab.patient.nir through view lab.v_export" in done.stdout
    assert "0 opened" not in done.stdout
    assert done.returncode == 0


def test_against_the_live_server(pgguard: Run, looks: tuple[Path, Path], running: Cluster) -> None:
    for arguments in (
        [str(looks[1]), *_options(running)],
        [str(looks[1]), running.dsn()],
        [running.dsn(), str(looks[1])],
        [running.dsn(), running.dsn()],
        [str(looks[1]), "--from", str(looks[1])],
    ):
        done = pgguard("diff", *arguments, "--allow-unknown")
        assert done.stderr == "", arguments
        assert "Nothing" in done.stdout, done.stdout
        assert done.returncode == 0
    done = pgguard("diff", str(looks[0]), *_options(running))
    assert "through view lab.v_export" in done.stdout
    assert done.returncode == 1


def test_json_has_everything(pgguard: Run, looks: tuple[Path, Path], tmp_path: Path) -> None:
    done = pgguard("diff", *map(str, looks), "--format", "json", "-o", "out.json")
    assert (done.stdout, done.returncode) == ("", 1)
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert list(document) == ["before", "after", "summary", "differences", "uncompared"]
    (read,) = [one for one in document["differences"] if one["what"] == ["lab.patient.nir"]]
    assert read["who"] == [f"person_{number:02}" for number in range(PEOPLE)]
    assert (read["area"], read["direction"], read["severity"]) == ("access", "widened", "high")
    summary = document["summary"]
    assert summary["widened"] == sum(one["direction"] == "widened" for one in document["differences"])
    assert (tmp_path / "out.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)])
def test_a_section_that_is_missing_is_never_no_change(
    pgguard: Run, looks: tuple[Path, Path], tmp_path: Path, which: tuple[int, ...]
) -> None:
    files = [looks[0], looks[0]]
    for number in which:
        files[number] = _without(looks[0], "triggers", tmp_path / f"part{number}")
    done = pgguard("diff", *map(str, files))
    assert "Nothing that could be compared changed; not everything could be." in done.stdout
    side = "both" if len(which) > 1 else ("the first", "the second")[which[0]]
    assert f"triggers of database postgres, missing in {side}: permission denied" in done.stdout
    assert done.returncode == 3
    document = json.loads(pgguard("diff", *map(str, files), "--format", "json").stdout)
    assert {one["side"] for one in document["uncompared"] if one["section"] == "triggers"} == {
        "both" if len(which) > 1 else ("before", "after")[which[0]]
    }


def test_only_some_databases(pgguard: Run, looks: tuple[Path, Path]) -> None:
    done = pgguard("diff", *map(str, looks), "--database", "postgres")
    assert done.returncode == 1
    done = pgguard("diff", *map(str, looks), "--database", "elsewhere")
    assert "there is no database elsewhere in it" in done.stderr
    assert done.returncode == 2


def test_bad_input(pgguard: Run, looks: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "other").write_text("no snapshot", encoding="utf-8")
    assert pgguard("diff", "other", str(looks[1])).returncode == 2
    done = pgguard("diff", "folder/none.pgguard", str(looks[1]))
    assert "there is no such file" in done.stderr
    assert done.returncode == 2
    done = pgguard("diff", "host=/nowhere/at/all", str(looks[1]))
    assert done.returncode == 3
    done = pgguard("diff", "none.pgguard", str(looks[1]))
    assert "there is no such file" in done.stderr
    done = pgguard("diff", "postgresql://u:secret@host/db", str(looks[1]))
    assert "secret" not in done.stderr + done.stdout
    assert done.returncode == 2


def _without(file: Path, section: str, to: Path) -> Path:
    """A copy of a snapshot in which a section could not be read."""
    kept: list[str] = []
    inside = False
    for line in file.read_text(encoding="utf-8").splitlines():
        mark = json.loads(line)
        if isinstance(mark, dict):
            inside = mark.get("section") == section
            kept.append(line)
            if inside:
                kept.append(json.dumps({"missing": "permission denied"}))
        elif not inside:
            kept.append(line)
    to.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return to
