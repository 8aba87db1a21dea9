"""`pgguard hba patch`, `apply` and `restore` as a user types them, on real servers."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.analysis.addresses import single
from pgguard.analysis.hba.effect import effects
from pgguard.analysis.hba.rules import LOCAL, PLAIN, SOCKET, TLS
from pgguard.demo.cluster import Cluster
from pgguard.server.connect import Target
from pgguard.server.hba_apply import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

    Run = Callable[..., subprocess.CompletedProcess[str]]

# the socket belongs to the tests, which do not run as postgres
_HBA = """\
# our machine
local   all           postgres                     trust
local   all           all                          trust    # everybody
local   replication   copy                         trust
host    lab           nurse        10.0.0.0/8      md5
host    lab           lis_app      10.20.1.0/24    password
host    lab           old          10.20.0.0/16    md5
host    replication   copy         10.0.0.0/8      scram-sha-256
host    all           all          0.0.0.0/0       trust
host    all           all          10.20.0.0/16    scram-sha-256
host    lab           reader       192.0.2.0/24    radius radiusservers=192.0.2.9 radiussecrets="s3cret"
"""
_SQL = """
SET password_encryption = 'scram-sha-256';
CREATE ROLE nurse LOGIN PASSWORD 'pw'; CREATE ROLE lis_app LOGIN PASSWORD 'pw';
CREATE ROLE chief LOGIN SUPERUSER PASSWORD 'pw'; CREATE ROLE rogue LOGIN SUPERUSER PASSWORD 'pw';
CREATE ROLE without LOGIN; CREATE ROLE copy LOGIN REPLICATION PASSWORD 'pw'; CREATE ROLE reader LOGIN;
SET password_encryption = 'md5';
CREATE ROLE old LOGIN PASSWORD 'pw';
"""
_POLICY = """\
[networks]
internal = ["10.20.0.0/16"]
standbys = ["10.20.9.4/32"]
[administrators]
roles = ["postgres", "chief"]
[[waiver]]
check = "hba-trust-local"
subject = "pg_hba.conf:2"
reason = "the tests come this way"
owner = "us"
until = 2999-01-01
"""
_LOGINS = ("nurse", "lis_app", "chief", "rogue", "without", "copy", "reader", "old", "postgres")


@pytest.fixture
def cluster(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres, hba=_HBA, tls=True, listen=["127.0.0.1"]) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as admin:
            admin.execute("CREATE DATABASE lab")
            admin.execute(_SQL.encode())
        yield running


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "pgguard.toml"
    file.write_text(_POLICY)
    return file


def test_what_is_decided_is_changed_and_the_rest_proposed(
    cluster: Cluster, policy: Path, pgguard: Run, tmp_path: Path
) -> None:
    done = pgguard("hba", "patch", cluster.dsn(), "-o", "out")
    assert (done.returncode, done.stderr) == (0, "")
    new = (tmp_path / "out/pg_hba.conf.new").read_text()
    for line in (
        "local   all           postgres                     trust\n",
        "local   all           all                          scram-sha-256 # everybody\n",
        "hostssl lab           nurse        10.20.0.0/16    scram-sha-256\n",
        "hostssl lab           lis_app      10.20.1.0/24    scram-sha-256\n",
        "hostssl lab           old          10.20.0.0/16    md5\n",
        "hostssl replication   copy         10.20.9.4/32    scram-sha-256\n",
        "host all rogue all reject\n",
        "# hostssl all           all          10.20.0.0/16    scram-sha-256\n",
    ):
        assert line in new
    assert "hba-md5: for the DBA to decide: scram-sha-256 once these have a SCRAM password: old\n" in new
    assert "all           all          0.0.0.0/0" not in new
    for name in ("pg_hba.conf.new", "pg_hba.conf.patch", "pg_hba.conf.base", "pg_hba.md"):
        assert (tmp_path / "out" / name).stat().st_mode & 0o777 == 0o600
    written = [(tmp_path / "out" / name).read_text() for name in ("pg_hba.conf.patch", "pg_hba.md")]
    shown = [done.stdout, *written]
    assert all("s3cret" not in text for text in shown)
    assert "radiussecrets=***" in written[0]
    assert 'radiussecrets="s3cret"' in new
    heads = " ".join(line for line in written[0].splitlines() if line.startswith("@@"))
    assert all(check in heads for check in ("hba-trust-local", "hba-open-address", "hba-shadowed"))
    # a line that was never reached and now is, is judged by itself
    assert "hostssl lab           reader       192.0.2.0/24" in new
    # who would be locked out for lack of a password is named
    assert "reader, without, into" in done.stdout
    assert "asks for scram-sha-256: has no password" in done.stdout
    assert (cluster.data_directory / "pg_hba.conf").read_text() == _HBA


def test_the_patch_makes_the_new_file(cluster: Cluster, policy: Path, pgguard: Run, tmp_path: Path) -> None:
    hba = _HBA.rpartition("host    lab           reader")[0]
    path = cluster.data_directory / "pg_hba.conf"
    path.write_text(hba)
    cluster.reload()
    assert pgguard("hba", "patch", cluster.dsn(), "-o", "out").returncode == 0
    copy = tmp_path / "copy"
    copy.write_text(hba)
    with (tmp_path / "out/pg_hba.conf.patch").open() as diff:
        subprocess.run(["patch", "--quiet", str(copy)], stdin=diff, check=True)
    assert copy.read_text() == (tmp_path / "out/pg_hba.conf.new").read_text()
    subprocess.run(["sha256sum", "--quiet", "-c", tmp_path / "out/pg_hba.conf.base"], check=True)


def test_a_second_patch_has_nothing_to_add(
    cluster: Cluster, policy: Path, pgguard: Run, tmp_path: Path
) -> None:
    assert pgguard("hba", "patch", cluster.dsn(), "-o", "out").returncode == 0
    allowed = [part for name in ("without", "reader") for part in ("--allow-loss", name)]
    done = pgguard("hba", "apply", "out/pg_hba.conf.new", cluster.dsn(), *allowed)
    assert (done.returncode, done.stderr) == (0, "")
    policy.write_text(_POLICY)
    again = pgguard("hba", "patch", cluster.dsn(), "-o", "again")
    assert again.returncode == 0
    assert "nothing to change" in again.stdout
    assert not (tmp_path / "again/pg_hba.conf.new").exists()


def test_who_gets_in_before_and_after_is_what_the_table_says(
    cluster: Cluster, policy: Path, pgguard: Run, tmp_path: Path
) -> None:
    before = _who_gets_in(cluster)
    assert pgguard("hba", "patch", cluster.dsn(), "-o", "out").returncode == 0
    told = _said_to_be_lost(cluster, tmp_path / "out/pg_hba.conf.new")
    done = pgguard("hba", "apply", "out/pg_hba.conf.new", cluster.dsn())
    assert (done.returncode, done.stderr) == (0, "")
    after = _who_gets_in(cluster)
    assert before - after == told
    assert after <= before
    assert {("without", "socket"), ("reader", "plain")} <= before - after
    assert ("nurse", "socket") in after
    assert pgguard("hba", "restore", cluster.dsn()).returncode == 0
    assert _who_gets_in(cluster) == before


def test_a_lock_out_is_refused_and_may_be_allowed(cluster: Cluster, pgguard: Run, tmp_path: Path) -> None:
    (tmp_path / "pgguard.toml").write_text(
        '[[service]]\nrole = "lis_app"\nowner = "IT"\npurpose = "lis"\norigins = ["127.0.0.1/32"]\n'
    )
    new = tmp_path / "new.conf"
    new.write_text("local all postgres trust\n")
    refused = pgguard("hba", "apply", str(new), cluster.dsn())
    assert refused.returncode == 2
    assert "service lis_app would lose its way into" in refused.stderr
    assert "nothing was changed" in refused.stderr
    path = cluster.data_directory / "pg_hba.conf"
    assert path.read_text() == _HBA
    dry = pgguard("hba", "apply", str(new), cluster.dsn(), "--dry-run", "--allow-loss", "lis_app")
    assert dry.returncode == 0
    assert "Would lose their way in" in dry.stdout
    assert path.read_text() == _HBA
    done = pgguard("hba", "apply", str(new), cluster.dsn(), "--allow-loss", "lis_app")
    assert done.returncode == 0
    assert path.read_text() == new.read_text()


def test_what_does_not_serve_is_taken_back_with_exit_code_4(
    cluster: Cluster, pgguard: Run, tmp_path: Path
) -> None:
    new = tmp_path / "new.conf"
    new.write_text("local all postgres trust\nhost all all 10.0.0.0/8 ldap\n")
    done = pgguard("hba", "apply", str(new), cluster.dsn())
    assert done.returncode == 4
    assert "again as it was" in done.stderr
    assert (cluster.data_directory / "pg_hba.conf").read_text() == _HBA


def test_without_the_right_to_read_it_a_copy_is_asked_for(
    cluster: Cluster, policy: Path, pgguard: Run, tmp_path: Path
) -> None:
    as_nurse = cluster.dsn(user="nurse")
    refused = pgguard("hba", "patch", as_nurse, "-o", "out")
    assert refused.returncode == 2
    assert "--file" in refused.stderr
    copy = tmp_path / "copy.conf"
    copy.write_text(_HBA)
    done = pgguard("hba", "patch", as_nurse, "--file", str(copy), "-o", "out")
    # verifiers are not to be seen, and that is said
    assert done.returncode == 3
    assert "Not known: who has a password" in done.stdout
    assert (
        "hostssl lab           nurse        10.20.0.0/16    md5\n"
        in (tmp_path / "out/pg_hba.conf.new").read_text()
    )


def test_a_copy_that_is_not_the_servers_is_refused(cluster: Cluster, pgguard: Run, tmp_path: Path) -> None:
    copy = tmp_path / "copy.conf"
    copy.write_text(_HBA.replace("nurse", "nobody"))
    refused = pgguard("hba", "patch", cluster.dsn(), "--file", str(copy), "-o", "out")
    assert refused.returncode == 2
    assert "is not what the server reads: line 5" in refused.stderr
    copy.write_text(_HBA + "nonsense\n")
    (cluster.data_directory / "pg_hba.conf").write_text(_HBA + "nonsense\n")
    cluster.reload()
    broken = pgguard("hba", "patch", cluster.dsn(), "--file", str(copy), "-o", "out")
    assert broken.returncode == 2
    assert "lines in error come first" in broken.stderr


def test_without_a_policy_nothing_is_guessed(cluster: Cluster, pgguard: Run, tmp_path: Path) -> None:
    done = pgguard("hba", "patch", cluster.dsn(), "-o", "out")
    assert done.returncode == 0
    new = (tmp_path / "out/pg_hba.conf.new").read_text()
    assert "0.0.0.0/0" in new
    assert "from which networks clients come" in new
    assert "reject" not in new.replace("reject rogue from other machines", "")


def test_a_snapshot_serves_with_a_copy(cluster: Cluster, policy: Path, pgguard: Run, tmp_path: Path) -> None:
    assert pgguard("snapshot", cluster.dsn(), "-o", "saved.snapshot").returncode == 0
    refused = pgguard("hba", "patch", "--from", "saved.snapshot", "-o", "out")
    assert refused.returncode == 2
    assert "--file" in refused.stderr
    copy = tmp_path / "copy.conf"
    copy.write_text(_HBA)
    done = pgguard("hba", "patch", "--from", "saved.snapshot", "--file", "copy.conf", "-o", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "hostssl lab           nurse" in (tmp_path / "out/pg_hba.conf.new").read_text()


def test_a_line_of_an_included_file_is_changed_there(
    cluster: Cluster, policy: Path, pgguard: Run, tmp_path: Path
) -> None:
    if cluster.postgres.major < 16:
        pytest.skip("files are included from PostgreSQL 16")
    folder = cluster.data_directory
    (folder / "more").mkdir()
    (folder / "more/10.conf").write_text("host lab nurse 10.20.0.0/16 trust\n")
    (folder / "names").write_text("nurse\nlis_app\n")
    (folder / "pg_hba.conf").write_text(
        "# ours\nlocal all postgres trust\ninclude_dir more\nhost lab @names 10.20.3.0/24 md5\n"
    )
    cluster.reload()
    done = pgguard("hba", "patch", cluster.dsn(), "-o", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out/10.conf.new").read_text() == "hostssl lab nurse 10.20.0.0/16 scram-sha-256\n"
    assert "hostssl lab @names 10.20.3.0/24 scram-sha-256\n" in (tmp_path / "out/pg_hba.conf.new").read_text()
    for name in ("10.conf.new", "pg_hba.conf.new"):
        applied = pgguard("hba", "apply", f"out/{name}", cluster.dsn())
        assert (applied.returncode, applied.stderr) == (0, "")
    assert (folder / "more/10.conf").read_text() == (tmp_path / "out/10.conf.new").read_text()
    assert "nothing to change" in pgguard("hba", "patch", cluster.dsn(), "-o", "again").stdout


def _said_to_be_lost(cluster: Cluster, new: Path) -> set[tuple[str, str]]:
    """The logins and ways in, as `_who_gets_in` tries them, that are foretold to be lost."""
    prepared = prepare(Target(cluster.dsn()), new, progress=lambda text: None)
    here = single("127.0.0.1")
    points = {
        "socket": (LOCAL, SOCKET),
        "plain": (PLAIN, here),
        "tls": (TLS, here),
    }
    return {
        (login, name)
        for effect in effects(prepared.before, prepared.after)
        if effect.kind in ("loses", "encrypts") and "lab" in effect.entry.databases and not effect.perhaps
        for name, (way, address) in points.items()
        if way in effect.entry.ways and address.within(effect.entry.addresses)
        for login in effect.entry.logins
    }


def _who_gets_in(cluster: Cluster) -> set[tuple[str, str]]:
    found = set()
    ways: dict[str, dict[str, Any]] = {
        "socket": {},
        "plain": {"host": "127.0.0.1", "sslmode": "disable"},
        "tls": {"host": "127.0.0.1", "sslmode": "require"},
    }
    for login in _LOGINS:
        for way, options in ways.items():
            try:
                psycopg.connect(cluster.dsn(user=login, dbname="lab", password="pw", **options)).close()
            except psycopg.OperationalError:
                continue
            found.add((login, way))
    return found
