"""An imaging centre with flaws of every family, and its twin that is looked after: other names, languages
and ways of doing things than the demo's, so that the checks are not made to measure."""

from __future__ import annotations

import contextlib
import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from pgguard.analysis.versions import table
from pgguard.demo.lab import desk, flaws_named
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


def out_of_support(major: int) -> set[tuple[str, str]]:
    """What is rightly said of an old version, however well it is looked after."""
    now = datetime.datetime.now(tz=datetime.UTC).date()
    return {("patch-unsupported", "cluster")} if table().majors[major].ends < now else set()


def planted(major: int) -> list[tuple[str, str]]:
    lines = [line.partition("|")[0].split() for line in text("flawed.conf").splitlines() if "|" in line]
    by_settings = [(check, subject) for check, subject in lines if SINCE.get(subject, 0) <= major]
    return [*flaws_named(text("flawed.sql"), major), *by_settings]


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
        found = said(inspect(cluster, text("flawed.toml")))
    flaws = planted(cluster.postgres.major)
    missing = [flaw for flaw in flaws if flaw not in found]
    assert len(flaws) > 60
    assert missing == []


def test_the_twin_that_is_looked_after_hears_nothing_above_low(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(listen=["127.0.0.1"], tls=True, checksums=True)
    load(cluster, "hardened")
    cluster.set(**settings(text("hardened.conf").splitlines(), cluster.postgres.major))
    cluster.restart()
    report = inspect(cluster, text("hardened.toml"))
    waived = {
        (outcome.check, judged.finding.subject.name)
        for outcome in report.outcomes
        for judged in outcome.findings
        if judged.waived
    }
    loud = {
        key: value for key, value in said(report).items() if value[0] > Severity.LOW and key not in waived
    }
    assert set(loud) == out_of_support(cluster.postgres.major), loud
    unknown = [(one.check, one.reason) for one in report.outcomes if one.verdict is Verdict.UNKNOWN]
    assert unknown == []
