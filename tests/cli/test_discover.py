"""`pgguard discover` as a user types it: what is written into the policy, and what is left alone."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def hospital(postgres) -> Iterator[Cluster]:
    """A cluster of its own with patients, partitions, a view and a catalogue."""
    from pgguard.demo.cluster import Cluster

    with Cluster.start(postgres) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE lab")
        with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
            connection.execute("""
                CREATE TABLE patient (patient_id bigint PRIMARY KEY, nom text, prenom text, nir char(15),
                    date_naissance date, created_at timestamptz);
                CREATE TABLE resultat (resultat_id bigint, patient_id bigint, valeur numeric, pris_le date)
                    PARTITION BY RANGE (pris_le);
                CREATE TABLE resultat_2025 PARTITION OF resultat
                    FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
                CREATE TABLE resultat_2026 PARTITION OF resultat
                    FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
                CREATE TABLE unite (code text PRIMARY KEY, libelle text);
                CREATE VIEW liste AS SELECT nom, prenom FROM patient;
            """)
        yield cluster


def where(cluster: Cluster) -> list[str]:
    return ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres"]


def _entries(folder: Path) -> dict[str, str]:
    file = folder / "pgguard.toml"
    return {one["name"]: one["category"] for one in tomllib.loads(file.read_text("utf-8")).get("column", [])}


def test_the_classification_goes_into_the_policy_and_a_second_run_changes_nothing(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    done = pgguard("discover", *where(hospital))
    assert (done.returncode, done.stderr) == (0, "")
    entries = _entries(tmp_path)
    assert entries["public.patient.nir"] == "national_id"
    assert entries["public.patient.nom"] == "direct_identifier"
    assert entries["public.patient.date_naissance"] == "date_of_birth"
    assert entries["public.patient.patient_id"] == "person_key"
    assert entries["public.resultat.valeur"] == "health_observation"
    # said once for the partitions, not at all for the view, and a catalogue has nothing to say
    assert not [name for name in entries if "resultat_20" in name or "liste" in name or "unite" in name]
    assert "written to pgguard.toml" in done.stdout
    before = (tmp_path / "pgguard.toml").read_bytes()
    again = pgguard("discover", *where(hospital))
    assert "nothing changed" in again.stdout
    assert (tmp_path / "pgguard.toml").read_bytes() == before
    # the policy that was written is one that inspect takes
    assert pgguard("inspect", *where(hospital), "--check", "hba-md5").returncode == 0


def test_what_a_person_decided_stays_and_what_is_new_or_gone_is_said(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    file = tmp_path / "pgguard.toml"
    mine = '# mine\n[[column]]\nname = "public.patient.nom"\ncategory = "none"\ndecided_by = "Dr Adam"\n\n'
    file.write_text(
        mine
        + '[[column]]\nname = "public.patient.nomm"\ncategory = "direct_identifier"\n\n'
        + '[[column]]\nname = "public.patient.gone"\ncategory = "contact"\ndecided_by = "detector"\n\n'
        + '[[column]]\nname = "public.patient.nir"\ncategory = "contact"\ndecided_by = "detector"\n'
    )
    done = pgguard("discover", *where(hospital))
    assert done.returncode == 0
    assert file.read_text().startswith(mine)
    assert _entries(tmp_path)["public.patient.nir"] == "national_id"
    assert "public.patient.gone" not in _entries(tmp_path)
    assert "public.patient.nir: contact -> national_id" in done.stdout
    assert "public.patient.nomm: did you mean public.patient.nom?" in done.stdout
    assert "public.patient.gone" in done.stdout
    assert "1 column decided otherwise by a person" in done.stdout


def test_json_and_csv_hold_every_column_with_its_reasons(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    document = json.loads(pgguard("discover", *where(hospital), "--format", "json", "--dry-run").stdout)
    columns = {one["name"]: one for one in document["columns"]}
    nir = columns["public.patient.nir"]
    assert (nir["category"], nir["sensitive"], nir["sensitivity"]) == ("national_id", True, "high")
    assert nir["score"] > 0.9
    assert nir["evidence"]
    assert columns["public.unite.libelle"]["category"] == "none"
    assert document["policy"]["written"] is None
    assert not (tmp_path / "pgguard.toml").exists()
    lines = list(csv.DictReader(io.StringIO(pgguard("discover", *where(hospital), "--format", "csv").stdout)))
    assert {f"{one['schema']}.{one['table']}.{one['column']}" for one in lines} == set(columns)
    assert {one["why"] for one in lines if one["column"] == "nir"} != {""}


def test_a_policy_that_cannot_be_edited_is_left_alone(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    text = 'column = [{name = "public.patient.nom", category = "none"}]\n'
    (tmp_path / "pgguard.toml").write_text(text)
    done = pgguard("discover", *where(hospital))
    assert done.returncode == 2
    assert "one key a line" in done.stderr
    assert (tmp_path / "pgguard.toml").read_text() == text


def test_a_saved_snapshot_gives_the_same_answer(pgguard: Run, hospital: Cluster, tmp_path: Path) -> None:
    assert pgguard("snapshot", *where(hospital), "-o", "s.jsonl").returncode == 0
    from_file = pgguard("discover", "--from", "s.jsonl", "--format", "csv", "--dry-run")
    assert from_file.stdout == pgguard("discover", *where(hospital), "--format", "csv", "--dry-run").stdout


def test_a_mistake_in_the_policy_is_named_with_its_line(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "pgguard.toml").write_text('[[column]]\nname = "a.b.c"\ncategory = "nationalid"\n')
    done = pgguard("discover", *where(hospital))
    assert done.returncode == 2
    assert "pgguard.toml:3: column.category" in done.stderr


def test_values_tell_what_names_do_not_and_never_leave_the_server(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    with psycopg.connect(hospital.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute("""
            CREATE TABLE divers (c1 text, c2 text);
            INSERT INTO divers SELECT 'planted' || n || '@lab.example', 'x' || n
                FROM generate_series(1, 40) AS n;
        """)
        try:
            plain = pgguard("discover", *where(hospital), "--format", "csv", "--dry-run")
            done = pgguard("discover", *where(hospital), "--sample", "100")
            as_json = pgguard("discover", *where(hospital), "--sample", "100", "--format", "json")
        finally:
            connection.execute("DROP TABLE divers")
    assert not [line for line in plain.stdout.splitlines() if ",divers," in line and ",contact," in line]
    assert (done.returncode, done.stderr) == (0, "")
    assert _entries(tmp_path)["public.divers.c1"] == "contact"
    assert "40 of 40 values are e-mail addresses" in done.stdout
    written = (tmp_path / "pgguard.toml").read_text()
    assert "planted" not in done.stdout + as_json.stdout + written
    refused = pgguard("discover", "--from", "none.jsonl", "--sample", "5")
    assert refused.returncode == 2


def test_what_the_role_may_not_read_is_said_and_the_rest_goes_on(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    with psycopg.connect(hospital.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS looker; CREATE ROLE looker LOGIN; GRANT pg_monitor TO looker")
    place = ["-h", str(hospital.socket_dir), "-p", str(hospital.port), "-U", "looker", "-d", "lab"]
    done = pgguard("discover", *place, "--sample", "10", "--dry-run")
    assert done.returncode == 3
    assert "columns of public.patient of database lab: permission denied" in done.stdout
    assert "national_id" in done.stdout
