"""The same plan for other migration tools: their naming rules, and Alembic itself on a real server."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.expression import split
from pgguard.changes.privileges import revoke
from pgguard.errors import UsageError
from pgguard.model.plan import Migration, Plan, Step
from pgguard.model.quote import qualified
from pgguard.model.rows import PUBLIC
from pgguard.plan import folder as folders
from pgguard.plan.layouts import for_tool
from pgguard.plan.migration import migrations
from tests.odd_names import NAMES
from tests.plan.rights import rights
from tests.plan.sites import Site, laboratory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.model.finding import Change

ALEMBIC_ENV = """\
from alembic import context
from sqlalchemy import create_engine

url = context.config.get_main_option("sqlalchemy.url")
with create_engine(url).connect() as connection:
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""


@pytest.fixture(scope="module")
def planned(postgres) -> Iterator[tuple[Site, Plan, tuple[Migration, ...]]]:
    with laboratory(postgres) as site:
        plan = site.plan()
        yield site, plan, tuple(one for one in migrations(plan) if one.undoable)


def test_alembic_upgrades_and_downgrades_to_the_same_catalog(planned, tmp_path: Path) -> None:
    site, plan, files = planned
    cluster = site.cluster
    before = rights(cluster, "lab")
    with _alembic(site, plan, files, tmp_path) as alembic:
        alembic("upgrade", "head")
        own = [one for one in files if one.step.database in ("lab", None)]
        for one in own:
            met = site.psql(one.verify, "lab")
            assert met.returncode == 0, (one.name, met.stderr)
        alembic("downgrade", "base")
    assert rights(cluster, "lab") == before


