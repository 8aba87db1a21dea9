"""`pgguard incident` over real logs: a night's theft, what it says of it, and what it says it cannot know."""

from __future__ import annotations

import contextlib
import datetime
import json
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.cli.incident import _asked
from pgguard.errors import UsageError
from pgguard.model.finding import Severity
from pgguard.model.history import Comparison, Known
from pgguard.model.history import Run as Night
from pgguard.server.audit_seal import seal_once
from pgguard.server.connect import Target
from pgguard.store.history import open_history
from tests.audit.store import OLDEST, with_store
from tests.incident_scene import (
    EVENING,
    EXAMS,
    MORNING,
    NIGHT,
    NIR,
    PATIENTS,
    POLICY,
    SCHEMA,
    SINCE,
    THEFT,
    UNTIL,
    Scene,
    command,
    file_of,
    moved,
    read_into,
    scene,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

    Run = Callable[..., subprocess.CompletedProcess[str]]

# a table of which row security shows a part, by what anybody may set
WARDS = """
SET ROLE owner;
CREATE TABLE care.note
    (id integer PRIMARY KEY, patient_id integer REFERENCES care.patient, ward text, note text);
INSERT INTO care.note SELECT i, CASE WHEN i > 10 THEN i END, i % 4, 'T' || i FROM generate_series(1, 60) AS i;
ALTER TABLE care.note ENABLE ROW LEVEL SECURITY;
CREATE POLICY wards ON care.note FOR SELECT TO nurses USING (ward = current_setting('app.ward', true));
GRANT SELECT ON care.note TO nurses;
RESET ROLE;
"""
WARDS_POLICY = """
[[column]]
name = "care.note.note"
category = "free_text"
"""
HOUR = datetime.timedelta(hours=1)


class Theft:
    """The scene after the night, with its log as parts."""

    def __init__(self, made: Scene) -> None:
        self.scene = made
        made.run("probe", "nagios")
        self.probe = made.take()
        made.run("c_martin", "dpi 3.1", "SELECT name FROM care.patient WHERE id = 3")
        self.day = made.take()
        made.run("anna", "dpi 3.1", "SELECT result FROM care.exam WHERE id = 3")
        self.other = made.take()
        with contextlib.suppress(psycopg.OperationalError):
            made.run("refused", "psql", via="127.0.0.2")
        made.run("c_martin", "psql", *THEFT, via="127.0.0.2")
        self.theft = made.take()
        days = [MORNING - n * 24 * HOUR + 10 * HOUR for n in range(1, 18)]
        self.before = [moved(one, at) for at in days for one in (self.day, self.other)]
        self.calm = made.quiet(self.probe, MORNING - 14 * HOUR, MORNING + 6 * HOUR)
        self.night = [moved(self.theft, NIGHT), moved(self.other, NIGHT - HOUR)]

    @property
    def where(self) -> list[str]:
        cluster = self.scene.cluster
        return ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres", "-d", "postgres"]


@pytest.fixture(scope="module")
def theft(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theft]:
    with scene(postgres, tmp_path_factory.mktemp("theft"), SCHEMA + WARDS) as made:
        yield Theft(made)


@pytest.fixture(scope="module")
def store(theft: Theft) -> Path:
    """A store that the commands made of the whole log."""
    folder = theft.scene.folder
    (folder / "pgguard.toml").write_text(POLICY + WARDS_POLICY)
    log = theft.scene.write("log.csv", *theft.before, theft.calm, *theft.night)
    ingested(lambda *options: command(folder, *options), theft, folder, log)
    return folder / "store"


@pytest.fixture
def told(theft: Theft, store: Path) -> Callable[..., dict[str, Any]]:
    """The file from that store, as JSON has it."""

    def run(**asked: Any) -> dict[str, Any]:
        return file_of(theft.scene, POLICY + WARDS_POLICY, store, **asked)

    return run


def ingested(run: Run, theft: Theft, folder: Path, *logs: Path, reads: bool = True) -> None:
    for log in logs:
        done = run("observe", "--log", str(log), "--store", str(folder / "store"))
        assert (done.returncode, done.stderr) == (0, "")
        if reads:
            done = run("audit", "ingest", "--log", str(log), "--store", str(folder / "store"), *theft.where)
            assert (done.returncode, done.stderr) == (0, "")


def stored(folder: Path) -> list[str]:
    return ["--observations", str(folder / "store")]


def window(since: str = SINCE, until: str = UNTIL) -> list[str]:
    return ["--from", since, "--to", until]


def table(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in found["tables"] if one["table"] == name)


def test_the_command_tells_the_theft(pgguard: Run, theft: Theft, store: Path, tmp_path: Path) -> None:
    (tmp_path / "pgguard.toml").write_text(POLICY + WARDS_POLICY)
    (tmp_path / "store").write_bytes(store.read_bytes())
    noticed = datetime.datetime.now(datetime.UTC) - 2 * HOUR
    options = [*window(), *stored(tmp_path), "--role", "c_martin", "--noticed-at", noticed.isoformat()]
    done = pgguard("incident", *theft.where, *options, "-o", str(tmp_path / "file.txt"))
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")
    text = (tmp_path / "file.txt").read_text()
    assert "c_martin (Claire Martin), from 127.0.0.2, with psql" in text
    assert "NEW: never seen before from this address" in text
    assert "columns read: nir (national_id), name (direct_identifier)" in text
    assert f"at most, of the tables seen to be read: {PATIENTS} persons, {PATIENTS + EXAMS} records" in text
    assert f"to be notified until {noticed + 72 * HOUR:%Y-%m-%dT%H:%M:%SZ}: 70.0 hours left" in text
    assert "could not be known: how many rows 2 statements gave of care.patient" in text
    articles = [line.split()[1] for line in text.splitlines() if line.startswith("art. 33(3)")]
    assert articles == sorted(articles)
    assert NIR not in text
    # evidence is not touched
    assert (tmp_path / "store").read_bytes() == store.read_bytes()


def test_the_theft_is_told(told: Callable[..., dict[str, Any]], theft: Theft, store: Path) -> None:
    found = told(roles=("c_martin",))
    (session,) = found["sessions"]
    assert (session["login"], session["person"]) == ("c_martin", "Claire Martin")
    assert (session["address"], session["application"], session["sessions"]) == ("127.0.0.2", "psql", 1)
    assert session["first"][:16] == f"{NIGHT:%Y-%m-%dT%H:%M}"
    assert session["new"] == [
        "never seen before from this address",
        "never seen before with this application",
        "never seen before at 02 h UTC",
    ]
    (failure,) = found["failures"]
    assert (failure["role"], failure["address"]) == ("refused", "127.0.0.2")
    patient, exam = table(found, "care.patient"), table(found, "care.exam")
    assert dict(patient["commands"]) == {"COPY": 1, "SELECT": 1}
    assert {one["name"]: (one["category"], one["read"]) for one in patient["columns"]} == {
        "nir": ("national_id", "named"),
        "name": ("direct_identifier", "named"),
    }
    assert dict(exam["commands"]) == {"COPY": 1}
    # what nobody let it read is not there
    assert {one["table"] for one in found["tables"]} == {"care.patient", "care.exam", "care.note"}
    assert found["persons"] == ["patients"]
    # the truth: every patient, by an exam or not
    assert found["read_bound"] | {"basis": []} == {
        "records": PATIENTS + EXAMS,
        "persons": PATIENTS,
        "exact": True,
        "basis": [],
    }
    assert found["contacts"][0]["dpo"] == "dpo@hospital.example.org"
    assert {one["category"] for one in found["consequences"]} >= {"national_id", "health_observation"}
    assert any("still lets in c_martin from 127.0.0.2" in one for one in found["taken"])
    assert any(one.startswith("what was changed in postgres") for one in found["unknown"])
    assert any("how many rows 2 statements gave of care.patient" in one for one in found["unknown"])
    for text in (json.dumps(found), store.read_bytes().decode("latin-1")):
        assert NIR not in text
    assert theft.scene.log.read_text().count(NIR) > 0


def test_what_row_security_hides_is_counted_and_said(told: Callable[..., dict[str, Any]]) -> None:
    found = told(roles=("c_martin",))
    note = table(found, "care.note")
    assert (note["rows_limited"], note["read"], note["at_most"]) == (True, False, 60)
    assert any("which rows of care.note" in one and "whole table" in one for one in found["unknown"])
    # ten notes are of nobody in the table of persons
    assert found["bound"]["persons"] == PATIENTS + 10
    assert found["bound"]["records"] == PATIENTS + EXAMS + 60


def test_filters_narrow_the_file(told: Callable[..., dict[str, Any]]) -> None:
    assert {one["login"] for one in told()["sessions"]} == {"anna", "c_martin", "probe"}
    by_address = told(addresses=("127.0.0.2/32",))
    assert {one["login"] for one in by_address["sessions"]} == {"c_martin"}
    assert {one["table"] for one in by_address["tables"] if one["read"]} == {"care.patient", "care.exam"}
    by_person = told(person="Anna Schmidt")
    assert {one["login"] for one in by_person["sessions"]} == {"anna"}
    assert [one["table"] for one in by_person["tables"] if one["read"]] == ["care.exam"]
    by_table = told(tables=("care.patient",))
    assert {one["table"] for one in by_table["tables"]} == {"care.patient"}
    # anna could have read it, too; probe could not
    assert {one["login"] for one in by_table["sessions"]} == {"anna", "c_martin"}
    assert by_table["bound"]["persons"] == PATIENTS
    group = told(roles=("nurses",), addresses=("127.0.0.1",))
    assert {one["login"] for one in group["sessions"]} == {"anna"}
    assert told(addresses=("local",))["sessions"] == []


def test_without_a_log_of_reads_nothing_is_said_not_to_be_read(theft: Theft, tmp_path: Path) -> None:
    log = theft.scene.write("no-reads.csv", *theft.before, theft.calm, *theft.night)
    read_into(tmp_path / "store", theft.scene, POLICY, log, reads=False)
    found = file_of(theft.scene, POLICY + WARDS_POLICY, tmp_path / "store", roles=("c_martin",))
    assert {one["read"] for one in found["tables"]} == {False}
    said = "that no read is known does not mean that nothing was read: reads were not recorded"
    assert said in found["unknown"]
    assert found["read_bound"]["persons"] is None
    # the upper bound does not need it
    assert found["bound"]["persons"] == PATIENTS + 10
    assert len(found["sessions"]) == 1


def test_a_gap_in_the_log_is_said(theft: Theft, tmp_path: Path) -> None:
    calm = theft.scene.quiet
    evening = theft.scene.write("1.csv", *theft.before, calm(theft.probe, MORNING - 6 * HOUR, MORNING))
    morning = theft.scene.write("2.csv", calm(theft.probe, MORNING + 4 * HOUR, MORNING + 6 * HOUR))
    # the file of the night went before anybody read it
    read_into(tmp_path / "store", theft.scene, POLICY, evening, morning)
    found = file_of(theft.scene, POLICY + WARDS_POLICY, tmp_path / "store", roles=("c_martin",))
    last = MORNING - datetime.timedelta(minutes=10)
    gap = f"from {last:%Y-%m-%dT%H:%M:%SZ} to {MORNING + 4 * HOUR:%Y-%m-%dT%H:%M:%SZ}: no line of a log"
    assert any(one.startswith(f"who was connected {gap}") for one in found["unknown"])
    assert any(one.startswith("what was read, and") and gap in one for one in found["unknown"])
    assert found["sessions"] == []
    # it may have been there all the same: what it could reach counts
    assert found["bound"]["persons"] == PATIENTS + 10


def test_what_is_covered_is_told_with_0(
    pgguard: Run, theft: Theft, postgres: Postgres, tmp_path: Path
) -> None:
    if postgres.major < OLDEST:
        pytest.skip("without an audit nobody knows what was changed")
    (tmp_path / "pgguard.toml").write_text(POLICY + WARDS_POLICY)
    dsn = with_store(theft.scene.cluster, "calm")
    seal_once(Target(dsn))
    theft.scene.run("probe", "nagios")
    time.sleep(1.1)
    since = datetime.datetime.now(datetime.UTC)
    theft.scene.run("probe", "nagios", dbname="calm")
    read_into(tmp_path / "store", theft.scene, POLICY, theft.scene.write("calm.csv", theft.scene.take()))
    seal_once(Target(dsn))
    time.sleep(1.1)
    now = datetime.datetime.now(datetime.UTC)
    options = [*theft.where, *window(since.isoformat(), now.isoformat()), *stored(tmp_path)]
    done = pgguard("incident", *options, "--role", "probe")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "everything that was asked is covered" in done.stdout
    assert "at most, of all that was within reach: 0 persons, 0 records" in done.stdout
    # nothing is known of how it was before the log began
    asked = {"since": f"{since - HOUR:%Y-%m-%dT%H:%M:%SZ}", "until": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    found = file_of(theft.scene, POLICY, tmp_path / "store", roles=("probe",), **asked)
    assert any(one.startswith("who was connected from") for one in found["unknown"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([*window(), "--role", "c_matrin"], "there is no role c_matrin"),
        ([*window(), "--controller", "Clinic"], "there are: Hospital"),
        ([*window(), "--all-controllers"], "give a folder by --output"),
    ],
)
def test_nonsense_is_refused(
    pgguard: Run, theft: Theft, tmp_path: Path, options: list[str], said: str
) -> None:
    (tmp_path / "pgguard.toml").write_text(POLICY + WARDS_POLICY)
    done = pgguard("incident", *theft.where, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (("2026-13-01", UNTIL, ""), "--from: .* is no time"),
        (("", UNTIL, ""), "--from is empty"),
        ((UNTIL, SINCE, ""), "has to be before"),
        ((SINCE, "2990-01-01", ""), "is in the future"),
        ((SINCE, UNTIL, "2001-01-01"), "is before --from"),
        ((SINCE, UNTIL, "soon"), "--noticed-at: .* is no time"),
    ],
)
def test_times_that_cannot_be_are_refused(times: tuple[str, str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _asked(times[0], times[1], None, None, "", None, times[2])
    with pytest.raises(UsageError, match="is empty"):
        _asked(SINCE, UNTIL, [""], None, "", None, "")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"tables": ("care.patients",)}, "no database has a table care.patients"),
        ({"person": "Nobody"}, "knows Nobody"),
        ({"addresses": ("127.0.0.300",)}, "is no address or network"),
    ],
)
def test_names_that_nobody_knows_are_refused(
    told: Callable[..., dict[str, Any]], asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        told(**asked)


def test_the_72_hours(told: Callable[..., dict[str, Any]]) -> None:
    assert told()["deadline"]["hours_left"] is None
    found = told(
        since="2026-01-01T00:00:00Z", until="2026-01-02T00:00:00Z", noticed_at="2026-01-02T00:00:00Z"
    )
    assert found["deadline"]["until"] == "2026-01-05T00:00:00Z"
    assert found["deadline"]["hours_left"] < 0


def test_without_a_server_the_log_is_told_and_the_rest_is_not_known(
    pgguard: Run, theft: Theft, store: Path, tmp_path: Path
) -> None:
    (tmp_path / "pgguard.toml").write_text(POLICY + WARDS_POLICY)
    gone = ["-h", str(tmp_path), "-p", "1", "-U", "postgres"]
    times = window(*(one.removesuffix("Z") for one in (SINCE, UNTIL)))
    given = [*times, "--observations", str(store), "--role", "c_martin", "--format", "markdown"]
    done = pgguard("incident", *gone, *given)
    assert done.returncode == 3
    assert "from 127.0.0.2, with psql" in done.stdout
    assert "could not be known: what the logins could reach" in done.stdout
    assert "## Persons and records concerned (art. 33(3)(a))" in done.stdout
    assert "at most, of all that was within reach: not known" in done.stdout
    # without a zone it is UTC, and that is said
    assert "a time without a zone was given: it is taken to be UTC" in done.stdout
    nothing = pgguard("incident", *gone, *window())
    assert (nothing.returncode, nothing.stdout) == (3, "")
    saved = tmp_path / "snapshot"
    assert pgguard("snapshot", *theft.where, "-o", str(saved)).returncode == 0
    done = pgguard("incident", "--from-snapshot", str(saved), *given)
    assert done.returncode == 3
    # nothing was ever counted or analysed in it
    assert "the planner has no estimate" in done.stdout
    assert "its audit was not looked at" in done.stdout


def test_rights_that_were_taken_back_since_make_the_bound_no_bound(theft: Theft, tmp_path: Path) -> None:
    # as somebody does who shuts the login out before the file is made
    theft.scene.take()
    theft.scene.run("postgres", "psql", "REVOKE nurses FROM c_martin", "ALTER ROLE c_martin NOLOGIN")
    measures = moved(theft.scene.take(), MORNING + 7 * HOUR)
    try:
        log = theft.scene.write("measures.csv", theft.calm, *theft.night, measures)
        read_into(tmp_path / "store", theft.scene, POLICY, log)
        found = file_of(theft.scene, POLICY + WARDS_POLICY, tmp_path / "store", roles=("c_martin",))
    finally:
        theft.scene.run("postgres", "psql", "GRANT nurses TO c_martin", "ALTER ROLE c_martin LOGIN")
        theft.scene.take()
    # what was seen to be read is told all the same
    assert {one["table"] for one in found["tables"]} == {"care.patient", "care.exam"}
    assert (found["bound"]["persons"], found["bound"]["exact"]) == (PATIENTS, False)
    assert any("the figure is no upper bound: 1 commands since" in one for one in found["unknown"])
    assert "c_martin cannot log in any more" in found["taken"]
    assert any("ALTER ROLE c_martin, by postgres" in one for one in found["taken"])


def test_the_first_alert_of_the_nights_begins_the_72_hours(theft: Theft, store: Path, tmp_path: Path) -> None:
    at = f"{NIGHT + HOUR:%Y-%m-%dT%H:%M:%S.000000Z}"
    kept = [
        Known(0, f"{n}", check, "role", "", role, Severity.HIGH, "open", "e", at, when)
        for n, (check, role, when) in enumerate(
            [
                ("act-mass-read", "c_martin", at),
                ("act-new-origin", "c_martin", at.replace("T03", "T04")),
                ("act-mass-read", "anna", f"{EVENING:%Y-%m-%dT%H:%M:%S.000000Z}"),
                ("act-mass-read", "c_martin", "2020-01-01T00:00:00.000000Z"),
                ("pwd-md5", "c_martin", f"{EVENING:%Y-%m-%dT%H:%M:%S.000000Z}"),
            ]
        )
    ]
    place = str(tmp_path / "history.sqlite")
    with open_history(place) as history, history.writing():
        run = Night(target="db", started=at, finished=at, exit_code=1, version="0")
        history.record(run, Comparison((), tuple(kept), (), ()))
    found = file_of(theft.scene, POLICY, store, history=place, roles=("c_martin",))["deadline"]
    assert found["noticed_at"] == f"{NIGHT + HOUR:%Y-%m-%dT%H:%M:%SZ}"
    assert found["until"] == f"{NIGHT + 73 * HOUR:%Y-%m-%dT%H:%M:%SZ}"
    assert "to be confirmed: act-mass-read, role c_martin" in found["source"]
