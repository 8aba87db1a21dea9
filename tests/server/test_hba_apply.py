"""A new pg_hba.conf put in force on real servers: kept, refused, taken back, and killed at every step."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.hba.effect import effects, lock_outs
from pgguard.errors import ApplyStopped, InputError, UsageError
from pgguard.model.policy import Administrators, Policy, Service
from pgguard.server.connect import Target
from pgguard.server.hba_apply import BACKUP, exchange, newest_backup, prepare, restore
from pgguard.server.hba_file import Base, digest, written_base

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

OLD = "# ours\nlocal all all trust\nhost all all 127.0.0.1/32 trust\n"
NEW = "# ours\nlocal all postgres trust\nhost all postgres 127.0.0.1/32 trust\n"
# kills itself when the tool says its n-th sentence
_KILLED = """
import os, signal, sys
from pathlib import Path
from pgguard.server.connect import Target
from pgguard.server import hba_apply

left = int(sys.argv[3])
def say(text):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

replace, fsync = os.replace, os.fsync
def counted(real):
    def call(*given):
        say("")
        found = real(*given)
        say("")
        return found
    return call
os.replace, os.fsync = counted(replace), counted(fsync)
target = Target(sys.argv[1])
if sys.argv[2] == "restore":
    hba_apply.restore(target, None, None, say=say)
else:
    prepared = hba_apply.prepare(target, Path(sys.argv[2]), progress=lambda text: None)
    hba_apply.exchange(target, prepared, say=say)
