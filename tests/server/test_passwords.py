"""First passwords on real servers: they work, nobody else learns them, and those not changed are closed."""

from __future__ import annotations

import datetime
import json
import stat
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import ApplyStopped, Unread, UsageError
from pgguard.server import passwords
from pgguard.server.connect import Target
from tests.odd_names import NAMES

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)
HBA = "local all postgres trust\nlocal all all scram-sha-256\n"


@pytest.fixture(scope="module")
def own(postgres) -> Iterator[Cluster]:
    from pgguard.demo.cluster import Cluster

    logged = {
        "password_encryption": "scram-sha-256",
        "log_statement": "all",
        "log_min_duration_statement": "0",
        "log_min_error_statement": "debug5",
    }
    with Cluster.start(postgres, hba=HBA, settings=logged) as cluster:
        yield cluster


def _create(cluster: Cluster, *roles: str) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for role in roles:
            connection.execute(psycopg.sql.SQL("DROP ROLE IF EXISTS {}").format(psycopg.sql.Identifier(role)))
            connection.execute(psycopg.sql.SQL("CREATE ROLE {} LOGIN").format(psycopg.sql.Identifier(role)))


def _issue(
    cluster: Cluster, *roles: str, user: str = "postgres"
) -> tuple[dict[str, str], list[passwords.Issued]]:
    kept: dict[str, str] = {}
    issued = list(
        passwords.issue(
            Target(cluster.dsn(user=user, dbname="postgres")),
            roles,
            kept.__setitem__,
            now=NOW,
            say=lambda text: None,
        )
    )
    return kept, issued


@pytest.mark.parametrize("role", ["c.martin", *NAMES[:8]])
def test_the_password_opens_and_the_server_never_saw_it(own: Cluster, role: str) -> None:
    _create(own, role)
    kept, issued = _issue(own, role)
    with psycopg.connect(own.dsn(user=role, password=kept[role])) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (role,)
    with psycopg.connect(own.dsn()) as connection:
        row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (role,)).fetchone()
    assert row is not None
    assert row[0].startswith("SCRAM-SHA-256$")
    log = own.log.read_text(errors="replace")
    assert kept[role] not in log
    # a superuser turns the log off for the statement that holds the verifier
    assert row[0] not in log
    assert kept[role] not in repr(issued)
    assert row[0] not in repr(issued)


def test_passwords_are_random(own: Cluster) -> None:
    made = {passwords.new_password() for _ in range(2_000)}
    assert len(made) == 2_000
    assert all(len(one) == 29 for one in made)
    assert len(set("".join(made))) == 57


