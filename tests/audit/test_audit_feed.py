"""What the nightly run tells somebody, and of whom it says nothing."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.checks import named
from pgguard.errors import InputError
from pgguard.model.audit_alarm import Limits
from pgguard.model.finding import Verdict
from pgguard.model.observation import Coverage, LoginFailure
from pgguard.model.policy import Policy
from pgguard.model.reads import MEANS, ReadSeen
from pgguard.nightly.beside import audit_alarms, with_all
from pgguard.observe.store import ObservationStore
from pgguard.report.judge import judge
from pgguard.server.audit_feed import feed
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from tests.audit.store import with_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess

    from pgguard.demo.cluster import Cluster

    Connection = psycopg.Connection[Any]

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)
# at noon, so that hours of the night are on the same day
NOON = datetime.datetime.now(datetime.UTC).replace(hour=12, minute=0, second=0, microsecond=0) - DAY
SINCE, UNTIL = NOON - 12 * HOUR, NOON + 12 * HOUR
LIMITS = Limits(mass=100, services=frozenset({"interface"}))


@pytest.fixture(scope="module")
def store(running: Cluster) -> str:
    """A store that is 40 days old, with entries put in by hand for their times."""
    dsn = with_store(running, "feeding")
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("CREATE SCHEMA lab")
        admin.execute("CREATE TABLE lab.patient (id bigint PRIMARY KEY)")
        admin.execute("SELECT pgguard_audit.audit('lab.patient', 'id')")
        admin.execute("UPDATE pgguard_audit.installation SET created_at = %s", (NOON - 40 * DAY,))
        _habits(admin)
        _the_day(admin)
    return dsn


def _habits(admin: Connection) -> None:
    for back in range(2, 20):
        for login in ("usual", "massive", "traveller", "owl"):
            _wrote(admin, login, NOON - back * DAY)
        _wrote(admin, "night_nurse", NOON - back * DAY + 11 * HOUR)
        _wrote(admin, "importer", NOON - back * DAY, 200)
        _wrote(admin, "lis", NOON - back * DAY, claim="unsigned: dr.calm")
        _wrote(admin, "interface", NOON - back * DAY)


def _the_day(admin: Connection) -> None:
    _wrote(admin, "usual", NOON, 5)
    _wrote(admin, "massive", NOON, LIMITS.mass)
    _wrote(admin, "importer", NOON, 250)
    _wrote(admin, "interface", NOON, 1000)
    _wrote(admin, "interface", NOON - 10 * HOUR, 1000)
    _wrote(admin, "lis", NOON, LIMITS.mass, claim="unsigned: dr.calm")
    _wrote(admin, "traveller", NOON, client="203.0.113.7")
    _wrote(admin, "newcomer", NOON)
    _wrote(admin, "owl", NOON - 10 * HOUR)
    _wrote(admin, "night_nurse", NOON - 13 * HOUR + DAY)
    _wrote(admin, "forger", NOON, claim="forged: somebody set pgguard.claim himself")
    for verb in ("AUDIT OFF", "WATCH"):
        admin.execute(
            "INSERT INTO pgguard_audit.entry (id, at, began, xid, pid, verb, login, role, object) "
            "VALUES (nextval('pgguard_audit.entry_id'), %s, now(), 1, 1, %s, 'dba', 'none', 'lab.patient')",
            (NOON, verb),
        )


def _wrote(
    admin: Connection,
    login: str,
    at: datetime.datetime,
    count: int = 1,
    client: str = "10.0.0.1",
    claim: str = "",
) -> None:
    admin.execute(
        "INSERT INTO pgguard_audit.entry (id, at, began, xid, pid, shape, verb, login, role, authenticated, "
        "client, claimed, key, subject) SELECT nextval('pgguard_audit.entry_id'), %s, now(), 1, 1, "
        "(SELECT min(id) FROM pgguard_audit.shape), 'UPDATE', %s, 'none', %s, %s, nullif(%s, ''), g::text, "
        "g::text FROM generate_series(1, %s) AS g",
        (at, login, login, client, claim, count),
    )


def test_what_is_out_of_the_ordinary_is_told_and_nothing_else(store: str) -> None:
    found = feed(Target(store), SINCE, UNTIL, LIMITS)
    assert {(one.rule, one.login) for one in found.alarms} == {
        ("mass-change", "massive"),
        # the program is not measured by itself, but what it does for somebody is
        ("mass-change", "lis"),
        ("new-origin", "traveller"),
        ("new-origin", "newcomer"),
        ("new-origin", "forger"),
        ("odd-hours", "owl"),
        ("forged-claim", "forger"),
        ("audit-off", "dba"),
        ("catalog-watch", "dba"),
    }
    assert len(found.alarms) == len(set(found.alarms))
    [mass] = [one for one in found.alarms if one.login == "massive"]
    assert f"{LIMITS.mass} rows" in mass.evidence
    [doctor] = [one for one in found.alarms if one.login == "lis"]
    assert doctor.claimed == "unsigned: dr.calm"


def test_a_young_store_does_not_call_everything_new(store: str) -> None:
    with psycopg.connect(store, autocommit=True) as admin:
        admin.execute("UPDATE pgguard_audit.installation SET created_at = %s", (SINCE - DAY,))
        try:
            found = feed(Target(store), SINCE, UNTIL, LIMITS)
        finally:
            admin.execute("UPDATE pgguard_audit.installation SET created_at = %s", (NOON - 40 * DAY,))
    assert not {"new-origin", "odd-hours"} & {one.rule for one in found.alarms}
    assert any("new origins" in one for one in found.unjudged)


def _observed(path: Path, means: tuple[str, ...] = ("log", MEANS)) -> None:
    begins, ends = (f"{one:%Y-%m-%dT%H:%M:%SZ}" for one in (SINCE, UNTIL))
    with ObservationStore(path) as kept:
        for one in means:
            kept.add_coverage(Coverage(begins, ends, one, "server.log", True, True, True, 0))
        for second in range(LIMITS.failures):
            at = f"{NOON + datetime.timedelta(seconds=second):%Y-%m-%dT%H:%M:%SZ}"
            kept.add([LoginFailure(at, f"guess{second}", "feeding", "", "198.51.100.4", "scram", "28P01")])
        kept.add(
            [LoginFailure(f"{NOON:%Y-%m-%dT%H:%M:%SZ}", "typo", "feeding", "", "10.0.0.1", "scram", "28P01")]
        )
        kept.kept_reads.add(
            [
                _read("reader", NOON, 5),
                _read("exporter", NOON, LIMITS.mass),
                _read("interface", NOON, 100 * LIMITS.mass),
                _read("statistician", NOON - 3 * DAY, LIMITS.mass),
                _read("statistician", NOON, LIMITS.mass),
            ],
            [],
        )


def _read(login: str, at: datetime.datetime, count: int) -> ReadSeen:
    return ReadSeen(
        *(
            f"{at:%Y-%m-%dT%H:%M:%SZ}",
            f"{login}.1",
            "feeding",
            login,
            login,
            "psql",
            "10.0.0.1",
            "lab.patient",
        ),
        ("id",),
        "named",
        "COPY",
        "pgaudit session",
        count,
        1,
    )


def test_the_command_tells_them_as_alerts_with_what_the_log_told(
    store: str, tmp_path: Path, pgguard: Callable[..., CompletedProcess[str]]
) -> None:
    policy = tmp_path / "pgguard.toml"
    policy.write_text(
        '[[service]]\nrole = "interface"\nowner = "IT"\npurpose = "laboratory machines"\n', encoding="utf-8"
    )
    seen = tmp_path / "seen.db"
    _observed(seen)
    told = pgguard(
        *("audit", "feed", store, "--since", SINCE.isoformat(), "--until", UNTIL.isoformat()),
        *("--mass", str(LIMITS.mass), "--observations", str(seen), "--policy", str(policy)),
    )
    assert told.returncode == 1, told.stderr
    documents = [json.loads(line) for line in told.stdout.splitlines()]
    assert {one["event"]["kind"] for one in documents} == {"alert"}
    rules = {(one["rule"]["name"], one.get("user", {}).get("name", "")) for one in documents}
    assert {("failed-logins", ""), ("mass-read", "exporter"), ("audit-off", "dba")} <= rules
    assert not {"reader", "interface", "statistician", "typo"} & {login for _, login in rules}
    [failed] = [one for one in documents if one["rule"]["name"] == "failed-logins"]
    assert failed["event"]["outcome"] == "failure"
    assert failed["source"]["ip"] == "198.51.100.4"


def test_what_could_not_be_judged_is_never_in_order(
    store: str, tmp_path: Path, pgguard: Callable[..., CompletedProcess[str]]
) -> None:
    quiet = (NOON + 13 * HOUR).isoformat(), (NOON + 14 * HOUR).isoformat()
    window = ("--since", quiet[0], "--until", quiet[1])
    nothing = pgguard("audit", "feed", store, *window)
    assert nothing.returncode == 3
    assert "not judged: failed logins" in nothing.stderr
    seen = tmp_path / "seen.db"
    _observed(seen, ())
    unwatched = pgguard("audit", "feed", store, *window, "--observations", str(seen))
    assert unwatched.returncode == 3
    assert "no log of this window" in unwatched.stderr
    absent = pgguard("audit", "feed", store, *window, "--observations", str(tmp_path / "absent.db"))
    assert absent.returncode == InputError.exit_code


def test_the_report_tells_of_reads_when_they_are_given(
    store: str, tmp_path: Path, pgguard: Callable[..., CompletedProcess[str]]
) -> None:
    seen = tmp_path / "seen.db"
    _observed(seen)
    told = pgguard("audit", "report", store, "--subject", "1", "--reads", str(seen))
    assert told.returncode == 0, told.stderr
    assert "exporter read lab.patient" in told.stdout
    assert "not of this patient alone" in told.stdout


def test_every_night_the_stores_are_asked(store: str, running: Cluster) -> None:
    snapshot = read_snapshot(Target(store), ["feeding"])
    now = datetime.datetime.fromisoformat(snapshot.server.now)
    with psycopg.connect(store, autocommit=True) as admin:
        _wrote(admin, "by_night", now - HOUR, 1200)
    policy = Policy()
    report = judge(
        with_all(snapshot, policy, server=Target(store)),
        policy,
        today=now.date(),
        checks=[named("act-audit-alarm")],
    )
    found = {one.finding.subject.name: one.finding for one in report.outcomes[0].findings}
    assert "1200 rows in 60 minutes" in found["by_night"].evidence
    assert "usual" not in found
    saved = judge(with_all(snapshot, policy), policy, today=now.date(), checks=[named("act-audit-alarm")])
    assert saved.outcomes[0].verdict is Verdict.NOT_APPLICABLE


def test_a_store_that_may_not_be_read_is_not_a_quiet_one(store: str, running: Cluster) -> None:
    snapshot = read_snapshot(Target(store), ["feeding"])
    with psycopg.connect(store, autocommit=True) as admin:
        admin.execute("CREATE ROLE blind LOGIN")
    blind = Target(running.dsn(dbname="feeding", user="blind"))
    report = judge(
        snapshot.alarmed(audit_alarms(snapshot, blind, Policy())),
        Policy(),
        today=NOON.date(),
        checks=[named("act-audit-alarm")],
    )
    assert (report.outcomes[0].verdict, report.outcomes[0].findings) == (Verdict.UNKNOWN, ())
