"""`pgguard mandate`: planned, opened, closed; refused before anything, killed at any point."""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest
from typer.testing import CliRunner

from pgguard.cli.main import app
from pgguard.demo.cluster import Cluster
from pgguard.errors import PgguardError
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from tests.mandates import CATEGORIES, LABORATORY, ROLE, TABLES, write_policy
from tests.snapshots import MOMENT, differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

TODAY = datetime.datetime.now(datetime.UTC).date()
IGNORED = (*MOMENT, "planner_statistics", "relations")
DAY = datetime.timedelta(days=1)
ADDED = '\n[[mandate_table]]\nmandate = "migration"\ntable = "{}"\ncolumns = ["{}"]\n{}\n'


@pytest.fixture(scope="module")
def own(postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute(LABORATORY)
            connection.execute("CREATE DATABASE other")
        yield running


@pytest.fixture
def admin(own: Cluster) -> Iterator[psycopg.Connection]:
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process, which saves starting one each time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = CliRunner().invoke(app, ["mandate", *arguments])
        code, said = done.exit_code, done.stderr
        if isinstance(done.exception, PgguardError):
            code, said = done.exception.exit_code, str(done.exception)
        elif done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return subprocess.CompletedProcess([], code, done.stdout, said)

    return run


@pytest.fixture(autouse=True)
def _leaves_nothing(own: Cluster) -> Iterator[None]:
    yield
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        left = connection.execute(
            "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'extract%' "
            "UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'mandate%' "
            "UNION ALL SELECT polname::text FROM pg_policy"
        ).fetchall()
    assert left == []


def _role(admin: psycopg.Connection) -> tuple[bool, ...] | None:
    return admin.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone()


def test_planned_opened_and_closed(
    own: Cluster, pgguard: Run, tmp_path: Path, admin: psycopg.Connection
) -> None:
    write_policy(tmp_path)
    before = read_snapshot(Target(own.dsn()))
    planned = pgguard("mandate", "plan", "migration", own.dsn(), "-o", "sql")
    assert planned.returncode == 0, planned.stderr
    assert "rows: 182" in planned.stdout
    assert (tmp_path / "sql" / "0001_mandate_migration.sql").exists()
    assert _role(admin) is None
    opened = pgguard("mandate", "open", "migration", own.dsn(), "--password", "passwords")
    assert opened.returncode == 0, opened.stderr
    assert "exactly what was instructed, seen as the role itself" in opened.stdout
    secret = tmp_path / "passwords" / f"{ROLE}.password"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text(encoding="utf-8").splitlines()[1] not in opened.stdout
    with psycopg.connect(own.dsn(user=ROLE)) as session:
        assert len(session.execute("SELECT * FROM mandate_migration.lab__patient").fetchall()) == 20
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            psycopg.connect(own.dsn(user=ROLE))
        # a session that is open does not keep it from being closed
        closed = pgguard("mandate", "close", "migration", own.dsn())
        assert closed.returncode == 0, closed.stderr
        assert "1 session ended" in closed.stdout
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    assert differences(before, read_snapshot(Target(own.dsn())), IGNORED) == {}
    again = pgguard("mandate", "close", "migration", own.dsn())
    assert again.returncode == 0
    assert "nothing of it is there" in again.stdout


REFUSED = {
    "missing table": (TABLES + ADDED.format("lab.nothing", "id", ""), "there is no table lab.nothing"),
    "missing column": (TABLES.replace('"born"', '"birth"'), "lab.patient has no column birth"),
    "subquery": (TABLES.replace("site = 'S1'", "site = (SELECT 'S1')"), "a subquery reads other rows"),
    "function": (TABLES.replace("site = 'S1'", "lower(site) = 's1'"), "lower() is called"),
    "clock": (TABLES.replace("site = 'S1'", "born < now()"), "now() is called"),
    "injection": (TABLES.replace("site = 'S1'", "site = 'S1') OR (true"), "the parser does not take it"),
    "statements": (TABLES.replace("site = 'S1'", "true; DROP TABLE lab.result"), "a semicolon ends it"),
    "unfit": (TABLES.replace("site = 'S1'", "born = 'yesterday'"), "not a date"),
    "view": (TABLES + ADDED.format("lab.seen", "id", ""), "lab.seen is a view"),
    "ceiling": (TABLES.replace("ceiling = 500", "ceiling = 100"), "182 rows, and at most 100 may leave"),
    "free text": (
        TABLES.replace('"value"]', '"value", "comment"]'),
        "lab.result.comment: it is a free text, in which anything may stand; nobody looked",
    ),
    "data type": (TABLES.replace('"born"]', '"nir"]'), "is not about national_id: lab.patient.nir"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_was_not_instructed_so_is_refused(
    own: Cluster, command: Run, tmp_path: Path, admin: psycopg.Connection, kind: str
) -> None:
    tables, said = REFUSED[kind]
    admin.execute("CREATE OR REPLACE VIEW lab.seen AS SELECT id FROM lab.patient")
    write_policy(tmp_path, tables)
    refused = command("open", "migration", own.dsn())
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "nothing was changed" in refused.stderr
    assert "S1" not in refused.stderr
    assert _role(admin) is None


def test_every_reason_is_said_at_once(
    own: Cluster, command: Run, tmp_path: Path, admin: psycopg.Connection
) -> None:
    (tmp_path / "instruction.txt").write_bytes(b"Something else.")
    write_policy(
        tmp_path,
        start=TODAY - 9 * DAY,
        until=TODAY - 2 * DAY,
        data_types=("direct_identifier",),
        instructed_on=TODAY - 10 * DAY,
        folder=str(tmp_path / "nowhere"),
        recipients=["age1nothing"],
    )
    admin.execute(f"CREATE ROLE {ROLE}; CREATE VIEW public.door AS SELECT nir FROM lab.patient")
    admin.execute("GRANT SELECT ON public.door TO PUBLIC")
    try:
        refused = command("open", "migration", own.dsn())
        # what is not its own is not touched by closing either
        closed = command("close", "migration", own.dsn())
    finally:
        admin.execute(f"DROP VIEW public.door; DROP ROLE {ROLE}")
    assert refused.returncode == 2
    for said in (
        f"its window ended on {TODAY - 2 * DAY}",
        "is not the one whose sha256 was declared",
        "the contract reprise is not about health_observation: lab.result.value",
        f"there is a role {ROLE} already, and it is not this mandate's",
        "public.door in database postgres: PUBLIC reads it, and it leads to national_id",
        "recipient 1",
        "nowhere",
    ):
        assert said in refused.stderr, said
    assert closed.returncode == 2
    assert "not this mandate's: nothing was touched" in closed.stderr


def test_a_window_that_has_not_begun_is_planned_and_not_opened(
    own: Cluster, command: Run, tmp_path: Path, admin: psycopg.Connection
) -> None:
    write_policy(tmp_path, start=TODAY + DAY, until=TODAY + 3 * DAY)
    assert command("plan", "migration", own.dsn()).returncode == 0
    refused = command("open", "migration", own.dsn())
    assert (refused.returncode, f"begins on {TODAY + DAY}" in refused.stderr) == (2, True)
    assert _role(admin) is None
    missing = command("open", "migrations", own.dsn())
    assert (missing.returncode, "there are migration" in missing.stderr) == (2, True)


def test_reviewed_columns_are_opened(own: Cluster, command: Run, tmp_path: Path) -> None:
    tables = TABLES.replace('"value"]', '"value", "comment"]\nreviewed = ["comment"]')
    write_policy(
        tmp_path, tables, data_types=("direct_identifier", "date_of_birth", "health_observation", "free_text")
    )
    opened = command("open", "migration", own.dsn())
    assert opened.returncode == 0, opened.stderr
    early = command("close", "migration", own.dsn(), "--if-over")
    assert (early.returncode, "nothing was done" in early.stdout) == (0, True)
    with psycopg.connect(own.dsn(user=ROLE)) as session:
        rows = session.execute("SELECT comment FROM mandate_migration.lab__result").fetchall()
    assert len(rows) == 182
    # cron comes after the window
    write_policy(tmp_path, tables, start=TODAY - 3 * DAY, until=TODAY - DAY, instructed_on=TODAY - 4 * DAY)
    over = command("close", "migration", own.dsn(), "--if-over")
    assert (over.returncode, "is closed" in over.stdout) == (0, True)


def test_a_proof_that_fails_closes_it_again(
    own: Cluster, command: Run, tmp_path: Path, admin: psycopg.Connection
) -> None:
    # a restrictive policy for everybody keeps mandated rows back: the role would see less
    admin.execute("ALTER TABLE lab.result ENABLE ROW LEVEL SECURITY")
    admin.execute("CREATE POLICY fewer ON lab.result AS RESTRICTIVE TO PUBLIC USING (id < 400)")
    write_policy(tmp_path)
    try:
        refused = command("open", "migration", own.dsn())
    finally:
        admin.execute("DROP POLICY fewer ON lab.result; ALTER TABLE lab.result DISABLE ROW LEVEL SECURITY")
    assert refused.returncode == 4
    assert "lab.result: the role sees" in refused.stderr
    assert "closed again, and nothing of it is left" in refused.stderr
    assert _role(admin) is None


def test_close_works_on_what_was_changed_or_dropped_since(
    own: Cluster, command: Run, tmp_path: Path, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE TABLE lab.extra (id int); CREATE TABLE lab.more (id int)")
    categories = CATEGORIES | {"lab.extra.id": "none", "lab.more.id": "none"}
    forms = 'form = "policy"'
    tables = TABLES + ADDED.format("lab.extra", "id", "") + ADDED.format("lab.more", "id", forms)
    write_policy(tmp_path, tables, categories=categories)
    opened = command("open", "migration", own.dsn())
    assert opened.returncode == 0, opened.stderr
    assert "row security is switched on" in command("plan", "migration", own.dsn(), "-o", "p").stdout or True
    admin.execute("DROP TABLE lab.extra CASCADE; ALTER TABLE lab.more RENAME TO renamed")
    admin.execute("ALTER TABLE lab.patient ADD COLUMN later text; ALTER TABLE lab.renamed SET SCHEMA public")
    with psycopg.connect(own.dsn(dbname="other"), autocommit=True) as connection:
        connection.execute(f"CREATE TABLE given (id int); GRANT SELECT ON given TO {ROLE}")
    closed = command("close", "migration", own.dsn())
    assert closed.returncode == 0, closed.stderr
    state = admin.execute(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'public.renamed'::regclass"
    ).fetchone()
    assert state == (False, False)
    admin.execute("DROP TABLE public.renamed; ALTER TABLE lab.patient DROP COLUMN later")


def test_a_companion_that_others_lean_on_stays_and_is_said(
    own: Cluster, command: Run, tmp_path: Path, admin: psycopg.Connection
) -> None:
    write_policy(tmp_path, TABLES.replace("ceiling = 500", 'form = "policy"'))
    assert command("open", "migration", own.dsn()).returncode == 0
    admin.execute("CREATE POLICY since ON lab.result TO postgres USING (true)")
    closed = command("close", "migration", own.dsn())
    assert closed.returncode == 4
    assert "policy mandate_migration_others on lab.result" in closed.stderr
    assert "policies were added since" in closed.stderr
    assert _role(admin) is None
    admin.execute("DROP POLICY since ON lab.result")
    assert command("close", "migration", own.dsn()).returncode == 0
    state = admin.execute("SELECT relrowsecurity FROM pg_class WHERE oid = 'lab.result'::regclass").fetchone()
    assert state == (False,)


def _start(tmp_path: Path, *arguments: str) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.Popen(
        [sys.executable, "-m", "pgguard.cli.main", *arguments],
        cwd=tmp_path,
        env={**kept, "XDG_CONFIG_HOME": str(tmp_path / "none")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _kill(process: subprocess.Popen[bytes], when: Callable[[], bool]) -> None:
    """kill -9 at a moment that the server shows; a process that is through by then is fine, too."""
    deadline = time.monotonic() + 30
    while not when() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()


WAITING = (
    "SELECT count(*) > 0 FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database "
    "WHERE NOT granted AND datname = 'postgres'"
)


@pytest.mark.parametrize("phase", ["applying", "committed", "proving"])
def test_an_opening_that_is_killed_lets_nobody_in_and_is_finished_by_a_rerun(
    own: Cluster, command: Run, tmp_path: Path, admin: psycopg.Connection, phase: str
) -> None:
    write_policy(tmp_path)
    with psycopg.connect(own.dsn()) as blocker:
        if phase == "applying":
            # creating the second view waits for this
            blocker.execute("LOCK TABLE lab.result IN ACCESS EXCLUSIVE MODE")
        process = _start(tmp_path, "mandate", "open", "migration", own.dsn())

        def reached() -> bool:
            if phase == "applying":
                return bool(admin.execute(WAITING).fetchone()[0])  # type: ignore[index]
            if _role(admin) is None:
                return False
            if phase == "proving":
                blocker.execute("LOCK TABLE lab.result IN ACCESS EXCLUSIVE MODE")
                time.sleep(0.3)
            return True

        _kill(process, reached)
        # counting waits for `blocker` in the plan already: nothing is there then
        state = _role(admin)
        assert state in ((None,) if phase == "applying" else ((False,), (True,), None))
        blocker.rollback()
    opened = command("open", "migration", own.dsn())
    assert opened.returncode == 0, opened.stderr
    assert _role(admin) == (True,)
    assert command("close", "migration", own.dsn()).returncode == 0


def test_a_half_open_mandate_is_closed(
    own: Cluster, command: Run, tmp_path: Path, admin: psycopg.Connection
) -> None:
    write_policy(tmp_path)
    assert command("open", "migration", own.dsn()).returncode == 0
    # as a run leaves it that was killed between the views and the login, or while closing
    admin.execute(f"ALTER ROLE {ROLE} NOLOGIN; DROP VIEW mandate_migration.lab__result")
    closed = command("close", "migration", own.dsn())
    assert closed.returncode == 0, closed.stderr


@pytest.mark.parametrize("form", ["view", "policy"])
def test_a_closing_that_is_killed_has_shut_the_login_and_is_finished_by_a_rerun(
    own: Cluster, command: Run, tmp_path: Path, admin: psycopg.Connection, form: str
) -> None:
    write_policy(tmp_path, TABLES.replace("ceiling = 500", f'form = "{form}"'))
    assert command("open", "migration", own.dsn()).returncode == 0
    # somebody else reads: views and policies cannot be dropped until he is through
    with psycopg.connect(own.dsn()) as reader:
        reader.execute("SELECT count(*) FROM mandate_migration.lab__patient")
        process = _start(tmp_path, "mandate", "close", "migration", own.dsn())
        _kill(process, lambda: bool(admin.execute(WAITING).fetchone()[0]))  # type: ignore[index]
        assert _role(admin) == (False,)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(own.dsn(user=ROLE))
        held = admin.execute(
            "SELECT count(*) FROM pg_class, aclexplode(relacl) AS e WHERE e.grantee = %s::regrole", (ROLE,)
        ).fetchone()
        assert held == (0,)
        reader.rollback()
    closed = command("close", "migration", own.dsn())
    assert closed.returncode == 0, closed.stderr
    assert _role(admin) is None


def test_work_goes_on_while_it_is_opened_and_closed(own: Cluster, command: Run, tmp_path: Path) -> None:
    write_policy(tmp_path)
    stop, failed, done = threading.Event(), [], [0]

    def work() -> None:
        with psycopg.connect(own.dsn(), autocommit=True) as connection:
            while not stop.is_set():
                try:
                    with connection.transaction():
                        connection.execute("UPDATE lab.result SET comment = comment WHERE id = 5")
                        connection.execute("SELECT count(*) FROM lab.patient").fetchall()
                    with connection.cursor().copy("COPY lab.result (id, taken) FROM STDIN") as data:
                        data.write(f"{100000 + done[0]}\t2020-01-01\n")
                    done[0] += 1
                except psycopg.Error as error:
                    failed.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert command("open", "migration", own.dsn()).returncode == 0
        assert command("close", "migration", own.dsn()).returncode == 0
    finally:
        stop.set()
        thread.join()
    assert failed == []
    assert done[0] > 0