def test_files_are_for_their_owner_alone(own: Cluster, tmp_path: Path) -> None:
    folder = tmp_path / "first"
    _create(own, "j/petit", "c.martin")
    keep = passwords.file_keeper(folder)
    issued = list(
        passwords.issue(Target(own.dsn()), ["j/petit", "c.martin"], keep, now=NOW, say=lambda text: None)
    )
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = sorted(folder.iterdir())
    assert [one.name for one in files] == ["c.martin.password", "j%2Fpetit.password"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
    role, password = files[1].read_text().split("\n")[:2]
    with psycopg.connect(own.dsn(user=role, password=password)):
        pass
    assert len(issued) == 2
    folder.chmod(0o755)
    with pytest.raises(UsageError, match="others may enter"):
        passwords.file_keeper(folder)


def test_unchanged_ones_are_closed_and_changed_ones_are_not(own: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "state" / "first.json"
    target = Target(own.dsn())
    _create(own, "diligent", "slow")
    kept, issued = _issue(own, "diligent", "slow")
    passwords.remember(file, passwords.cluster_name(target), issued)
    with psycopg.connect(own.dsn(user="diligent", password=kept["diligent"]), autocommit=True) as connection:
        connection.execute("ALTER ROLE diligent PASSWORD 'her-own-Zx81-for-the-run'")
    soon, later = (NOW + datetime.timedelta(days=days) for days in (3, 8))
    _, waiting = passwords.pending(target, file, now=soon, days=7)
    assert [(one.role, one.changed, one.overdue) for one in waiting] == [
        ("diligent", True, False),
        ("slow", False, False),
    ]
    assert passwords.close_overdue(target, file, now=soon, days=7) == []
    assert passwords.close_overdue(target, file, now=later, days=7) == ["slow"]
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(own.dsn(user="slow", password=kept["slow"]))
    with psycopg.connect(own.dsn(user="diligent", password="her-own-Zx81-for-the-run")):
        pass
    assert passwords.pending(target, file, now=later, days=7)[1] == []
    assert json.loads(file.read_text()) == {}


def test_without_superuser_it_is_not_known_whether_it_was_changed(own: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "first.json"
    _create(own, "somebody", "looker")
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute("ALTER ROLE looker PASSWORD 'made-up-Lk5-for-the-run'")
    _, issued = _issue(own, "somebody")
    passwords.remember(file, passwords.cluster_name(Target(own.dsn())), issued)
    target = Target(own.dsn(user="looker", password="made-up-Lk5-for-the-run"))
    _, waiting = passwords.pending(target, file, now=NOW, days=7)
    assert [one.changed for one in waiting] == [None]
    with pytest.raises(Unread, match="superuser"):
        passwords.close_overdue(target, file, now=NOW, days=7)


def test_a_wrong_role_stops_everything_before_the_first_change(own: Cluster) -> None:
    _create(own, "fine")
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS boss; CREATE ROLE boss LOGIN SUPERUSER")
        connection.execute("DROP ROLE IF EXISTS team; CREATE ROLE team NOLOGIN")
    with pytest.raises(UsageError, match="no role missing") as error:
        _issue(own, "fine", "missing", "boss", "team")
    assert "boss is a superuser" in str(error.value)
    assert "team cannot log in" in str(error.value)
    with psycopg.connect(own.dsn()) as connection:
        row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'fine'").fetchone()
    assert row == (None,)


def test_a_server_that_refuses_says_so_without_the_verifier(own: Cluster) -> None:
    _create(own, "protected", "clerk")
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute("ALTER ROLE clerk PASSWORD 'made-up-Ck2-for-the-run'")
    target = Target(own.dsn(user="clerk", password="made-up-Ck2-for-the-run"))
    with pytest.raises(ApplyStopped, match="protected keeps its password") as error:
        list(passwords.issue(target, ["protected"], lambda role, word: None, now=NOW, say=lambda text: None))
    assert "SCRAM" not in str(error.value)
    assert "we may not change it" in str(error.value)


def test_the_command(
    own: Cluster, pgguard: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    _create(own, "e.noir")
    where = ["-h", str(own.socket_dir), "-p", str(own.port), "-U", "postgres"]
    state = str(tmp_path / "state")
    refused = pgguard("passwords", "issue", *where, "--role", "e.noir", XDG_STATE_HOME=state)
    assert refused.returncode == 2
    assert "on a terminal only" in refused.stderr
    done = pgguard("passwords", "issue", *where, "--role", "e.noir", "--to", "first", XDG_STATE_HOME=state)
    assert done.returncode == 0, done.stderr
    word = (tmp_path / "first" / "e.noir.password").read_text().splitlines()[1]
    assert word not in done.stdout + done.stderr
    waiting = pgguard("passwords", "pending", *where, XDG_STATE_HOME=state)
    assert (waiting.returncode, "not changed" in waiting.stdout) == (0, True)
    (tmp_path / "pgguard.toml").write_text("[passwords]\nfirst_change_days = 0\n")
    assert pgguard("passwords", "pending", *where, XDG_STATE_HOME=state).returncode == 1
    closed = pgguard("passwords", "pending", "--close", *where, XDG_STATE_HOME=state)
    assert "e.noir" in closed.stdout
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(own.dsn(user="e.noir", password=word))
