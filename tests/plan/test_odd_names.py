"""A plan for a cluster whose every name is one that careless quoting would stumble over, by plain psql."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.expression import split
from pgguard.model.quote import ident
from pgguard.plan import folder
from pgguard.plan.migration import migrations
from pgguard.store.policy_file import parse
from tests.odd_names import NAMES, fill
from tests.plan.sites import Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster


@pytest.fixture
def site(new_cluster: Callable[..., Cluster]) -> Site:
    cluster = new_cluster()
    fill(cluster)
    with psycopg.connect(cluster.dsn(dbname=NAMES[0], client_encoding="UTF8"), autocommit=True) as connection:
        for name in NAMES:
            connection.execute(f"GRANT SELECT ON {ident(name)}.{ident(name)} TO PUBLIC".encode())
            connection.execute(f"ALTER ROLE {ident(name)} SUPERUSER".encode())
    return Site(cluster, parse("", "policy"), NAMES[0])


def test_every_file_does_what_it_says_and_leads_back(site: Site, tmp_path: Path) -> None:
    plan = site.plan()
    files = migrations(plan)
    databases = {one.step.database for one in files}
    assert {None, "postgres", NAMES[0]} <= databases
    folder.write(tmp_path / "migrations", plan, files)
    text = (tmp_path / "migrations" / "plan.md").read_text(encoding="utf-8")
    fences = [line for line in text.splitlines() if line.startswith("```")]
    # every block is closed before the next one is opened
    assert fences == ["```", "```", *["```sql", "```"] * fences.count("```sql")]
    prose = "".join(part.partition("\n```\n")[2] for part in text.split("```sql\n"))
    assert "<b>" not in prose.replace("\\<b>", "")
    before = site.rights()
    for one in files:
        assert not any(statement.upper().startswith("DROP TABLE") for statement in split(one.up))
        done = site.psql(one.up, one.step.database)
        assert done.returncode == 0, (one.name, done.stderr)
        met = site.psql(one.verify, one.step.database)
        assert met.returncode == 0, (one.name, met.stderr)
    assert site.rights() != before
    undoable = [one for one in files if one.undoable]
    assert len(undoable) > len(files) // 2
    for one in reversed(undoable):
        done = site.psql(one.down, one.step.database)
        assert done.returncode == 0, (one.name, done.stderr)
        assert "does not hold" in site.psql(one.verify, one.step.database).stderr
    final = [one for one in files if not one.undoable]
    assert site.rights() == before or final