"""


@pytest.fixture
def server(new_cluster: Callable[..., Cluster]) -> Cluster:
    cluster = new_cluster(hba=OLD, listen=["127.0.0.1"])
    with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        admin.execute("CREATE ROLE plain LOGIN; CREATE ROLE chief LOGIN SUPERUSER")
    return cluster


@pytest.fixture
def new(tmp_path: Path) -> Path:
    file = tmp_path / "pg_hba.conf.new"
    file.write_text(NEW)
    return file


def test_the_new_file_is_in_force_and_the_old_one_kept(server: Cluster, new: Path) -> None:
    path = server.data_directory / "pg_hba.conf"
    path.chmod(0o640)
    before = path.stat()
    said = _applied(server, new)
    after = path.stat()
    assert path.read_text() == NEW
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert _gets_in(server, "postgres")
    assert not _gets_in(server, "plain")
    backup = newest_backup(path)
    assert backup is not None
    assert backup.read_text() == OLD
    kept = backup.stat()
    assert (kept.st_uid, kept.st_gid, kept.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert str(backup) in said[0]
    assert _leftovers(server) == []
    restore(Target(server.dsn()), None, None, say=said.append)
    assert path.read_text() == OLD
    assert _gets_in(server, "plain")


@pytest.mark.parametrize(
    "line",
    [
        "host all all 10.0.0.0/8 ldap",
        "host all all 10.0.0.0/8 md5 nonsense=1",
        "local all all peer map=a clientcert=verify-full",
    ],
)
def test_what_the_server_refuses_is_taken_back(line: str, server: Cluster, new: Path) -> None:
    new.write_text(f"{NEW}{line}\n")
    with pytest.raises(ApplyStopped, match=r"in error.*again as it was, and the server has loaded it"):
        _applied(server, new)
    assert (server.data_directory / "pg_hba.conf").read_text() == OLD
    assert _gets_in(server, "plain")
    assert _errors(server) == 0


def test_what_lets_no_new_connection_in_is_taken_back(server: Cluster, new: Path) -> None:
    # only a connection shows that the map knows nobody
    new.write_text("local all all peer map=nobody\n")
    with pytest.raises(ApplyStopped, match=r"not let in.*again as it was, and the server has loaded it"):
        _applied(server, new)
    assert (server.data_directory / "pg_hba.conf").read_text() == OLD
    assert _gets_in(server, "plain")


def test_a_server_that_does_not_load_is_not_taken_for_one_that_has(server: Cluster, new: Path) -> None:
    server.set(nonsense="1")
    with pytest.raises(ApplyStopped, match="did not load its configuration"):
        _applied(server, new)
    assert (server.data_directory / "pg_hba.conf").read_text() == OLD


def test_lines_in_error_are_refused_before_anything(server: Cluster, new: Path) -> None:
    new.write_text(f"{NEW}host all all 10.0.0.0/8\n")
    with pytest.raises(InputError, match=r"pg_hba.conf:4.*authentication method"):
        _applied(server, new)
    assert _leftovers(server) == []
    assert newest_backup(server.data_directory / "pg_hba.conf") is None


def test_a_file_changed_since_the_patch_is_refused(server: Cluster, new: Path) -> None:
    path = server.data_directory / "pg_hba.conf"
    base = new.with_name("pg_hba.conf.base")
    base.write_text(written_base(Base(str(path), digest(OLD.encode()))))
    path.write_text(f"{OLD}# by hand\n")
    with pytest.raises(InputError, match="was changed after the patch was made"):
        _applied(server, new)
    base.write_text("nonsense")
    with pytest.raises(InputError, match="make the patch again"):
        _applied(server, new)


def test_a_file_changed_while_it_was_judged_is_refused(server: Cluster, new: Path) -> None:
    path = server.data_directory / "pg_hba.conf"
    prepared = prepare(Target(server.dsn()), new, progress=lambda text: None)
    path.write_text(f"{OLD}# by hand\n")
    with pytest.raises(InputError, match="was changed meanwhile"):
        exchange(Target(server.dsn()), prepared, say=lambda text: None)
    assert path.read_text() == f"{OLD}# by hand\n"


def test_two_at_once_are_kept_apart(server: Cluster, new: Path) -> None:
    folder = os.open(server.data_directory, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        with pytest.raises(InputError, match="another pgguard"):
            _applied(server, new)
    finally:
        os.close(folder)
    assert (server.data_directory / "pg_hba.conf").read_text() == OLD


def test_a_login_without_the_right_is_told(server: Cluster, new: Path) -> None:
    with pytest.raises(UsageError, match="superuser"):
        prepare(Target(server.dsn(user="plain")), new, progress=lambda text: None)


def test_the_folder_of_another_server_is_refused(server: Cluster, new: Path) -> None:
    status = server.data_directory / "postmaster.pid"
    text = status.read_text()
    lines = text.splitlines(keepends=True)
    lines[3] = "1\n"
    status.write_text("".join(lines))
    try:
        with pytest.raises(InputError, match="on the server's own machine"):
            _applied(server, new)
    finally:
        status.write_text(text)
    assert (server.data_directory / "pg_hba.conf").read_text() == OLD


def test_who_must_not_be_locked_out(server: Cluster, new: Path) -> None:
    new.write_text("local all chief trust\n")
    policy = Policy(
        administrators=Administrators(("chief", "postgres")), service=(Service("plain", "IT", "lis"),)
    )
    prepared = prepare(Target(server.dsn()), new, progress=lambda text: None)
    found = effects(prepared.before, prepared.after)
    reasons = lock_outs(prepared.before, prepared.after, policy, found, prepared.way, frozenset())
    assert [one.partition(":")[0] for one in reasons[:2]] == [
        "your own connection, as postgres",
        "administrator postgres would have no way in",
    ]
    assert any(one.startswith("service plain would have no way into") for one in reasons)
    allowed = lock_outs(prepared.before, prepared.after, policy, found, prepared.way, {"plain", "postgres"})
    # nobody can allow the loss of his own way
    assert [one.partition(":")[0] for one in allowed] == ["your own connection, as postgres"]


def test_a_service_keeps_its_ways_from_its_origins(server: Cluster, new: Path) -> None:
    new.write_text(f"{NEW}host all plain 127.0.0.1/32 trust\n")
    for origins, refused in ((("127.0.0.1/32",), False), (("127.0.0.0/8",), False), ((), False)):
        policy = Policy(service=(Service("plain", "IT", "lis", origins),))
        assert bool(_reasons(server, new, policy)) is refused
    new.write_text(f"{NEW}local all plain trust\n")
    assert _reasons(server, new, Policy(service=(Service("plain", "IT", "lis", ("127.0.0.1/32",)),)))
    assert not _reasons(server, new, Policy(service=(Service("plain", "IT", "lis"),)))


def test_whoever_is_connected_now_could_connect_again(server: Cluster, new: Path) -> None:
    with psycopg.connect(server.dsn(user="plain")):
        assert [one.partition(",")[0] for one in _reasons(server, new, Policy())] == ["plain"]
    assert not _reasons(server, new, Policy())


def test_killed_at_any_step_it_leaves_one_file_or_the_other(server: Cluster, new: Path) -> None:
    path = server.data_directory / "pg_hba.conf"
    seen = set()
    step = 0
    while True:
        step += 1
        killed = _run(server, str(new), step)
        content = path.read_text()
        seen.add(content)
        assert content in (OLD, NEW)
        assert all(one.read_text() == OLD for one in path.parent.glob(f"*{BACKUP}*") if one.name[0] != ".")
        if not killed:
            break
        # the server starts with it, and what was broken off is finished by doing it again
        _applied(server, new)
        assert path.read_text() == NEW
        assert not _gets_in(server, "plain")
        assert _leftovers(server) == []
        path.write_text(OLD)
        server.reload()
        for one in path.parent.glob(f"*{BACKUP}*"):
            one.unlink()
    assert seen == {OLD, NEW}
    assert step > 10


def test_a_restore_that_was_killed_is_done_again(server: Cluster, new: Path) -> None:
    path = server.data_directory / "pg_hba.conf"
    step = 0
    while True:
        step += 1
        for one in path.parent.glob(f"*{BACKUP}*"):
            one.unlink()
        path.write_text(OLD)
        server.reload()
        _applied(server, new)
        first = newest_backup(path)
        killed = _run(server, "restore", step)
        assert path.read_text() in (OLD, NEW)
        if not killed:
            break
        restore(Target(server.dsn()), first, None, say=lambda text: None)
        assert path.read_text() == OLD
        assert _gets_in(server, "plain")
    assert step > 10


def test_it_is_put_back_when_nobody_is_let_in(server: Cluster, new: Path) -> None:
    path = server.data_directory / "pg_hba.conf"
    _applied(server, new)
    path.write_text("local all all reject\n")
    server.reload()
    backup = newest_backup(path)
    with pytest.raises(ApplyStopped, match="the server could not be told"):
        restore(Target(server.dsn()), backup, path, say=lambda text: None)
    assert path.read_text() == OLD
    server.reload()
    assert _gets_in(server, "plain")


def test_an_included_file_is_changed_in_its_place(server: Cluster, new: Path) -> None:
    if server.postgres.major < 16:
        pytest.skip("files are included from PostgreSQL 16")
    path = server.data_directory / "pg_hba.conf"
    path.write_text("local all postgres trust\ninclude more.conf\n")
    more = server.data_directory / "more.conf"
    more.write_text("local all plain trust\n")
    server.reload()
    new = new.with_name("more.conf.new")
    new.write_text("local all chief trust\n")
    new.with_name("more.conf.base").write_text(written_base(Base(str(more), digest(more.read_bytes()))))
    _applied(server, new)
    assert more.read_text() == "local all chief trust\n"
    assert _gets_in(server, "chief")
    assert not _gets_in(server, "plain")


def _applied(cluster: Cluster, new: Path) -> list[str]:
    said: list[str] = []
    prepared = prepare(Target(cluster.dsn()), new, progress=lambda text: None)
    exchange(Target(cluster.dsn()), prepared, say=said.append)
    return said


def _reasons(cluster: Cluster, new: Path, policy: Policy) -> tuple[str, ...]:
    prepared = prepare(Target(cluster.dsn()), new, progress=lambda text: None)
    found = effects(prepared.before, prepared.after)
    return lock_outs(prepared.before, prepared.after, policy, found, prepared.way, frozenset())


def _run(cluster: Cluster, what: str, step: int) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, cluster.dsn(), what, str(step)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -9), done.stderr
    return done.returncode != 0


def _leftovers(cluster: Cluster) -> list[str]:
    return [one.name for one in cluster.data_directory.iterdir() if one.name.endswith("pgguard-new")]


def _errors(cluster: Cluster) -> int:
    with psycopg.connect(cluster.dsn()) as admin:
        rows = admin.execute("SELECT error FROM pg_hba_file_rules WHERE error IS NOT NULL").fetchall()
    return len(rows)


def _gets_in(cluster: Cluster, user: str) -> bool:
    try:
        psycopg.connect(cluster.dsn(user=user)).close()
    except psycopg.OperationalError:
        return False
    return True
