"""A hospital's server, days of its log, and a night in which a login exports what it can from a new address.

The lines of the log are those of real sessions; only their times are moved.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg

from pgguard.analysis.reads import Interpreter
from pgguard.analysis.usage.statements import Analyst
from pgguard.demo.cluster import Cluster
from pgguard.model.incident import Asked
from pgguard.nightly.incident import Sources, files, gather
from pgguard.observe.reading import read_logs
from pgguard.observe.reads import Miner
from pgguard.observe.store import ObservationStore
from pgguard.report.incident import render_json
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.policy_file import LoadedPolicy, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

PATIENTS, EXAMS = 120, 300
# stands in a statement of the thief and in the rows
NIR = "184027511620"
SETTINGS = {
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "server.log",
    "log_destination": "csvlog",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_timezone": "UTC",
}
HBA = "local all all trust\nhost all refused 127.0.0.0/8 reject\nhost all all 127.0.0.0/8 trust\n"
SCHEMA = f"""
CREATE ROLE owner NOLOGIN; CREATE ROLE nurses NOLOGIN; CREATE ROLE refused LOGIN;
CREATE ROLE c_martin LOGIN; CREATE ROLE anna LOGIN; CREATE ROLE probe LOGIN;
GRANT nurses TO c_martin, anna;
CREATE SCHEMA care AUTHORIZATION owner;
SET ROLE owner;
CREATE TABLE care.patient (id integer PRIMARY KEY, nir text, name text);
CREATE TABLE care.exam
    (id integer PRIMARY KEY, patient_id integer NOT NULL REFERENCES care.patient, result text);
CREATE TABLE care.salary (id integer PRIMARY KEY, name text, iban text);
INSERT INTO care.patient SELECT i, '{NIR}' || i, 'N' || i FROM generate_series(1, {PATIENTS}) AS i;
INSERT INTO care.exam SELECT i, 1 + i % {PATIENTS}, 'R' || i FROM generate_series(1, {EXAMS}) AS i;
INSERT INTO care.salary SELECT i, 'S' || i, 'I' || i FROM generate_series(1, 30) AS i;
GRANT USAGE ON SCHEMA care TO nurses;
GRANT SELECT ON care.patient, care.exam TO nurses;
RESET ROLE;
"""
POLICY = """
[[person]]
name = "Claire Martin"
role = "c_martin"
[[person]]
name = "Anna Schmidt"
role = "anna"
[[service]]
role = "probe"
owner = "IT"
purpose = "monitoring"
[[data_subject]]
table = "care.patient"
key = "id"
[[controller]]
name = "Hospital"
contact = "direction@hospital.example.org"
dpo = "dpo@hospital.example.org"
[[activity]]
name = "care"
purpose = "care"
databases = ["postgres"]
persons = ["patients"]
""" + "".join(
    f'[[column]]\nname = "care.{name}"\ncategory = "{category}"\n'
    for name, category in {
        "patient.id": "none",
        "patient.nir": "national_id",
        "patient.name": "direct_identifier",
        "exam.id": "none",
        "exam.patient_id": "none",
        "exam.result": "health_observation",
        "salary.id": "none",
        "salary.name": "direct_identifier",
        "salary.iban": "insurance_financial",
    }.items()
)
THEFT = (
    "COPY care.patient TO STDOUT",
    f"SELECT name FROM care.patient WHERE nir = '{NIR}7'",
    "COPY care.exam TO STDOUT",
)
_TODAY = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
# the night is over, whatever the clock says
MORNING = _TODAY - datetime.timedelta(days=1)
EVENING = MORNING - datetime.timedelta(hours=4)
NIGHT = MORNING + datetime.timedelta(hours=2, minutes=13)
SINCE, UNTIL = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (EVENING, MORNING + datetime.timedelta(hours=5)))


class Scene:
    """A running server with the tables, and lines of its log taken as they come."""

    def __init__(self, cluster: Cluster, folder: Path, schema: str = SCHEMA) -> None:
        self.cluster, self.folder = cluster, folder
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute(schema.encode())
        self._taken = 0
        self.take()

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.cluster.data_directory / "log" / "server.csv"

    def run(self, login: str, application: str, *statements: str, via: str = "", **more: str) -> None:
        """Statements of one session from 127.0.0.1, or by way of another address."""
        with contextlib.ExitStack() as stack:
            port = stack.enter_context(forwarded(self.cluster.port, via)) if via else self.cluster.port
            dsn = self.cluster.dsn(user=login, host="127.0.0.1", application_name=application, **more)
            connection = stack.enter_context(psycopg.connect(dsn, port=port, autocommit=True))
            for one in statements:
                if one.startswith("COPY"):
                    with connection.cursor() as cursor, cursor.copy(one.encode()) as copied:
                        list(copied)
                else:
                    with contextlib.suppress(psycopg.Error):
                        connection.execute(one.encode())

    def take(self) -> str:
        """What came to the log since the last time; the session that asks leaves itself out."""
        mark = f"mark{time.monotonic_ns()}"
        with psycopg.connect(self.cluster.dsn(), autocommit=True) as connection:
            connection.execute(f"DO $$ BEGIN RAISE LOG '{mark}'; END $$")
        deadline = time.monotonic() + 20
        while mark not in (text := self.log.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.05)
        text = self.log.read_text()
        new, self._taken = text[self._taken :], len(text)
        rows = list(csv.reader(io.StringIO(new)))
        asking = {row[5] for row in rows if mark in row[13]}
        return _text([row for row in rows if row[5] not in asking])

    def write(self, name: str, *parts: str) -> Path:
        """Lines as a file of the log, in the order of their times."""
        rows = [row for part in parts for row in csv.reader(io.StringIO(part))]
        file = self.folder / name
        file.write_text(_text(sorted(rows, key=lambda row: row[0])))
        return file

    def quiet(self, probe: str, since: datetime.datetime, until: datetime.datetime) -> str:
        """The lines of one short session again every ten minutes."""
        times = range(0, int((until - since).total_seconds()), 600)
        return "".join(moved(probe, since + datetime.timedelta(seconds=one)) for one in times)


@contextlib.contextmanager
def scene(
    postgres: Postgres, folder: Path, schema: str = SCHEMA, statements: str = "all", **more: str
) -> Iterator[Scene]:
    """A scene on a server of its own."""
    settings = {**SETTINGS, "log_statement": statements, **more}
    with Cluster.start(postgres, settings=settings, hba=HBA, listen=["127.0.0.1"]) as cluster:
        yield Scene(cluster, folder, schema)


def moved(text: str, start: datetime.datetime) -> str:
    """Lines of a CSV log, the first one at another time, and the others as long after it."""
    rows = list(csv.reader(io.StringIO(text)))
    by = start - _time(rows[0][0])
    for row in rows:
        row[0] = f"{_time(row[0]) + by:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
        begun, _, pid = row[5].partition(".")
        row[5] = f"{int(begun, 16) + int(by.total_seconds()):x}.{pid}"
        row[8] = f"{_time(row[8]) + by:%Y-%m-%d %H:%M:%S} UTC"
    return _text(rows)


@contextlib.contextmanager
def forwarded(port: int, source: str) -> Iterator[int]:
    """A port of 127.0.0.1 that leads to another one, from another address of the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                near, _ = listening.accept()
                far = socket.create_connection(("127.0.0.1", port), source_address=(source, 0))
                ways = [threading.Thread(target=_pump, args=pair) for pair in ((near, far), (far, near))]
                for one in ways:
                    one.start()
                for one in ways:
                    one.join()
                near.close()
                far.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
    thread.join(10)


