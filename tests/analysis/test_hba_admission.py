"""Who is let in, on paper: passwords, dates, sessions, and networks of the policy."""

from __future__ import annotations

import pytest

from pgguard.analysis.admission import admissions, is_expired, obstacles, outside
from pgguard.checks import pwd_expired_still_open
from pgguard.errors import Unread
from pgguard.model import rows
from pgguard.model.policy import Networks, Policy
from pgguard.model.snapshot import Missing
from tests.analysis.hba_snapshots import role, rule, snapshot


@pytest.mark.parametrize(
    ("until", "expired"),
    [
        ("", False),
        ("2025-12-31T23:59:59.000000Z", True),
        ("2026-01-02T00:00:00.000000Z", False),
        ("12025-01-01T00:00:00.000000Z", False),
    ],
)
def test_valid_until_is_judged_by_the_moment_of_the_snapshot(until: str, expired: bool) -> None:
    one = role("a", valid_until=until)
    assert is_expired(snapshot([], roles=[one]), one) is expired


def test_a_session_outlives_the_date_of_its_password() -> None:
    session = rows.Session(
        1, "a", "d", "psql", "", "", "idle", "client backend", False, "", "", "", False, False
    )
    gone = role("a", valid_until="2020-01-01T00:00:00.000000Z")
    made = snapshot(["host all all all scram-sha-256"], roles=[gone], sessions=(session,))
    (finding,) = pwd_expired_still_open.find(made, Policy())
    assert finding.evidence == "a was valid until 2020-01-01 and has 1 open session"
    unseen = snapshot(["host all all all scram-sha-256"], roles=[gone], sessions=Missing("hidden"))
    with pytest.raises(Unread):
        list(pwd_expired_still_open.find(unseen, Policy()))


def test_without_the_verifiers_each_login_counts_as_having_one() -> None:
    lines = ["host all all all scram-sha-256"]
    nobody = snapshot(lines, roles=["a"], verifiers=(rows.Verifier("a", "none", 0),))
    assert admissions(nobody) == ()
    unread = snapshot(lines, roles=["a"], verifiers=Missing("permission denied"))
    assert [list(entry.logins) for entry in admissions(unread)] == [["a"]]


def test_an_invalid_database_takes_nobody() -> None:
    made = snapshot(["host all all all trust"], roles=[role("a", superuser=True)], databases=())
    broken = rows.Database(1, "half", "postgres", "", True, -2, False, "UTF8")
    made._sections = {**made._sections, "databases": (broken,)}
    assert admissions(made) == ()
    why = list(obstacles(made, made.roles[0], "half", rule(1, "host all all all trust")))
    assert why == ["half was left half removed by DROP DATABASE"]


def test_outside_is_what_lies_beyond_the_policys_networks() -> None:
    lines = ["host all all 10.0.0.0/7 scram-sha-256", "local all all trust", "host all all samehost trust"]
    made = snapshot(lines, roles=["a"])
    policy = Policy(networks=Networks(internal=("10.0.0.0/8",)))
    assert [(entry.rule.line, entry.addresses.networks()) for entry in outside(made, policy)] == [
        (1, "11.0.0.0/8")
    ]
