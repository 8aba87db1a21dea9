"""How fixes become files: merged, ordered, kept apart, or left to a person with a reason."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.expression import split
from pgguard.changes.functions import set_search_path
from pgguard.changes.manual import by_hand
from pgguard.changes.ownership import change_owner
from pgguard.changes.privileges import grant, revoke
from pgguard.changes.roles import alter_role
from pgguard.changes.settings import alter_system
from pgguard.changes.tables import enable
from pgguard.model.finding import Finding, Judged, Outcome, Report, Severity, Subject, Verdict
from pgguard.model.plan import Plan
from pgguard.model.rows import PUBLIC, Session
from pgguard.model.section import Missing
from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
from pgguard.plan.findings import steps_of
from pgguard.plan.migration import migrations
from pgguard.server.read import read_open
from tests.plan.rights import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Change
    from pgguard.model.plan import Step

SETUP = """
CREATE ROLE ward; CREATE ROLE nurse LOGIN IN ROLE ward; CREATE ROLE admin LOGIN SUPERUSER;
CREATE SCHEMA clin;
CREATE TABLE clin.patient (id int, nir text, ward text);
GRANT SELECT, UPDATE ON clin.patient TO ward;
GRANT SELECT (nir), UPDATE (ward), INSERT (nir) ON clin.patient TO ward;
GRANT UPDATE (nir) ON clin.patient TO ward WITH GRANT OPTION;
GRANT REFERENCES, UPDATE ON clin.patient TO admin WITH GRANT OPTION;
GRANT REFERENCES (id) ON clin.patient TO admin WITH GRANT OPTION;
CREATE FUNCTION clin.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
"""


@pytest.fixture
def connection(cluster: Cluster) -> Iterator[psycopg.Connection]:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute(SETUP)
        yield connection
        connection.rollback()


@pytest.fixture
def snapshot(connection: psycopg.Connection) -> Snapshot:
    connection.execute("SAVEPOINT look")
    found = read_open(connection)
    connection.execute("ROLLBACK TO SAVEPOINT look")
    return found


def planned(
    snapshot: Snapshot, *fixes: tuple[Change, ...], planner: str = "", safe_only: bool = False
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The plan of a report with a finding for each fix; the findings are named a, b, c."""
    findings = [
        Judged(
            Finding(Subject("database", chr(ord("a") + number), "lab"), f"evidence {number}", fix=fix),
            f"fingerprint {chr(ord('a') + number)}",
            Severity.HIGH,
            "advice",
        )
        for number, fix in enumerate(fixes)
    ]
    outcome = Outcome("made-up", Severity.HIGH, (), Verdict.FAIL, tuple(findings))
    server = snapshot.server
    report = Report(
        "here", server.version, ("lab",), server.now, planner or server.inspected_as, (), "", "", (outcome,)
    )
    return steps_of(report, snapshot, floor=Severity.LOW, safe_only=safe_only)


def said(steps: tuple[Step, ...]) -> list[str]:
    return [change.sql for step in steps for change in step.changes]


def answered(steps: tuple[Step, ...]) -> set[str]:
    return {answer.subject for step in steps for answer in step.answers}


def test_one_statement_answers_all_who_want_it(snapshot: Snapshot) -> None:
    one = revoke(["SELECT"], "TABLE clin.patient", "ward", database="lab")
    steps, hands = planned(snapshot, (one,), (one,))
    assert said(steps).count(one.sql) == 1
    assert answered(steps) == {"a", "b"}
    assert hands == ()


def test_what_waits_for_a_hand_is_left_to_it(snapshot: Snapshot) -> None:
    before, after = (
        alter_role("nurse", "NOCREATEDB", "CREATEDB"),
        alter_system("archive_timeout", "60"),
    )
    steps, hands = planned(snapshot, (before, by_hand("first a tape", first=True), after))
    assert said(steps) == [before.sql]
    # the finding is not closed by half of it
    assert answered(steps) == set()
    assert any("first a tape" in text for text in hands)
    assert any(after.sql in text and "after the step before it" in text for text in hands)


def test_contradictions_are_left_to_a_person(snapshot: Snapshot) -> None:
    for one, other in (
        (
            grant(["DELETE"], "TABLE clin.patient", "ward", database="lab"),
            revoke(["DELETE", "UPDATE"], "TABLE clin.patient", "ward", database="lab"),
        ),
        (
            set_search_path("clin.f()", ["clin"], None, database="lab"),
            set_search_path("clin.f()", ["pg_catalog"], None, database="lab"),
        ),
        (alter_system("log_statement", "ddl"), alter_system("log_statement", "none")),
        (
            change_owner("FUNCTION clin.f()", "ward", "postgres", database="lab"),
            change_owner("FUNCTION clin.f()", "nurse", "postgres", database="lab"),
        ),
        (
            alter_role("nurse", "CONNECTION LIMIT 5", "CONNECTION LIMIT -1"),
            alter_role("nurse", "CONNECTION LIMIT 2", "CONNECTION LIMIT -1"),
        ),
    ):
        steps, hands = planned(snapshot, (one,), (other,))
        assert steps == ()
        assert [
            sum(each.sql in text and "decide which" in text for text in hands) for each in (one, other)
        ] == [
            2,
            2,
        ]


