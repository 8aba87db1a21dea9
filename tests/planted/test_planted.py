"""An imaging centre with flaws of every family, and its twin that is looked after: other names, languages
and ways of doing things than the demo's, so that the checks are not made to measure."""

from __future__ import annotations

import contextlib
import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.lab import desk
from pgguard.model.finding import Severity, Verdict
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.policy_file import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Report

FOLDER = Path(__file__).parent
PASSWORD = "made-up-Wq7-for-the-run"
TODAY = datetime.date(2026, 11, 24)
SINCE = {"idle_session_timeout": 14, "ssl_min_protocol_version": 12}


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def settings(lines: list[str], major: int) -> dict[str, str]:
    found = {}
    for line in lines:
        name, _, value = line.partition("=")
        if value and SINCE.get(name.strip(), 0) <= major:
            found[name.strip()] = value.strip().strip("'")
    return found


def load(cluster: Cluster, name: str) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("SET password_encryption = 'scram-sha-256'")
        connection.execute(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")
        connection.execute("CREATE DATABASE mri")
    with psycopg.connect(cluster.dsn(dbname="mri"), autocommit=True) as connection:
        connection.execute("SET password_encryption = 'scram-sha-256'")
        # one statement string is one implicit transaction, and CREATE ROLE reads the setting at once
        connection.execute(text(f"{name}.sql").encode())
    (cluster.data_directory / "pg_hba.conf").write_text(text(f"{name}.hba.conf"), encoding="utf-8")
    cluster.reload()


def inspect(cluster: Cluster, policy: str) -> Report:
    snapshot = read_snapshot(Target(cluster.dsn(dbname="mri", password=PASSWORD)))
    return judge(snapshot, parse(policy, "policy"), today=TODAY)


def said(report: Report) -> dict[tuple[str, str], tuple[Severity, str]]:
    return {
        (outcome.check, judged.finding.subject.name): (judged.severity, judged.finding.evidence)
        for outcome in report.outcomes
        for judged in outcome.findings
    }


def planted() -> list[tuple[str, str]]:
    lines = [
        line.removeprefix("-- flaw: ")
        for line in text("flawed.sql").splitlines()
        if line.startswith("-- flaw: ")
    ]
    lines += [line.split(" | ")[0].rstrip(" |") for line in text("flawed.conf").splitlines() if "|" in line]
    return [(check, subject) for check, subject in (line.strip().split(" ", 1) for line in lines)]


def test_every_planted_flaw_is_named_with_its_subject(new_cluster: Callable[..., Cluster]) -> None:
    lines = [line.partition("|")[2] for line in text("flawed.conf").splitlines() if "|" in line]
    with contextlib.ExitStack() as stack:
        cluster = new_cluster(
            listen=["127.0.0.1"], tls=True, checksums=False, settings={"ssl_ca_file": "server.crt"}
        )
        load(cluster, "flawed")
        cluster.set(**settings(lines, cluster.postgres.major))
        cluster.restart()
        for address, application in (
            ("127.0.0.21", "psql"),
            ("127.0.0.22", "DBeaver"),
            ("127.0.0.23", "HeidiSQL"),
        ):
            stack.enter_context(desk(cluster, "reception", "mri", address, application))
        found = said(inspect(cluster, ""))
    missing = [flaw for flaw in planted() if flaw not in found]
    assert len(planted()) > 60
    assert missing == []


@pytest.mark.skipif(
    int(os.environ.get("PGGUARD_TEST_MAJOR", "15")) < 11, reason="its tables use features of 11"
)
def test_the_twin_that_is_looked_after_hears_nothing_above_low(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(listen=["127.0.0.1"], tls=True, checksums=True)
    load(cluster, "hardened")
    cluster.set(**settings(text("hardened.conf").splitlines(), cluster.postgres.major))
    cluster.restart()
    report = inspect(cluster, text("hardened.toml"))
    loud = {key: value for key, value in said(report).items() if value[0] > Severity.LOW}
    assert loud == {}
    unknown = [(one.check, one.reason) for one in report.outcomes if one.verdict is Verdict.UNKNOWN]
    assert unknown == []