def test_alembic_sends_names_as_they_are(planned, tmp_path: Path) -> None:
    site, _, _ = planned
    cluster = site.cluster
    names = [*NAMES, ":x: \\:x \\: ::x \\::x %% %(x)s \\\\:x"]
    with psycopg.connect(cluster.dsn(dbname="lab", client_encoding="UTF8"), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA odd")
        for name in names:
            connection.execute(f"CREATE TABLE {qualified('odd', name)} ()".encode())
            connection.execute(f"GRANT UPDATE ON {qualified('odd', name)} TO PUBLIC".encode())
    changes = tuple(revoke(["UPDATE"], f"TABLE {qualified('odd', name)}", PUBLIC) for name in names)
    moment = "2026-11-25T20:00:00Z"
    version = f"{cluster.postgres.major}.1"
    plan = Plan("here", version, moment, "postgres", (Step("odd", "Odd", "why", changes, database="lab"),))
    files = migrations(plan)
    before = rights(cluster, "lab")
    with _alembic(site, plan, files, tmp_path) as alembic:
        alembic("upgrade", "head")
        assert site.psql(files[0].verify, "lab").returncode == 0
        alembic("downgrade", "base")
    assert rights(cluster, "lab") == before
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute("DROP SCHEMA odd CASCADE")


@contextlib.contextmanager
def _alembic(
    site: Site, plan: Plan, files: tuple[Migration, ...], path: Path
) -> Iterator[Callable[..., None]]:
    """Alembic on the plan's folder of database lab; its own table goes at the end."""
    folders.write(path / "migrations", plan, files, layout="alembic")
    folder = path / "migrations" / "lab"
    (folder / "env.py").write_text(ALEMBIC_ENV)
    (folder / "script.py.mako").write_text("")
    cluster = site.cluster
    url = f"postgresql+psycopg://postgres@/lab?host={cluster.socket_dir}&port={cluster.port}"
    (path / "alembic.ini").write_text(
        f"[alembic]\nscript_location = migrations/lab\nsqlalchemy.url = {url}\n"
    )

    def run(*arguments: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        done = subprocess.run(
            [sys.executable, "-m", "alembic", *arguments],
            cwd=path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]

    yield run
    with psycopg.connect(site.dsn("lab"), autocommit=True) as connection:
        connection.execute("DROP TABLE alembic_version")


def test_flyway_takes_the_names(planned) -> None:
    # V or U, a version of digits, two underscores, words, .sql (Flyway, "Migrations: Naming")
    _, plan, files = planned
    names = [name.partition("/")[2] for name in for_tool(plan, files, "flyway")]
    assert all(re.fullmatch(r"[VU]\d+__[A-Za-z0-9_]+\.sql(\.conf)?", name) for name in names), names
    versions = [name for name in names if name.startswith("V") and name.endswith(".sql")]
    assert len(versions) == len(files)
    assert len({name.partition("__")[0] for name in versions}) == len(versions)
    texts = for_tool(plan, files, "flyway")
    for name, text in texts.items():
        assert "\nBEGIN;\n" not in text, name
        if name.endswith(".sql"):
            assert ("executeInTransaction=false\n" in texts[f"{name}.conf"]) == ("ALTER SYSTEM" in text)


def test_sqitch_takes_the_plan(planned) -> None:
    # pragmas, and a line a change: name [requires] date name <mail> # note (sqitchchanges)
    _, plan, files = planned
    found = for_tool(plan, files, "sqitch")
    lines = found["lab/sqitch.plan"].splitlines()
    assert lines[:2] == ["%syntax-version=1.0.0", "%project=pgguard"]
    changes = [line for line in lines[2:] if line]
    pattern = re.compile(
        r"(?P<name>[^\s@:#\[\]~^/=%][^\s@:#\[\]~^/=%]*)(?: \[(?P<needs>\S+)\])? "
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [^<]+ <[^>]+> # .+"
    )
    before = None
    for line in changes:
        match = pattern.fullmatch(line)
        assert match is not None, line
        assert match["needs"] == before
        before = match["name"]
        for kind in ("deploy", "revert", "verify"):
            assert f"lab/{kind}/{before}.sql" in found


def test_dbmate_sends_nothing_together_that_no_transaction_can_hold(planned) -> None:
    _, plan, files = planned
    found = for_tool(plan, files, "dbmate")
    stamps = [name.partition("/")[2] for name in found]
    assert len(set(stamps)) == len(stamps)
    for name, text in found.items():
        assert re.fullmatch(r"(lab|postgres)/\d{14}_[a-z0-9_]+\.sql", name)
        up, down = text.split("-- migrate:down")
        assert up.startswith("-- migrate:up")
        if "ALTER SYSTEM" in text:
            assert up.startswith("-- migrate:up transaction:false\n")
            assert down.startswith(" transaction:false\n")
            assert [len(split(part)) for part in (up, down.partition("\n")[2])] == [1, 1]


def test_liquibase_has_a_change_set_with_its_way_back_for_each_file(planned) -> None:
    _, plan, files = planned
    found = for_tool(plan, files, "liquibase")
    assert len(found) == len(files)
    for (name, text), one in zip(found.items(), files, strict=True):
        head, *sets = text.split("\n--changeset ")
        assert head == "--liquibase formatted sql\n", name
        assert all(part.startswith("pgguard:") and "\n--rollback " in part for part in sets)
        assert (len(sets) == 1) == one.step.transactional
        assert all(("runInTransaction:false" in part) != one.step.transactional for part in sets)


def test_a_name_that_a_tool_would_take_for_its_own_word_is_refused() -> None:
    plan, files = _of_one(
        revoke(["SELECT"], f"TABLE {qualified('lab', 'x' + chr(10) + '-- migrate:down')}", "a")
    )
    with pytest.raises(UsageError, match="--layout psql"):
        for_tool(plan, files, "dbmate")
    plan, files = _of_one(
        revoke(["SELECT"], f"TABLE {qualified('lab', 'x' + chr(10) + '--rollback x')}", "a")
    )
    with pytest.raises(UsageError, match="--layout psql"):
        for_tool(plan, files, "liquibase")
    plan, files = _of_one(revoke(["SELECT"], f"TABLE {qualified('lab', '${x}' + chr(10) + 'BEGIN;')}", "a"))
    found = for_tool(plan, files, "flyway")
    assert "\nBEGIN;" in found["lab/V0001__one.sql"]
    assert "\nBEGIN;\nSET LOCAL" not in found["lab/V0001__one.sql"]
    assert found["lab/V0001__one.sql.conf"] == "placeholderReplacement=false\n"


def test_databases_whose_names_look_alike_in_a_folder_are_kept_apart() -> None:
    changes = [revoke(["SELECT"], "TABLE lab.x", "a", database=name) for name in ("a b", "a?b")]
    steps = tuple(Step("one", "One", "why", (one,), database=one.database) for one in changes)
    plan = Plan("server", "15.1", "2026-11-25T20:00:00Z", "postgres", steps)
    names = {name.partition("/")[0] for name in for_tool(plan, migrations(plan), "flyway")}
    assert len(names) == len(steps)


def _of_one(change: Change) -> tuple[Plan, tuple[Migration, ...]]:
    step = Step("one", "One", "why", (change,), database="lab")
    plan = Plan("server", "15.1", "2026-11-25T20:00:00Z", "postgres", (step,))
    return plan, migrations(plan)
