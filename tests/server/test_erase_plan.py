"""What a plan refuses, all of it at once, and what it tells of other places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pgguard.errors import InputError
from pgguard.nightly import erasing
from pgguard.server import erase_after
from pgguard.server.connect import Target
from pgguard.server.erase_read import session
from pgguard.store.erasure_folder import Journal
from tests.server.erasing_by import OLD, admin, hold, ids, planned, policy, rule, server, target

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from tests.server.erasing_by import Admin

__all__ = ["admin", "server", "target"]


def test_everything_that_is_wrong_is_said_at_once(admin: Admin, target: Target) -> None:
    admin.execute("""
        CREATE TABLE lab.a (id int PRIMARY KEY, age text); CREATE TABLE lab.b (id int PRIMARY KEY);
        CREATE VIEW lab.v AS SELECT 1 AS id, now() AS age;
        CREATE TABLE lab.c (id int PRIMARY KEY, age date, name text NOT NULL, shape point NOT NULL);
        CREATE TABLE lab.d (id int, age date); CREATE RULE kept AS ON DELETE TO lab.d DO INSTEAD NOTHING;
        CREATE TABLE lab.e (id int, age date);
    """)
    chosen = policy(
        rule("lab.a"),
        rule("lab.b"),
        rule("lab.v"),
        rule("lab.c", action='"anonymise"', columns='["id", "shape", "gone"]'),
        rule("lab.d"),
        rule("lab.e"),
        rule("lab.f", database='"erasing"'),
        hold("lab.e", "id = (SELECT 1)"),
        hold("lab.e", "other = 1"),
    )
    with pytest.raises(InputError) as refused:
        planned(target, chosen)
    said = str(refused.value)
    for text in (
        "lab.a: age is text",
        "lab.b: it has no column age",
        "lab.v: it is a view",
        "lab.c: id is part of a key",
        "lab.c: shape is NOT NULL, and its type point",
        "lab.c: it has no column gone",
        "lab.d: a rule of lab.d changes",
        "there is no table lab.f",
        "a subquery reads other rows",
        "there is no column other",
    ):
        assert text in said, text
    with pytest.raises(InputError, match=r"two rules for lab\.e contradict"):
        planned(target, policy(rule("lab.e"), rule("lab.c", copies='["lab.e"]', months=12)))
    with pytest.raises(InputError, match=r"there is no table lab\.nowhere"):
        planned(target, policy(rule("lab.e")), tables=["lab.nowhere"])
    with pytest.raises(InputError, match="no retention rule is for a table"):
        planned(target, policy(rule("lab.elsewhere")))


def test_months_that_take_every_row_are_refused(admin: Admin, target: Target) -> None:
    admin.execute("CREATE TABLE lab.e (id int, age date)")
    with pytest.raises(InputError, match="0 months would take every row"):
        planned(target, policy(rule("lab.e", months=0)))


def test_who_does_not_see_all_rows_or_may_not_is_refused(admin: Admin, server: Cluster) -> None:
    admin.execute("""
        CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA lab TO clerk;
        CREATE TABLE lab.result (id int, age date); ALTER TABLE lab.result ENABLE ROW LEVEL SECURITY;
        GRANT SELECT, UPDATE, DELETE ON lab.result TO clerk;
        CREATE TABLE lab.other (id int, age date); GRANT SELECT ON lab.other TO clerk;
    """)
    try:
        clerk = Target(server.dsn(user="clerk", dbname="erasing"))
        with pytest.raises(InputError) as refused:
            planned(clerk, policy(rule("lab.result"), rule("lab.other")))
    finally:
        admin.execute("DROP OWNED BY clerk; DROP ROLE clerk")
    assert "lab.result: row security hides rows" in str(refused.value)
    assert "lab.other: this login may not: GRANT SELECT, UPDATE, DELETE" in str(refused.value)


def test_a_plan_is_refused_when_the_catalog_or_the_rules_have_changed(admin: Admin, target: Target) -> None:
    admin.execute(
        f"CREATE TABLE lab.result (id int PRIMARY KEY, age date); INSERT INTO lab.result VALUES (1, '{OLD}')"
    )
    chosen = policy(rule("lab.result"))
    plan = erasing.plan(target, chosen)
    with pytest.raises(InputError, match="have changed since the plan"):
        erasing.run(target, lambda: policy(rule("lab.result", months=60)), plan, Journal(None))
    admin.execute("CREATE TABLE lab.note (id int, result int REFERENCES lab.result)")
    with pytest.raises(InputError, match="have changed since the plan"):
        erasing.run(target, lambda: chosen, plan, Journal(None))
    assert ids(admin, "lab.result") == {1}


def test_what_holds_the_same_data_elsewhere_is_told(admin: Admin, target: Target) -> None:
    admin.execute("""
        CREATE TABLE lab.patient (id int PRIMARY KEY, nir text, nom text, prenom text, age date);
        CREATE TABLE lab.patient_bak (id int, nir text, nom text, prenom text, age date);
        CREATE TABLE lab.moved (id int);
        CREATE VIEW lab.names AS SELECT nom FROM lab.patient;
        CREATE MATERIALIZED VIEW lab.counted AS SELECT count(nom) FROM lab.names;
        CREATE FUNCTION lab.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER keep AFTER DELETE ON lab.patient FOR EACH ROW EXECUTE PROCEDURE lab.keep();
        CREATE PUBLICATION told FOR TABLE lab.patient;
    """)
    try:
        staging = '[[staging]]\ntable = "lab.moved"\nreason = "migration"\nuntil = 2020-01-01\n'
        elsewhere = rule("lab.other", database='"other"')
        plan = erasing.plan(target, policy(rule("lab.patient"), rule("lab.gone"), elsewhere, staging))
    finally:
        admin.execute("DROP PUBLICATION told")
    assert {(one.kind, one.name) for one in plan.dependents} == {
        ("materialized view", "lab.counted"),
        ("copy", "lab.patient_bak"),
        ("publication", "told"),
        ("trigger", "keep of lab.patient"),
        ("staging", "lab.moved"),
    }
    assert plan.dry.fires == ("lab.patient: keep (lab.keep())",)
    assert any("there is no table lab.gone" in one for one in plan.notes)
    assert any("the rule for lab.other is for the database other" in one for one in plan.notes)


def test_one_run_at_a_time(admin: Admin, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    admin.execute("CREATE TABLE lab.result (id int, age date)")
    chosen = policy(rule("lab.result"))
    plan = erasing.plan(target, chosen)
    monkeypatch.setattr(erase_after, "_WAIT_SECONDS", 0.05)
    with session(target) as other:
        erase_after.alone(other)
        with pytest.raises(InputError, match="another erasure is at work"):
            erasing.run(target, lambda: chosen, plan, Journal(None))
    erasing.run(target, lambda: chosen, plan, Journal(None))