def _pump(here: socket.socket, there: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := here.recv(65536):
            there.sendall(chunk)
    with contextlib.suppress(OSError):
        there.shutdown(socket.SHUT_WR)


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.removesuffix(" UTC") + "+00:00")


def _text(rows: Sequence[Sequence[str]]) -> str:
    buffer = io.StringIO()
    # empty is NULL to the reader, and the log has no empty texts where it matters
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def read_into(store: Path, made: Scene, policy: str, *logs: Path, reads: bool = True) -> None:
    """What `pgguard observe` and `pgguard audit ingest` do with logs."""
    snapshot, declared = read_snapshot(Target(made.cluster.dsn())), parse(policy, "policy")
    with ObservationStore(store) as kept:
        for log in logs:
            read_logs(kept, [log], now=UNTIL)
            if reads:
                Miner(Analyst(snapshot), Interpreter(snapshot, declared)).mine(kept, [log], now=UNTIL)


def file_of(
    made: Scene, policy: str, store: Path | None, *, history: str = "", **asked: Any
) -> dict[str, Any]:
    """The file as JSON has it; `asked` are the fields of the question, `history` that of the target db."""
    loaded = LoadedPolicy(parse(policy, "policy"), "", "")
    target = Target(made.cluster.dsn())
    sources = Sources(loaded, read_snapshot(target), "", target, store, history, "db")
    facts = gather(Asked(**{"since": SINCE, "until": UNTIL, **asked}), sources, now=_now())
    found: dict[str, Any] = json.loads(render_json(files(facts, "")))
    return found


def command(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs `pgguard` as a user would, in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(
        [sys.executable, "-m", "pgguard.cli.main", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**kept, "XDG_CONFIG_HOME": str(folder / "none")},
    )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
