"""Erasing by rules, on real servers: which rows go, in which order, and what keeps them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import ApplyStopped, InputError
from pgguard.nightly import erasing
from pgguard.store.erasure_folder import Journal
from tests.server.erasing_by import (
    NEW,
    OLD,
    admin,
    batches,
    counted,
    erase,
    hold,
    ids,
    planned,
    policy,
    rule,
    server,
    target,
)

if TYPE_CHECKING:
    from pgguard.model.policy import Policy
    from pgguard.server.connect import Target
    from tests.server.erasing_by import Admin

__all__ = ["admin", "server", "target"]


def test_children_go_first_and_rows_that_stay_keep_what_they_reference(admin: Admin, target: Target) -> None:
    admin.execute(f"""
        CREATE TABLE lab.patient (id int PRIMARY KEY, age date);
        CREATE TABLE lab.result (id int PRIMARY KEY, patient_id int REFERENCES lab.patient, age timestamptz);
        CREATE TABLE lab.note (id int PRIMARY KEY, result_id int REFERENCES lab.result ON DELETE CASCADE);
        CREATE TABLE lab.bill (id int PRIMARY KEY, result_id int REFERENCES lab.result ON DELETE SET NULL);
        CREATE TABLE lab.letter (id int PRIMARY KEY, result_id int REFERENCES lab.result);
        INSERT INTO lab.patient SELECT n, '{OLD}' FROM generate_series(1, 6) AS n;
        INSERT INTO lab.patient VALUES (7, NULL);
        INSERT INTO lab.result VALUES (10, 1, '{OLD}'), (20, 2, '{NEW}'), (30, 3, '{OLD}'), (40, 4, '{OLD}'),
            (50, 5, '{OLD}');
        INSERT INTO lab.note VALUES (1, 10), (2, 20);
        INSERT INTO lab.bill VALUES (1, 30), (2, 20);
        INSERT INTO lab.letter VALUES (1, 40);
    """)
    chosen = policy(rule("lab.patient"), rule("lab.result"), hold("lab.result", "id = 50"))
    plan = erasing.plan(target, chosen)
    counts = {one.table: one for one in plan.dry.counts}
    assert list(counts) == ["lab.result", "lab.patient"]
    result, patient = counts["lab.result"], counts["lab.patient"]
    assert (result.rows, result.due, result.held, result.blocked, result.going) == (5, 4, 1, 1, 2)
    assert (patient.rows, patient.due, patient.held, patient.blocked, patient.going) == (7, 6, 1, 2, 3)
    assert patient.ageless == 1
    assert {(one.table, one.what, one.rows) for one in plan.dry.along} == {
        ("lab.note", "cascade", 1),
        ("lab.bill", "set null", 1),
    }
    record = erasing.run(target, lambda: chosen, plan, Journal(None))
    assert ids(admin, "lab.result") == {20, 40, 50}
    assert ids(admin, "lab.patient") == {2, 4, 5, 7}
    assert ids(admin, "lab.note") == {2}
    assert admin.execute("SELECT result_id FROM lab.bill WHERE id = 1").fetchall() == [(None,)]
    told = {one.table: (one.before, one.after, one.changed, one.held, one.blocked) for one in record.done}
    assert told == {
        "lab.result": (5, 3, 2, 1, 1),
        "lab.patient": (7, 4, 3, 1, 2),
        "lab.note": (2, 1, 1, 0, 0),
    }
    assert record.exit_code == 4
    assert any("1 rows have no age" in one for one in record.not_erased)
    again = erase(target, chosen)
    assert sum(one.changed for one in again.done) == 0


def test_composite_keys_partitions_and_tables_that_inherit(admin: Admin, target: Target) -> None:
    admin.execute(f"""
        CREATE TABLE lab.stay (site int, id int, age date, PRIMARY KEY (site, id));
        CREATE TABLE lab.measure (id int, site int, stay int, age date) PARTITION BY RANGE (age);
        CREATE TABLE lab.measure_old PARTITION OF lab.measure
            FOR VALUES FROM ('1990-01-01') TO ('2001-01-01');
        CREATE TABLE lab.measure_new PARTITION OF lab.measure
            FOR VALUES FROM ('2001-01-01') TO ('9999-01-01');
        CREATE TABLE lab.event (id int, age date);
        CREATE TABLE lab.alarm (loud boolean) INHERITS (lab.event);
        INSERT INTO lab.stay VALUES (1, 1, '{OLD}'), (1, 2, '{OLD}'), (2, 1, '{OLD}'), (2, 2, '{NEW}');
        INSERT INTO lab.measure VALUES (1, 1, 1, '{OLD}'), (2, 1, 2, '{NEW}');
        INSERT INTO lab.event VALUES (1, '{OLD}'), (2, '{NEW}');
        INSERT INTO lab.alarm VALUES (3, '{OLD}'), (4, '{NEW}');
    """)
    parts = ["lab.measure"] if admin.info.server_version >= 110000 else ["lab.measure_old", "lab.measure_new"]
    for part in parts:
        admin.execute(f"ALTER TABLE {part} ADD FOREIGN KEY (site, stay) REFERENCES lab.stay".encode())
    erasure = planned(target, policy(rule("lab.stay"), rule("lab.measure"), rule("lab.event")))
    assert [one.sql for one in counted(target, erasure).whole] == [
        "ALTER TABLE lab.measure DETACH PARTITION lab.measure_old; DROP TABLE lab.measure_old;"
    ]
    batches(target, erasure)
    assert ids(admin, "lab.measure") == {2}
    assert admin.execute("SELECT site, id FROM lab.stay ORDER BY 1, 2").fetchall() == [(1, 2), (2, 2)]
    assert ids(admin, "lab.event") == {2, 4}


def test_a_table_that_references_itself_goes_from_its_leaves(admin: Admin, target: Target) -> None:
    admin.execute(f"""
        CREATE TABLE lab.act (id int PRIMARY KEY, age date, part_of int REFERENCES lab.act,
            follows int REFERENCES lab.act);
        INSERT INTO lab.act VALUES
            (1, '{OLD}', NULL, NULL), (2, '{OLD}', 1, NULL), (3, '{OLD}', 2, NULL),
            (4, '{OLD}', NULL, NULL), (5, '{OLD}', 4, NULL), (6, '{NEW}', NULL, 5),
            (7, '{OLD}', 7, NULL), (8, '{OLD}', NULL, NULL), (9, '{OLD}', 8, NULL),
            (10, '{OLD}', NULL, NULL);
        UPDATE lab.act SET part_of = 9 WHERE id = 8;
    """)
    erasure = planned(target, policy(rule("lab.act"), hold("lab.act", "id = 10")))
    (one,) = counted(target, erasure).counts
    assert (one.due, one.held, one.blocked, one.going) == (9, 1, 2, 6)
    batches(target, erasure)
    assert ids(admin, "lab.act") == {4, 5, 6, 10}


def test_a_circle_is_broken_where_a_reference_may_be_set_to_null(admin: Admin, target: Target) -> None:
    admin.execute(f"""
        CREATE TABLE lab.team (id int PRIMARY KEY, age date, head int);
        CREATE TABLE lab.member (id int PRIMARY KEY, age date, team int NOT NULL REFERENCES lab.team);
        ALTER TABLE lab.team ADD CONSTRAINT led FOREIGN KEY (head) REFERENCES lab.member ON DELETE SET NULL;
        INSERT INTO lab.team VALUES (1, '{OLD}', NULL), (2, '{NEW}', NULL);
        INSERT INTO lab.member VALUES (1, '{OLD}', 1), (2, '{OLD}', 2);
        UPDATE lab.team SET head = id;
    """)
    batches(target, planned(target, policy(rule("lab.team"), rule("lab.member"))))
    assert ids(admin, "lab.member") == set()
    assert admin.execute("SELECT id, head FROM lab.team").fetchall() == [(2, None)]
    admin.execute("ALTER TABLE lab.team DROP CONSTRAINT led")
    admin.execute("ALTER TABLE lab.team ADD CONSTRAINT led FOREIGN KEY (head) REFERENCES lab.member")
    with pytest.raises(InputError, match=r"led.*circle \(lab.* -> lab"):
        planned(target, policy(rule("lab.team"), rule("lab.member")))


def test_rows_are_emptied_where_the_rule_says_so(admin: Admin, target: Target) -> None:
    admin.execute(f"""
        CREATE TABLE lab.patient (id int PRIMARY KEY, nir text NOT NULL, nom text, born date NOT NULL,
            extra jsonb NOT NULL, age date);
        CREATE TABLE lab.result (id int PRIMARY KEY, patient_id int REFERENCES lab.patient);
        INSERT INTO lab.patient SELECT n, 'nir ' || n, 'nom', '1950-01-01', '{{"a": 1}}', '{OLD}'
            FROM generate_series(1, 3) AS n;
        INSERT INTO lab.patient VALUES (4, 'nir 4', NULL, '1950-01-01', '{{}}', '{NEW}');
        INSERT INTO lab.result VALUES (1, 1), (2, 2), (4, 4);
    """)
    columns = '["nir", "nom", "born", "extra"]'
    chosen = policy(rule("lab.patient", action='"anonymise"', columns=columns), hold("lab.result", "id = 2"))
    erasure = planned(target, chosen)
    assert counted(target, erasure).counts[0].held == 1
    assert batches(target, erasure)["lab.patient"].changed == 2
    assert admin.execute(
        "SELECT id FROM lab.patient WHERE nir = '' AND nom IS NULL ORDER BY 1"
    ).fetchall() == [
        (1,),
        (3,),
    ]
    assert admin.execute("SELECT nir FROM lab.patient WHERE id IN (2, 4) ORDER BY id").fetchall() == [
        ("nir 2",),
        ("nir 4",),
    ]
    assert batches(target, erasure)["lab.patient"].changed == 0


def test_copies_follow_the_rule(admin: Admin, target: Target) -> None:
    admin.execute(f"""
        CREATE TABLE lab.result (id int, age date); CREATE TABLE lab.result_bak (id int, age date);
        INSERT INTO lab.result VALUES (1, '{OLD}');
        INSERT INTO lab.result_bak VALUES (1, '{OLD}'), (2, '{NEW}');
    """)
    batches(target, planned(target, policy(rule("lab.result", copies='["lab.result_bak"]'))))
    assert ids(admin, "lab.result") == set()
    assert ids(admin, "lab.result_bak") == {2}


def test_rows_that_come_of_age_after_the_plan_stay(admin: Admin, target: Target) -> None:
    admin.execute("CREATE TABLE lab.result (id int, age timestamptz)")
    admin.execute("INSERT INTO lab.result VALUES (1, now() - interval '12 months' + interval '1 second')")
    chosen = policy(rule("lab.result", months=12))
    plan = erasing.plan(target, chosen)
    time.sleep(1.2)
    erasing.run(target, lambda: chosen, plan, Journal(None))
    assert ids(admin, "lab.result") == {1}


def test_a_hold_that_is_added_during_the_run_counts_at_once(admin: Admin, target: Target) -> None:
    admin.execute("CREATE TABLE lab.result (id int PRIMARY KEY, age date)")
    admin.execute(f"INSERT INTO lab.result SELECT n, '{OLD}' FROM generate_series(1, 4000) AS n")
    before = policy(rule("lab.result"))
    after = policy(rule("lab.result"), hold("lab.result", "id > 3000"))
    plan = erasing.plan(target, before)
    asked = 0

    def load() -> Policy:
        nonlocal asked
        asked += 1
        return before if asked < 10 else after

    record = erasing.run(target, load, plan, Journal(None))
    assert ids(admin, "lab.result") == set(range(3001, 4001))
    assert record.done[0].held == 1000


def test_a_hold_that_cannot_be_read_any_more_stops_the_run(admin: Admin, target: Target) -> None:
    admin.execute("CREATE TABLE lab.result (id int PRIMARY KEY, age date)")
    admin.execute(f"INSERT INTO lab.result SELECT n, '{OLD}' FROM generate_series(1, 3000) AS n")
    chosen = policy(rule("lab.result"))
    broken = policy(rule("lab.result"), hold("lab.result", "now() > age"))
    plan = erasing.plan(target, chosen)
    asked = 0

    def load() -> Policy:
        nonlocal asked
        asked += 1
        return chosen if asked < 6 else broken

    with pytest.raises(ApplyStopped, match="nothing goes on"):
        erasing.run(target, load, plan, Journal(None))
    assert ids(admin, "lab.result")


def test_rows_that_others_hold_are_left_and_told(admin: Admin, target: Target) -> None:
    admin.execute("CREATE TABLE lab.result (id int PRIMARY KEY, age date)")
    admin.execute(f"INSERT INTO lab.result SELECT n, '{OLD}' FROM generate_series(1, 50) AS n")
    chosen = policy(rule("lab.result"))
    with psycopg.connect(target.dsn) as other:
        other.execute("UPDATE lab.result SET age = age WHERE id = 7")
        record = erase(target, chosen)
        assert (record.done[0].changed, record.done[0].locked) == (49, 1)
        assert not record.done[0].clear
        assert record.exit_code == 4
        other.rollback()
    assert erase(target, chosen).done[0].after == 0


def test_a_trigger_that_refuses_is_told_without_its_words(admin: Admin, target: Target) -> None:
    admin.execute(f"""
        CREATE TABLE lab.result (id int PRIMARY KEY, age date);
        INSERT INTO lab.result SELECT n, '{OLD}' FROM generate_series(1, 40) AS n;
        CREATE FUNCTION lab.no() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.id = 13 THEN RAISE EXCEPTION 'patient Marie Dupont'; END IF;
            IF OLD.id = 14 THEN RETURN NULL; END IF;
            RETURN OLD;
        END $$;
        CREATE TRIGGER no BEFORE DELETE ON lab.result FOR EACH ROW EXECUTE PROCEDURE lab.no();
    """)
    took = batches(target, planned(target, policy(rule("lab.result"))))["lab.result"]
    assert ids(admin, "lab.result") == {13, 14}
    assert (took.changed, took.refused) == (38, 1)
    assert "Dupont" not in repr(took)
    assert "the server's log says why" in " ".join(took.said)


def test_a_child_that_is_added_meanwhile_is_never_taken_along(admin: Admin, target: Target) -> None:
    admin.execute(f"""
        CREATE TABLE lab.patient (id int PRIMARY KEY, age date);
        CREATE TABLE lab.result (id int, patient_id int REFERENCES lab.patient ON DELETE CASCADE, age date);
        INSERT INTO lab.patient SELECT n, '{OLD}' FROM generate_series(1, 3000) AS n;
        CREATE INDEX ON lab.result (patient_id);
    """)
    added: list[int] = []
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(target.dsn, autocommit=True) as other:
            number = 3000
            while not stop.is_set() and number > 0:
                try:
                    other.execute("INSERT INTO lab.result VALUES (%s, %s, current_date)", (number, number))
                    added.append(number)
                except psycopg.errors.ForeignKeyViolation:
                    pass
                number -= 7

    writer = threading.Thread(target=write)
    writer.start()
    try:
        batches(target, planned(target, policy(rule("lab.patient"), rule("lab.result"))))
    finally:
        stop.set()
        writer.join()
    assert added
    assert ids(admin, "lab.result") == set(added)
    assert ids(admin, "lab.patient") == set(added)


def test_names_that_need_quotes(admin: Admin, target: Target) -> None:
    admin.execute(f"""
        CREATE TABLE lab."Pat ient" ("I""d" int PRIMARY KEY, "A ge" date, "na;me" text NOT NULL);
        CREATE TABLE lab."select" (id int, "from" int REFERENCES lab."Pat ient", "A ge" date);
        INSERT INTO lab."Pat ient" VALUES (1, '{OLD}', 'x'), (2, '{OLD}', 'x'), (3, '{OLD}', 'x');
        INSERT INTO lab."select" VALUES (1, 1, '{NEW}'), (2, 2, '{OLD}');
    """)
    chosen = policy(
        rule(r"lab.\"Pat ient\"", age="A ge", action='"anonymise"', columns='["na;me"]'),
        rule(r"lab.\"select\"", age="A ge"),
        hold(r"lab.\"Pat ient\"", r"\"I\"\"d\" = 3"),
    )
    batches(target, planned(target, chosen))
    assert ids(admin, 'lab."select"') == {1}
    emptied = admin.execute("""SELECT "I""d" FROM lab."Pat ient" WHERE "na;me" = '' ORDER BY 1""").fetchall()
    assert emptied == [(1,), (2,)]
