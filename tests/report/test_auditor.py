"""The auditor's login: what it sees more than a plain pg_monitor login, and what stays unknown."""

from __future__ import annotations

import datetime
import re
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.binaries import find_postgres
from pgguard.model.finding import Severity
from pgguard.report.auditor import ROLE, grants, hint
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.policy_file import parse
from tests.snapshots import differences

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Report
    from pgguard.model.snapshot import Snapshot

# what is never granted, so that only a superuser's inspection has it
_NEVER = {
    "verifiers",
    "password_guesses",
    "hba_quotes",
    "user_mappings",
    "planner_statistics",
    "subscriptions",
}
_POLICY = f'[[service]]\nrole = "{ROLE}"\nowner = "RSSI"\npurpose = "security inspection"\n'


def run_with_psql(cluster: Cluster, text: str) -> str:
    # a psql of any version will do
    client = find_postgres()
    if client.psql is None:
        pytest.skip("no psql is installed")
    where = ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres", "-d", "postgres"]
    done = subprocess.run(
        [client.psql, "-X", "-v", "ON_ERROR_STOP=1", *where],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env=client.environment(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def judged(snapshot: Snapshot, policy: str = "") -> Report:
    return judge(snapshot, parse(policy, "a test's policy"), today=datetime.date(2026, 11, 25))


def incomplete(report: Report) -> set[str]:
    return {outcome.check for outcome in report.outcomes if outcome.incomplete}


@pytest.fixture
def clinic(new_cluster: Callable[..., Cluster]) -> Cluster:
    """A cluster with something in each place that is silently hidden from others than superusers."""
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for statement in (
            "CREATE DATABASE lab",
            "REVOKE CONNECT ON DATABASE lab FROM PUBLIC",
            'CREATE DATABASE "it\'s ""odd""\n; SELECT 1/0; --"',
            "CREATE ROLE watcher LOGIN IN ROLE pg_monitor",
            "CREATE FOREIGN DATA WRAPPER wrapper",
            "CREATE SERVER elsewhere FOREIGN DATA WRAPPER wrapper",
            "CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (password 'b')",
        ):
            connection.execute(statement)
    return cluster


def test_the_auditor_sees_all_but_what_is_not_to_be_granted(clinic: Cluster) -> None:
    superuser = read_snapshot(Target(clinic.dsn()))
    watcher = read_snapshot(Target(clinic.dsn(user="watcher", dbname="postgres")))
    text = grants(superuser)
    run_with_psql(clinic, text)
    assert "CREATE ROLE" not in run_with_psql(clinic, text)
    auditor = read_snapshot(Target(clinic.dsn(user=ROLE, dbname="postgres")))

    hidden = {name for _, name, _ in auditor.all_missing()}
    by_nature = {name for _, name, _ in superuser.all_missing()}
    before_11 = {"config_files"} if clinic.postgres.major < 11 else set()
    assert hidden <= _NEVER | by_nature | before_11
    assert hidden < {name for _, name, _ in watcher.all_missing()}
    assert incomplete(judged(auditor)) < incomplete(judged(watcher))
    # what it does see is what a superuser sees
    seen = read_snapshot(Target(clinic.dsn()))
    apart = {"server_rows", "sessions", *hidden}
    assert differences(seen, auditor, apart) == {}


def test_the_sql_for_every_version_grants_what_that_for_this_cluster_does(clinic: Cluster) -> None:
    run_with_psql(clinic, grants(None))
    by_any = read_snapshot(Target(clinic.dsn()))
    run_with_psql(clinic, grants(by_any))
    # only what a membership's options are from 16 on may differ
    assert differences(by_any, read_snapshot(Target(clinic.dsn())), {"server_rows", "memberships"}) == {}
    assert len(read_snapshot(Target(clinic.dsn(user=ROLE, dbname="lab"))).inspected) == 3


def test_what_is_found_of_the_auditor_itself_is_no_news(clinic: Cluster) -> None:
    before = judged(read_snapshot(Target(clinic.dsn())))
    known = {(one.check, two.finding.subject) for one in before.outcomes for two in one.findings}
    run_with_psql(clinic, grants(read_snapshot(Target(clinic.dsn()))))
    after = judged(read_snapshot(Target(clinic.dsn())), _POLICY)
    news = [
        (one.check, two.finding.subject.name, two.finding.evidence)
        for one in after.outcomes
        for two in one.findings
        if (one.check, two.finding.subject) not in known and two.severity > Severity.LOW
    ]
    assert news == []


def test_it_is_undone_as_the_comments_say(clinic: Cluster) -> None:
    before = read_snapshot(Target(clinic.dsn()))
    text = grants(before)
    run_with_psql(clinic, text)
    undo = text[text.index("-- To undo it") :].splitlines()[1:]
    odd = "DATABASE \"it's"
    # the odd name's line end splits its comment: that statement is put together here
    assert sum(odd in line for line in undo) == 1
    kept = [line.removeprefix("--     ") for line in undo if odd not in line and "SELECT 1/0" not in line]
    kept.insert(0, f'REVOKE CONNECT ON DATABASE "it\'s ""odd""\n; SELECT 1/0; --" FROM {ROLE};')
    run_with_psql(clinic, "\n".join(kept))
    after = read_snapshot(Target(clinic.dsn()))
    assert ROLE not in {role.name for role in after.roles}
    # an ACL that was the default is now spelled out, and says the same
    assert {
        relation.name for database in after.inspected for relation in database.relations if relation.system
    } <= {
        relation.name for database in before.inspected for relation in database.relations if relation.system
    }


def test_no_line_of_a_name_leaves_its_comment(clinic: Cluster) -> None:
    role = 'r"\n; DROP TABLE x; \\! id\r; $create$'
    text = grants(read_snapshot(Target(clinic.dsn())), role)
    tail = text[text.index("-- Give it a password") :]
    assert all(line.startswith("--") or not line for line in re.split(r"[\r\n]", tail))
    run_with_psql(clinic, text)
    with psycopg.connect(clinic.dsn()) as connection:
        assert connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()


def test_an_existing_role_keeps_its_attributes(clinic: Cluster) -> None:
    run_with_psql(clinic, "CREATE ROLE dba SUPERUSER LOGIN CONNECTION LIMIT 9;")
    run_with_psql(clinic, grants(read_snapshot(Target(clinic.dsn())), "dba"))
    role = read_snapshot(Target(clinic.dsn())).role("dba")
    assert role is not None
    assert (role.superuser, role.connection_limit) == (True, 9)


def test_hints_name_the_grant_that_helps(clinic: Cluster) -> None:
    run_with_psql(clinic, "CREATE ROLE little LOGIN; REVOKE SELECT ON pg_catalog.pg_proc FROM PUBLIC;")
    snapshot = read_snapshot(Target(clinic.dsn(user="little", dbname="postgres")))
    hints = {
        name: hint(name, reason, "little") for where, name, reason in snapshot.all_missing() if where != "lab"
    }
    assert hints["hba_rules"] == (
        "GRANT SELECT ON pg_catalog.pg_hba_file_rules TO little; "
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules() TO little"
    )
    assert hints["sessions"] == "GRANT pg_read_all_stats TO little (pg_monitor holds it)"
    assert hints["functions"] == "GRANT SELECT ON pg_catalog.pg_proc TO little"
    for name in _NEVER & hints.keys():
        assert hints[name].startswith("inspect as a superuser")
    # following the hints shows the sections
    followed = [
        one.split(" (")[0] if "pg_monitor" in one else one for one in hints.values() if "GRANT" in one
    ]
    run_with_psql(clinic, ";\n".join(followed) + ";")
    again = read_snapshot(Target(clinic.dsn(user="little", dbname="postgres")))
    shown = {name for where, name, _ in again.all_missing() if where != "lab"}
    assert not shown & {"hba_rules", "sessions", "functions", "file_settings"}


@pytest.mark.parametrize(
    ("section", "reason", "expected"),
    [
        (
            "hba_rules",
            "droit refusé pour la vue pg_hba_file_rules",
            "GRANT SELECT ON pg_catalog.pg_hba_file_rules",
        ),
        ("verifiers", "droit refusé pour la table pg_authid", "inspect as a superuser"),
        ("config_files", "absolute path not allowed", "inspect as a superuser"),
        ("schemas", "permission denied: x may not connect to it", 'GRANT CONNECT ON this database TO "A b"'),
        ("schemas", "it refuses all connections", ""),
        ("relations", "canceling statement due to lock timeout", ""),
        ("ident_rules", "PostgreSQL shows pg_ident.conf from version 15 on", ""),
    ],
)
def test_hints_for_other_reasons(section: str, reason: str, expected: str) -> None:
    said = hint(section, reason, "A b")
    assert said.startswith(expected)
    assert bool(said) == bool(expected)
