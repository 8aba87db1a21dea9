"""audit-reads-missing on a server with pgaudit: what it says is what leaves no line."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.read_audit import REFERENCE
from pgguard.checks import check
from pgguard.demo.cluster import Cluster
from pgguard.report.judge import judge
from pgguard.store.policy_file import parse
from tests.audit.reading import POLICY, Site, needs_pgaudit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres


TODAY = datetime.date(2026, 11, 24)


@pytest.fixture(scope="module")
def site(postgres: Postgres) -> Iterator[Site]:
    needs_pgaudit(postgres)
    with Cluster.start(postgres, settings={"shared_preload_libraries": "pgaudit"}) as cluster:
        site = Site(cluster)
        site.make()
        # tests run in any order, and this is only so before the plan
        assert set(_said(site)) == {"pgaudit.role"}
        site.apply(site.steps()[0])
        yield site


def _said(site: Site) -> dict[str, str]:
    chosen = check("audit-reads-missing")
    assert chosen is not None
    report = judge(site.snapshot(), parse(POLICY, "policy"), today=TODAY, checks=[chosen])
    return {one.finding.subject.name: one.finding.evidence for one in report.outcomes[0].findings}


def test_each_hole_is_told_and_the_plan_fills_it(site: Site) -> None:
    assert _said(site) == {}
    grant, take = "GRANT SELECT {} ON {} TO {}", "REVOKE SELECT {} ON {} FROM {}"
    holes = {
        ("(nir)", "care.patient"): "care.patient",
        ("(value)", "care.measure_1"): "care.measure",
        ("(name)", "care.old_patient"): "care.patient",
        ("", "care.names"): "care.patient",
    }
    for (column, relation), told in holes.items():
        _as_superuser(site, take.format(column, relation, REFERENCE))
        said = _said(site)
        assert f"{REFERENCE} may not read" in said[told], relation
        assert f"in {relation}:" in said[told], relation
        _as_superuser(site, grant.format(column, relation, REFERENCE))
        assert _said(site) == {}
    # what a new partition lacks
    _as_superuser(site, "CREATE TABLE care.measure_2 PARTITION OF care.measure FOR VALUES FROM (10) TO (20)")
    assert set(_said(site)) == {"care.measure"}
    files, _ = site.steps()
    assert [one.step.slug for one in files] == ["audit_reads_columns"]
    site.apply(files)
    assert _said(site) == {}


def test_a_grant_of_the_table_or_by_a_membership_counts_and_public_does_not(site: Site) -> None:
    _as_superuser(site, f"REVOKE SELECT (nir, name) ON care.patient FROM {REFERENCE}")
    _as_superuser(site, "GRANT SELECT ON care.patient TO PUBLIC")
    assert set(_said(site)) == {"care.patient"}
    _as_superuser(site, "CREATE ROLE group_of_reads; GRANT SELECT ON care.patient TO group_of_reads")
    _as_superuser(site, f"GRANT group_of_reads TO {REFERENCE}")
    assert _said(site) == {}
    _as_superuser(site, "DROP OWNED BY group_of_reads; DROP ROLE group_of_reads")
    _as_superuser(
        site,
        f"REVOKE SELECT ON care.patient FROM PUBLIC; GRANT SELECT (nir, name) ON care.patient TO {REFERENCE}",
    )
    assert _said(site) == {}


def test_settings_that_hide_reads_are_told(site: Site) -> None:
    for sql, undo, subject in (
        ("ALTER ROLE lis SET pgaudit.log_rows = on", "ALTER ROLE lis RESET ALL", "lis"),
        ("ALTER ROLE lis SET pgaudit.role = 'anna'", "ALTER ROLE lis RESET ALL", "lis"),
        ("ALTER SYSTEM SET pgaudit.log_rows = on", "ALTER SYSTEM RESET pgaudit.log_rows", "pgaudit.log_rows"),
        (
            "ALTER SYSTEM SET pgaudit.role = 'nobody_of_that_name'",
            f"ALTER SYSTEM SET pgaudit.role = {REFERENCE}",
            "pgaudit.role",
        ),
    ):
        _as_superuser(site, sql)
        site.cluster.reload()
        assert set(_said(site)) == {subject}, sql
        _as_superuser(site, undo)
        site.cluster.reload()
        assert _said(site) == {}, undo
    # every session's reads, by relation
    _as_superuser(site, "ALTER SYSTEM SET pgaudit.role = ''")
    _as_superuser(site, "ALTER SYSTEM SET pgaudit.log = 'read, role, ddl'")
    site.cluster.reload()
    assert _said(site) == {}
    _as_superuser(site, "ALTER SYSTEM SET pgaudit.log = 'role, ddl'")
    _as_superuser(site, f"ALTER SYSTEM SET pgaudit.role = {REFERENCE}")
    site.cluster.reload()


def _as_superuser(site: Site, sql: str) -> None:
    with psycopg.connect(site.cluster.dsn(), autocommit=True) as connection:
        connection.execute(sql.encode())
