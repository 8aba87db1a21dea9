"""What the audit installs is no finding: a server that is looked after hears nothing new above low."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from pgguard.model.finding import Severity, Verdict
from tests.audit.store import install
from tests.planted.test_planted import PASSWORD, inspect, load, said, settings, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster

TABLES = """
SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema|pgguard)'
"""


def test_the_audit_is_no_finding(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(listen=["127.0.0.1"], tls=True, checksums=True)
    load(cluster, "hardened")
    cluster.set(**settings(text("hardened.conf").splitlines(), cluster.postgres.major))
    cluster.restart()
    before = said(inspect(cluster, text("hardened.toml")))
    with psycopg.connect(cluster.dsn(dbname="mri", password=PASSWORD), autocommit=True) as connection:
        install(connection)
        names = [name for (name,) in connection.execute(TABLES).fetchall()]
        for name in names:
            connection.execute("SELECT pgguard_audit.audit(%s::regclass)", (name,))
    report = inspect(cluster, text("hardened.toml"))
    # whether the archiver has met a segment yet is a matter of the moment
    new = {
        key: one
        for key, one in said(report).items()
        if one[0] > Severity.LOW and key not in before and key[0] != "backup-not-archived"
    }
    assert names
    assert new == {}
    judged = {one.check: one.verdict for one in report.outcomes}
    assert [check for check, verdict in judged.items() if verdict is Verdict.UNKNOWN] == []
    for check in ("audit-disabled", "audit-bypass", "audit-tamperable", "audit-missing"):
        assert judged[check] is Verdict.PASS, check
