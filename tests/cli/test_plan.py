"""`pgguard plan` as a user types it: a plan to read, a folder to apply, and nothing changed on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.plan import folder
from tests.plan.rights import rights
from tests.plan.sites import SITES, Site

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def site(postgres) -> Iterator[Site]:
    with SITES["laboratory"](postgres) as running:
        yield running


def where(site: Site) -> list[str]:
    cluster = site.cluster
    return ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres", "-d", "lab"]


def test_without_a_folder_the_plan_is_printed_and_nothing_changes(pgguard: Run, site: Site) -> None:
    before = site.rights()
    done = pgguard("plan", *where(site))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Plan for ")
    for line in ("```sql", "## By hand", "Look first: ", "Lock: ", "Closes:", "psql -X -v ON_ERROR_STOP=1"):
        assert line in done.stdout
    assert site.rights() == before


def test_a_folder_from_a_server_is_the_one_from_its_snapshot(
    pgguard: Run, site: Site, tmp_path: Path
) -> None:
    saved = str(tmp_path / "saved")
    assert pgguard("snapshot", *where(site), "-o", saved).returncode == 0
    made = pgguard("plan", *where(site), "-o", "live")
    assert made.returncode == 0, made.stderr
    assert "read plan.md" in made.stdout
    assert pgguard("plan", "--from", saved, "-o", "saved-plan").returncode == 0
    live, from_file = (
        {one.name: one.read_text() for one in (tmp_path / name).glob("*.sql")}
        for name in ("live", "saved-plan")
    )
    assert live == from_file
    assert live
    # written again it is the same plan, and another one is not written over it
    again = pgguard("plan", *where(site), "-o", "live")
    assert again.returncode == 0, again.stderr
    other = pgguard("plan", *where(site), "--check", "role-createdb", "-o", "live")
    assert other.returncode == 2
    assert "another plan" in other.stderr
    assert "no longer planned" in other.stderr
    forced = pgguard("plan", *where(site), "--check", "role-createdb", "-o", "live", "--force")
    assert forced.returncode == 0
    (entry,) = folder.read(tmp_path / "live").manifest.migrations
    assert len(entry.answers) == 1
    assert len(list((tmp_path / "live").glob("*.sql"))) == 3
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text("")
    foreign = pgguard("plan", *where(site), "-o", "letters", "--force")
    assert foreign.returncode == 2
    assert "name another folder" in foreign.stderr


def test_severity_safe_only_and_layout(pgguard: Run, site: Site, tmp_path: Path) -> None:
    for name, options in (
        ("all", []),
        ("critical", ["--severity", "critical"]),
        ("safe", ["--safe-only"]),
    ):
        assert pgguard("plan", *where(site), *options, "-o", name).returncode == 0
    answers = {
        name: {
            fingerprint
            for entry in folder.read(tmp_path / name).manifest.migrations
            for fingerprint in entry.answers
        }
        for name in ("all", "critical", "safe")
    }
    assert answers["critical"] < answers["all"]
    assert answers["safe"] < answers["all"]
    assert all("review" not in entry.name for entry in folder.read(tmp_path / "safe").manifest.migrations)
    for layout, file in (("flyway", "lab/V0001__*.sql"), ("sqitch", "lab/sqitch.plan")):
        assert pgguard("plan", *where(site), "--layout", layout, "-o", layout).returncode == 0
        assert list((tmp_path / layout).glob(file))
        assert json.loads((tmp_path / layout / "plan.json").read_text())["layout"] == layout
        refused = pgguard("verify", layout, *where(site))
        assert refused.returncode == 2
        assert layout in refused.stderr


def test_a_check_that_does_not_exist_is_said_before_connecting(pgguard: Run) -> None:
    done = pgguard("plan", "-h", "/nowhere", "--check", "role-creatdb")
    assert done.returncode == 2
    assert "role-createdb" in done.stderr


def test_who_sees_little_is_told_what_was_not_judged_and_keeps_his_way_in(pgguard: Run, site: Site) -> None:
    with psycopg.connect(site.dsn("lab"), autocommit=True) as connection:
        connection.execute("CREATE ROLE watcher LOGIN")
        connection.execute("CREATE DATABASE closed")
        connection.execute("REVOKE ALL ON DATABASE closed FROM PUBLIC")
    try:
        before = rights(site.cluster, "lab")
        options = where(site)
        options[options.index("postgres")] = "watcher"
        done = pgguard("plan", *options)
        assert done.returncode == 0, done.stderr
        assert "not judged, so that nothing is planned: " in done.stdout
        # he connects as everybody does
        hands = done.stdout.partition("## By hand")[2]
        assert "REVOKE CONNECT, TEMPORARY ON DATABASE lab FROM PUBLIC" in hands
        assert "REVOKE CONNECT, TEMPORARY" not in done.stdout.partition("## By hand")[0]
        assert rights(site.cluster, "lab") == before
    finally:
        with psycopg.connect(site.dsn("lab"), autocommit=True) as connection:
            connection.execute("DROP ROLE watcher")
            connection.execute("DROP DATABASE closed")
