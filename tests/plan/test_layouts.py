"""The same plan for other migration tools: their naming rules, and Alembic itself on a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.lab import Laboratory
from pgguard.plan.layouts import contents, write_layout
from tests.plan.rights import rights
from tests.plan.test_convergence import MAJOR, _plan, _psql

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgguard.model.plan import Migration, Plan

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
def planned() -> Iterator[tuple[Laboratory, Plan, tuple[Migration, ...]]]:
    with Laboratory.open(major=MAJOR) as laboratory:
        plan, files = _plan(laboratory)
        yield laboratory, plan, tuple(one for one in files if one.undoable)


def test_alembic_upgrades_and_downgrades_to_the_same_catalog(planned, tmp_path: Path) -> None:
    laboratory, plan, files = planned
    cluster = laboratory.cluster
    write_layout(tmp_path / "migrations", plan, files, "alembic")
    folder = tmp_path / "migrations" / "lab"
    (folder / "env.py").write_text(ALEMBIC_ENV)
    (folder / "script.py.mako").write_text("")
    url = f"postgresql+psycopg://postgres@/lab?host={cluster.socket_dir}&port={cluster.port}"
    (tmp_path / "alembic.ini").write_text(
        f"[alembic]\nscript_location = migrations/lab\nsqlalchemy.url = {url}\n"
    )
    before = rights(cluster, "lab")

    def alembic(*arguments: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        done = subprocess.run(
            [sys.executable, "-m", "alembic", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]

    alembic("upgrade", "head")
    own = [one for one in files if one.step.database in ("lab", None)]
    for one in own:
        met = _psql(laboratory, one.verify, "lab")
        assert met.returncode == 0, (one.name, met.stderr)
    alembic("downgrade", "base")
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute("DROP TABLE alembic_version")
    assert rights(cluster, "lab") == before


def test_flyway_takes_the_names(planned) -> None:
    # V or U, a version of digits, two underscores, words, .sql (Flyway, "Migrations: Naming")
    _, plan, files = planned
    names = [name.partition("/")[2] for name in contents(plan, files, "flyway")]
    assert all(re.fullmatch(r"[VU]\d+__[A-Za-z0-9_]+\.sql(\.conf)?", name) for name in names), names
    versions = [name for name in names if name.startswith("V") and name.endswith(".sql")]
    assert len(versions) == len(files)
    assert len({name.partition("__")[0] for name in versions}) == len(versions)
    texts = contents(plan, files, "flyway")
    for name, text in texts.items():
        assert "\nBEGIN;\n" not in text, name
        if "settings" in name and name.endswith(".sql"):
            assert texts[f"{name}.conf"] == "executeInTransaction=false\n"


def test_sqitch_takes_the_plan(planned) -> None:
    # pragmas, and a line a change: name [requires] date name <mail> # note (sqitchchanges)
    _, plan, files = planned
    found = contents(plan, files, "sqitch")
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


def test_dbmate_and_liquibase_say_which_way_each_part_goes(planned) -> None:
    _, plan, files = planned
    for name, text in contents(plan, files, "dbmate").items():
        assert re.fullmatch(r"lab/\d{14}_[a-z0-9_]+\.sql", name)
        up, down = (text.index(f"-- migrate:{way}") for way in ("up", "down"))
        assert up < down
        assert ("transaction:false" in text) == ("ALTER SYSTEM" in text)
    for name, text in contents(plan, files, "liquibase").items():
        assert text.startswith("--liquibase formatted sql\n"), name
        assert len(re.findall(r"^--changeset pgguard:\S+", text, re.MULTILINE)) == 1
        assert "--rollback " in text
