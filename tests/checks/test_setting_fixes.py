"""ALTER SYSTEM out of findings: applied, the checks are silent; undone, all is as before."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import psycopg

from pgguard.analysis.settings import change
from pgguard.checks import all_checks
from pgguard.model.policy import Policy
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Change, Finding

FAMILIES = (
    "net-",
    "log-",
    "conf-",
    "backup-",
    "pwd-plain",
    "pwd-no-throttling",
    "pwd-low",
    "grant-public-large-object",
)
BAD = {
    "ssl": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "zero_damaged_pages": "on",
    "ignore_checksum_failure": "on",
    "ignore_system_indexes": "on",
    "allow_system_table_mods": "on",
    "row_security": "off",
    "session_replication_role": "replica",
    "lo_compat_privileges": "on",
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "authentication_timeout": "5min",
    "password_encryption": "md5",
    "log_min_messages": "fatal",
    "log_line_prefix": "it's ",
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "debug_print_plan": "on",
    "log_file_mode": "0666",
    "unix_socket_permissions": "0777",
    "shared_preload_libraries": "auth_delay,auto_explain",
    "auto_explain.log_min_duration": "0",
}
SINCE = {
    "ssl_min_protocol_version": (12, "TLSv1"),
    "log_parameter_max_length_on_error": (13, "-1"),
    "scram_iterations": (16, "1024"),
}


def look(cluster: Cluster) -> list[Finding]:
    checks = [one for one in all_checks() if one.id.startswith(FAMILIES)]
    report = judge(
        read_snapshot(Target(cluster.dsn())),
        Policy(),
        today=datetime.date(2026, 11, 24),
        checks=checks,
    )
    return [one.finding for outcome in report.outcomes for one in outcome.findings]


def in_sql(finding: Finding) -> list[Change]:
    return [one for one in finding.fix if not one.sql.startswith("--")]


def said(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(one.subject.name, one.evidence) for one in findings}


def test_parameters_are_put_right_and_back_again(new_cluster: Callable[..., Cluster]) -> None:
    one = new_cluster(listen=["127.0.0.1"], tls=True)
    one.set(**BAD)
    one.set(**{name: value for name, (since, value) in SINCE.items() if since <= one.postgres.major})
    rules = "local all all trust\nhost all all 10.0.0.0/8 scram-sha-256\n"
    (one.data_directory / "pg_hba.conf").write_text(rules, encoding="utf-8")
    one.restart()
    with psycopg.connect(one.dsn(), autocommit=True) as admin:
        admin.execute('CREATE TABLE patient (nir text); CREATE ROLE "c.martin" LOGIN')
    before = look(one)
    mended = {finding.subject for finding in before if in_sql(finding)}
    changes = list(dict.fromkeys(change for finding in before for change in in_sql(finding)))
    assert {subject.name for subject in mended} >= (BAD.keys() | {"ssl"}) - {"shared_preload_libraries"}
    for step in changes:
        execute(one, step.sql)
    one.restart()
    # what waits for a certificate, or for a log that somebody keeps, is left to people
    after = {finding.subject for finding in look(one)}
    assert {subject.name for subject in after & mended} <= {"archive_mode"}
    for step in reversed(changes):
        execute(one, step.undo)
    one.restart()
    assert said(look(one)) == said(before)


def execute(cluster: Cluster, text: str) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        admin.execute(text.encode())


def test_the_undo_of_a_parameter_that_alter_system_had_set(new_cluster: Callable[..., Cluster]) -> None:
    one = new_cluster()
    execute(one, "ALTER SYSTEM SET authentication_timeout = '5min'")
    one.reload()
    first = change(read_snapshot(Target(one.dsn())), "authentication_timeout", "60s")
    execute(one, first.sql)
    execute(one, first.undo)
    one.reload()
    with psycopg.connect(one.dsn()) as connection:
        assert connection.execute("SHOW authentication_timeout").fetchone() == ("5min",)
    second = change(read_snapshot(Target(one.dsn())), "fsync", "on")
    assert second.undo.startswith("ALTER SYSTEM RESET fsync;")