def test_rights_are_given_in_the_file_that_takes_and_never_alone(snapshot: Snapshot) -> None:
    given = grant(["CONNECT"], "DATABASE lab", "ward")
    taken = revoke(["CONNECT"], "DATABASE lab", PUBLIC)
    (step,), _ = planned(snapshot, (given, taken))
    assert [change.sql for change in step.changes] == [given.sql, taken.sql]
    steps, hands = planned(snapshot, (given, taken), planner="nurse")
    # nurse is of ward, which gets it by the same fix
    assert said(steps) == [given.sql, taken.sql]
    other = grant(["CONNECT"], "DATABASE lab", "admin")
    steps, hands = planned(snapshot, (other, taken), planner="nurse")
    assert steps == ()
    assert any(taken.sql in text and "GRANT CONNECT first" in text for text in hands)


def test_who_plans_keeps_what_he_has(snapshot: Snapshot) -> None:
    of_group = revoke(["SELECT"], "TABLE clin.patient", "ward", database="lab")
    steps, hands = planned(snapshot, (of_group,), planner="nurse")
    assert steps == ()
    assert any("through ward" in text for text in hands)
    for attribute in ("NOLOGIN", "NOSUPERUSER", "CONNECTION LIMIT 1"):
        steps, hands = planned(snapshot, (alter_role("admin", attribute, "LOGIN"),), planner="admin")
        assert steps == ()
        assert any("would lock himself out" in text for text in hands)


def test_a_superuser_that_can_log_in_is_left(snapshot: Snapshot) -> None:
    fixes = [
        (alter_role(role.name, "NOSUPERUSER", "SUPERUSER"),)
        for role in snapshot.roles
        if role.superuser and role.login
    ]
    steps, hands = planned(snapshot, *fixes, planner="nurse")
    assert steps == ()
    assert sum("no superuser that can log in would be left" in text for text in hands) == len(fixes)
    steps, _ = planned(snapshot, *fixes[1:], planner="nurse")
    assert len(said(steps)) == len(fixes) - 1


def test_a_trigger_that_has_to_fire_always_is_enabled_once(snapshot: Snapshot) -> None:
    fixes = [
        (enable("TRIGGER", "t", "clin.patient", "D", always=always, database="lab"),)
        for always in (False, True)
    ]
    steps, _ = planned(snapshot, *fixes)
    assert said(steps) == [fixes[1][0].sql]
    assert answered(steps) == {"a", "b"}


def test_what_cannot_be_undone_is_apart_with_what_touches_the_same_entry(snapshot: Snapshot) -> None:
    on = "TABLE clin.patient"
    lost = revoke(["UPDATE"], on, "ward", database="lab", grantable=True, cascade=True)
    near = revoke(["SELECT"], on, "ward", database="lab")
    far = revoke(["TRUNCATE"], on, "nurse", database="lab")
    steps, _ = planned(snapshot, (lost,), (near,), (far,))
    plain, final = steps
    assert [change.sql for change in plain.changes] == [far.sql]
    assert {lost.sql, near.sql} <= {change.sql for change in final.changes}
    assert plain.slug + "_final" == final.slug


@pytest.mark.parametrize("option_only", [False, True])
def test_rights_on_columns_come_back_with_those_on_the_table(
    connection: psycopg.Connection, snapshot: Snapshot, option_only: bool
) -> None:
    on = "TABLE clin.patient"
    change = revoke(["SELECT", "UPDATE"], on, "ward", database="lab")
    if option_only:
        change = revoke(["REFERENCES", "UPDATE"], on, "admin", database="lab", grant_option_only=True)
    steps, hands = planned(snapshot, (change,))
    assert hands == ()
    plan = Plan("here", snapshot.server.version, snapshot.server.now, "postgres", steps)
    (file,) = migrations(plan)
    before = in_words(connection, "columns"), in_words(connection, "relations")
    for text in (file.up, file.down):
        for statement in split(text):
            if statement not in ("BEGIN", "COMMIT"):
                connection.execute(statement.encode())
        if text == file.up:
            connection.execute(file.verify.encode())
            rows = [row for row in in_words(connection, "columns") if row[0] == "clin.patient"]
            if option_only:
                assert not any(row[-1] for row in rows if row[-2] == "REFERENCES")
            else:
                assert {row[-2] for row in rows if row[1] != "id"} == {"INSERT"}
    assert (in_words(connection, "columns"), in_words(connection, "relations")) == before


