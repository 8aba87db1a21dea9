"""A processor with two controllers in one server: each gets a file, and nothing of the other's is in it."""

from __future__ import annotations

import contextlib
import datetime
import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.incident_scene import MORNING, NIGHT, SINCE, UNTIL, Scene, command, moved, read_into, scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres

# each has a schema in the same database, and one has a database of its own; a table is of both, one of nobody
SCHEMA = """
CREATE ROLE zeta_app LOGIN; CREATE ROLE omega_app LOGIN; CREATE ROLE support LOGIN;
CREATE ROLE zeta_group NOLOGIN; CREATE ROLE omega_group NOLOGIN;
GRANT zeta_group TO zeta_app, support; GRANT omega_group TO omega_app, support;
CREATE SCHEMA zeta; CREATE SCHEMA omega; CREATE SCHEMA plans; CREATE SCHEMA lost;
CREATE TABLE zeta.zeta_patient (id integer PRIMARY KEY, nir text);
CREATE TABLE omega.omega_patient (id integer PRIMARY KEY, nir text);
CREATE TABLE plans.appointment (id integer PRIMARY KEY, clinic text, reason text, nir text);
CREATE TABLE lost.stray (id integer PRIMARY KEY, nir text);
INSERT INTO zeta.zeta_patient SELECT i, 'Z' || i FROM generate_series(1, 11) AS i;
INSERT INTO omega.omega_patient SELECT i, 'O' || i FROM generate_series(1, 23) AS i;
INSERT INTO plans.appointment SELECT i, 'c', 'r', 'n' FROM generate_series(1, 7) AS i;
INSERT INTO lost.stray SELECT i, 's' FROM generate_series(1, 5) AS i;
GRANT USAGE ON SCHEMA zeta TO zeta_group; GRANT SELECT ON zeta.zeta_patient TO zeta_group;
GRANT USAGE ON SCHEMA omega TO omega_group; GRANT SELECT ON omega.omega_patient TO omega_group;
GRANT USAGE ON SCHEMA plans, lost TO PUBLIC; GRANT SELECT ON plans.appointment TO zeta_group, omega_group;
GRANT SELECT ON lost.stray TO support;
ALTER TABLE plans.appointment ENABLE ROW LEVEL SECURITY;
CREATE POLICY zeta_rows ON plans.appointment TO zeta_group USING (clinic = 'zeta');
CREATE POLICY omega_rows ON plans.appointment TO omega_group USING (clinic = 'omega');
"""
ELSEWHERE = """
CREATE TABLE omega_letter (id integer PRIMARY KEY, nir text, body text);
INSERT INTO omega_letter SELECT i, 'L' || i, 'b' FROM generate_series(1, 3) AS i;
GRANT SELECT ON omega_letter TO omega_app, support;
"""
POLICY = """
[tenancy]
columns = ["clinic"]
[[service]]
role = "zeta_app"
owner = "Zeta Clinic"
purpose = "zeta works"
[[service]]
role = "omega_app"
owner = "Omega Clinic"
purpose = "omega works"
[[controller]]
name = "Zeta Clinic"
contact = "desk@zeta.example.org"
dpo = "dpo@zeta.example.org"
[[controller]]
name = "Omega Clinic"
contact = "desk@omega.example.org"
dpo = "dpo@omega.example.org"
representative = "Olga Omega"
[[processor]]
name = "Vendor"
dpo = "dpo@vendor.example.org"
[[processor]]
name = "Omegahost"
engaged_by = "Vendor"
[[contract]]
name = "zeta hosting"
processor = "Vendor"
controller = "Zeta Clinic"
[[contract]]
name = "omega hosting"
processor = "Vendor"
controller = "Omega Clinic"
[[contract]]
name = "omega storage"
processor = "Omegahost"
controller = "Omega Clinic"
[[activity]]
name = "zeta care"
purpose = "care"
databases = ["postgres"]
controllers = ["Zeta Clinic"]
tables = ["zeta.zeta_patient"]
columns = ["plans.appointment.nir"]
persons = ["zeta patients"]
[[activity]]
name = "omega care"
purpose = "care"
databases = ["postgres"]
controllers = ["Omega Clinic"]
tables = ["omega.omega_patient"]
columns = ["plans.appointment.nir", "plans.appointment.reason"]
persons = ["omega patients"]
[[activity]]
name = "omega letters"
purpose = "letters"
databases = ["omega_letters"]
controllers = ["Omega Clinic"]
persons = ["omega correspondents"]
""" + "".join(
    f'[[column]]\nname = "{name}"\ncategory = "{category}"\n'
    for name, category in {
        "zeta.zeta_patient.nir": "national_id",
        "omega.omega_patient.nir": "national_id",
        "plans.appointment.nir": "national_id",
        "plans.appointment.reason": "free_text",
        "plans.appointment.clinic": "none",
        "lost.stray.nir": "national_id",
        "public.omega_letter.nir": "national_id",
        "public.omega_letter.body": "free_text",
    }.items()
)
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture(scope="module")
def shared(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(postgres, tmp_path_factory.mktemp("shared"), SCHEMA) as made:
        with psycopg.connect(made.cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE omega_letters")
        with psycopg.connect(made.cluster.dsn(dbname="omega_letters"), autocommit=True) as connection:
            connection.execute(ELSEWHERE.encode())
        made.take()
        parts = []
        made.run("zeta_app", "zeta tool", "SELECT nir FROM zeta.zeta_patient")
        parts.append(moved(made.take(), NIGHT - 3 * MINUTE))
        made.run(
            "omega_app", "omega tool", "SELECT nir FROM omega.omega_patient", "GRANT omega_group TO omega_app"
        )
        parts.append(moved(made.take(), NIGHT - 2 * MINUTE))
        copies = [
            f"COPY {one} TO STDOUT" for one in ("zeta.zeta_patient", "omega.omega_patient", "lost.stray")
        ]
        made.run("support", "psql", *copies, "SELECT reason FROM plans.appointment", via="127.0.0.2")
        parts.append(moved(made.take(), NIGHT))
        made.run("support", "psql", "SELECT nir FROM omega_letter", dbname="omega_letters", via="127.0.0.3")
        parts.append(moved(made.take(), NIGHT + 5 * MINUTE))
        with contextlib.suppress(psycopg.OperationalError):
            made.run("omega_app", "psql", dbname="omega_not_there", via="127.0.0.3")
        made.run("omega_app", "omega quiet")
        calm = made.quiet(made.take(), MORNING - 5 * 60 * MINUTE, MORNING + 6 * 60 * MINUTE)
        read_into(made.folder / "store", made, POLICY, made.write("log.csv", calm, *parts))
        yield made


@pytest.fixture(scope="module")
def written(shared: Scene) -> dict[str, str]:
    """Every file of the folder, by its name, in both forms."""
    found: dict[str, str] = {}
    for form in ("terminal", "json"):
        folder = shared.folder / form
        done = command(
            shared.folder, *question(shared), "--all-controllers", "--format", form, "-o", str(folder)
        )
        assert (done.returncode, done.stderr) == (3, "")
        found |= {one.name: one.read_text() for one in folder.iterdir()}
    return found


def question(shared: Scene) -> list[str]:
    (shared.folder / "pgguard.toml").write_text(POLICY)
    where = ["-h", str(shared.cluster.socket_dir), "-p", str(shared.cluster.port), "-U", "postgres"]
    store = ["--observations", str(shared.folder / "store")]
    return ["incident", *where, "-d", "postgres", "--from", SINCE, "--to", UNTIL, *store]


def test_no_file_holds_anything_of_another(written: dict[str, str]) -> None:
    assert set(written) == {
        f"{name}.{form}"
        for name in ("zeta-clinic", "omega-clinic", "no-controller")
        for form in ("txt", "json")
    }
    for form in ("txt", "json"):
        zeta, omega, nobodys = (
            written[f"{one}.{form}"] for one in ("zeta-clinic", "omega-clinic", "no-controller")
        )
        # tables, databases, logins, applications, contacts, processors, persons, addresses used only there
        for word in ("omega", "olga", "127.0.0.3", "lost", "stray"):
            assert word not in zeta.lower()
        for word in ("zeta", "lost", "stray"):
            assert word not in omega.lower()
        for word in ("zeta", "omega", "olga", "127.0.0.3"):
            assert word not in nobodys.lower()
        for text, own in ((zeta, "zeta"), (omega, "omega")):
            assert f"dpo@{own}.example.org" in text
            assert f"{own}.{own}_patient" in text
            assert "dpo@vendor.example.org" in text
            assert "they are told apart" in text
            assert "whose they are is open" in text
        assert "lost.stray" in nobodys


def test_each_file_has_all_that_is_the_controllers_own(written: dict[str, str]) -> None:
    zeta, omega = (json.loads(written[f"{one}-clinic.json"]) for one in ("zeta", "omega"))
    tables = {one["table"]: one for one in zeta["tables"]}
    assert set(tables) == {"zeta.zeta_patient", "plans.appointment"}
    assert [one["name"] for one in tables["plans.appointment"]["columns"]] == ["nir"]
    assert tables["plans.appointment"]["shared"]
    assert zeta["bound"]["persons"] == 11 + 7
    assert {(one["login"], one["address"]) for one in zeta["sessions"]} == {
        ("zeta_app", "127.0.0.1"),
        ("support", "127.0.0.2"),
    }
    assert zeta["persons"] == ["zeta patients"]
    tables = {(one["database"], one["table"]): one for one in omega["tables"]}
    assert set(tables) == {
        ("postgres", "omega.omega_patient"),
        ("postgres", "plans.appointment"),
        ("omega_letters", "public.omega_letter"),
    }
    assert omega["bound"]["persons"] == 23 + 7 + 3
    assert set(omega["persons"]) == {"omega patients", "omega correspondents"}
    assert {one["name"] for one in omega["contacts"]} == {"Omega Clinic", "Vendor", "Omegahost"}
    assert ("support", "127.0.0.3") in {(one["login"], one["address"]) for one in omega["sessions"]}


def test_one_controller_can_be_asked_for(shared: Scene) -> None:
    only = ["--controller", "Zeta Clinic", "--table", "omega.omega_patient", "--role", "omega_app"]
    done = command(shared.folder, *question(shared), *only)
    # not even what was asked for
    assert "omega" not in done.stdout.lower()
    assert "no session is known" in done.stdout
    assert "at most, of all that was within reach: 0 persons, 0 records" in done.stdout


def test_what_row_security_sets_apart_is_said_without_names(written: dict[str, str]) -> None:
    said = "whether logins of others saw rows of this controller in plans.appointment"
    for name in ("zeta-clinic", "omega-clinic"):
        assert any(one.startswith(said) for one in json.loads(written[f"{name}.json"])["unknown"])