def test_who_is_connected_can_connect_again(snapshot: Snapshot) -> None:
    taken = revoke(["CONNECT"], "DATABASE lab", PUBLIC)
    backend = ("", "", "", "active", "client backend")
    session = Session(1, "nurse", "lab", *backend, False, "", "", "", False, False)
    busy = Snapshot({**snapshot._sections, "sessions": (session,)}, snapshot.inspected)
    steps, hands = planned(busy, (taken,))
    assert steps == ()
    assert any("nurse, who is logged in there now" in text for text in hands)
    for name in ("nurse", "ward"):
        steps, _ = planned(busy, (grant(["CONNECT"], "DATABASE lab", name), taken))
        assert taken.sql in said(steps)
    elsewhere = Snapshot({**snapshot._sections, "sessions": ()}, snapshot.inspected)
    assert said(planned(elsewhere, (taken,))[0]) == [taken.sql]


def test_an_owner_keeps_its_own_entry(connection: psycopg.Connection, snapshot: Snapshot) -> None:
    change = revoke(["SELECT"], "TABLE clin.patient", "ward", database="lab")
    steps, _ = planned(snapshot, (change,))
    plan = Plan("here", snapshot.server.version, snapshot.server.now, "postgres", steps)
    (file,) = migrations(plan)
    # it became the owner after the plan was made
    connection.execute("ALTER TABLE clin.patient OWNER TO ward")
    guard = next(one for one in split(file.up) if one.startswith("DO"))
    with pytest.raises(psycopg.errors.RaiseException, match="not the one that was planned on"):
        connection.execute(guard.encode())
    connection.rollback()


def test_a_login_is_not_closed_while_nobody_knows_who_uses_it(snapshot: Snapshot) -> None:
    change = alter_role("nurse", "NOLOGIN", "LOGIN")
    steps, _ = planned(snapshot, (change,))
    assert said(steps) == [change.sql]
    blind = Snapshot({**snapshot._sections, "sessions": Missing("not allowed")}, snapshot.inspected)
    steps, hands = planned(blind, (change,))
    assert steps == ()
    assert any("could not be seen" in text for text in hands)


def test_without_sight_of_columns_nothing_is_promised_to_come_back(snapshot: Snapshot) -> None:
    change = revoke(["SELECT"], "TABLE clin.patient", "ward", database="lab")
    (lab,) = (one for one in snapshot.inspected if one.name == "lab")
    half = DatabaseSnapshot({**lab._sections, "columns": Missing("not allowed")}, "lab")
    blind = Snapshot(snapshot._sections, [half])
    (step,), _ = planned(blind, (change,))
    assert [(one.sql, one.undo) for one in step.changes] == [(change.sql, "")]
    assert step.slug.endswith("_final")


def test_only_what_is_safe(snapshot: Snapshot) -> None:
    safe, other = alter_system("log_statement", "ddl"), alter_system("row_security", "on")
    steps, hands = planned(snapshot, (safe,), (other,), safe_only=True)
    assert said(steps) == [safe.sql]
    assert any(other.sql in text and "only what is safe" in text for text in hands)
    # half of a fix is none
    steps, _ = planned(snapshot, (safe, other), safe_only=True)
    assert steps == ()


def test_a_file_is_short_enough_to_be_read(snapshot: Snapshot) -> None:
    fix = tuple(
        revoke([name], f"TABLE clin.t{number}", "ward", database="lab")
        for number in range(150)
        for name in ("SELECT", "DELETE")
    )
    steps, _ = planned(snapshot, fix)
    assert len(steps) > 2
    assert max(len(step.changes) for step in steps) <= 100
    assert sorted(said(steps)) == sorted(change.sql for change in fix)
    for step in steps:
        tables = [change.sql.split()[4] for change in step.changes]
        assert all(tables.count(name) == 2 for name in tables)
        assert [answer.subject for answer in step.answers] == ["a"]


def test_what_could_not_be_judged_is_said(snapshot: Snapshot) -> None:
    unknown = Outcome("made-up", Severity.HIGH, (), Verdict.UNKNOWN, (), "permission denied")
    server = snapshot.server
    report = Report("here", server.version, (), server.now, "x", (), "", "", (unknown,))
    again = dataclasses.replace(unknown, check="another")
    steps, hands = steps_of(
        dataclasses.replace(report, outcomes=(unknown, again)), snapshot, floor=Severity.LOW
    )
    assert steps == ()
    assert hands == ("not judged, so that nothing is planned: made-up, another (permission denied)",)
