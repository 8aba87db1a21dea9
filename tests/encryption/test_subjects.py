"""Values with a key for each person: as everybody reads and writes them, and once somebody is erased."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import InputError
from pgguard.model.encryption import EncryptedColumn, EncryptedTable
from pgguard.plan.encryption import plan_encryption
from pgguard.server.connect import Target
from pgguard.server.shapes import read_shapes
from tests.encryption.attacks import Listener, forms, found
from tests.encryption.persons import PATIENTS, Persons, copied, persons
from tests.encryption.phases import KEK, planned, unlocked

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from pgguard.model.encryption import Form

FORMS: tuple[Form, ...] = ("view", "in-place")


def _state(connection: psycopg.Connection, query: str, *values: object) -> str:
    """The SQLSTATE of a statement, empty when it was done."""
    try:
        connection.execute(query.encode(), values or None)
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return ""


@pytest.fixture(scope="module", params=FORMS)
def template(running: Cluster, request: pytest.FixtureRequest) -> Persons:
    """Encrypted in each form, to be copied."""
    return persons(running, f"clinic_{request.param[:2]}", form=request.param)


@pytest.fixture(scope="module")
def lab(template: Persons) -> Persons:
    """Patients 3 and 4 are erased; nobody changes it."""
    laboratory = copied(template)
    for one in (3, 4):
        laboratory.erase(one)
    return laboratory


def test_an_erased_person_reads_as_null_and_the_others_as_ever(lab: Persons) -> None:
    assert lab.shows() == lab.expected(3, 4)
    with lab.session("biologist") as connection:
        assert lab.read("visit", connection) == lab.expected(3, 4)[1]
    # the ciphertext is there still, and the key-encryption key is in hand
    assert lab.ask(f"SELECT count(born_pgg1) FROM {lab.stored('patient')}") == [(PATIENTS,)]
    assert lab.ask("SELECT count(*), count(wrapped) FROM pgguard.subject_key") == [(PATIENTS, PATIENTS - 2)]


def test_a_session_that_wants_to_know_is_told(lab: Persons) -> None:
    with lab.session() as connection:
        connection.execute("SET pgguard.erased = 'raise'")
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(lab.select("patient").encode())
        assert refused.value.sqlstate == "PGG06"
        known = connection.execute("SELECT id FROM kept.patient WHERE pgguard.erased__lab__patient(id)")
        assert sorted(known.fetchall()) == [(3,), (4,)]


def test_an_erased_person_is_not_found(lab: Persons) -> None:
    find = "SELECT id FROM pgguard.find__lab__patient__nir(%s)"
    assert lab.ask(find, "N5") == [(5,)]
    assert lab.ask(find, "N3") == []
    assert lab.ask(f"SELECT id FROM {lab.stored('patient')} WHERE nir_find IS NULL ORDER BY 1") == [
        (3,),
        (4,),
    ]


def test_masks_of_an_erased_person_are_empty(lab: Persons) -> None:
    if lab.form == "in-place":
        pytest.skip("there are no masks")
    with lab.session("secretary") as connection:
        rows = connection.execute("SELECT id, born, note FROM lab.patient WHERE id IN (2, 3)").fetchall()
    assert sorted((id_, str(born), note) for id_, born, note in rows) == [
        (2, "1930-01-01", "**** 2"),
        (3, "None", None),
    ]


def test_two_persons_have_two_keys(lab: Persons) -> None:
    """A value does not open as another person's, even in its own row."""
    with lab.session("biologist") as connection:
        query = (
            "SELECT pgguard.open__lab__visit__said(said_pgg1, id, {}) FROM "
            f"{lab.stored('visit')} WHERE id = 10"
        )
        assert connection.execute(query.format("patient_id").encode()).fetchall() == [("said 10",)]
        assert _state(connection, query.format("7")) == "PGG02"
        assert _state(connection, query.format("999999")) == "PGG03"
        assert connection.execute(query.format("3").encode()).fetchall() == [(None,)]
    secrets = lab.secrets()
    assert len(set(secrets.values())) == len(secrets) == PATIENTS - 2


def test_readers_and_writers_reach_no_secret(lab: Persons) -> None:
    """What anybody but pgguard_keys can call, and what they hear when they try the rest."""
    keys = [form for secret in lab.secrets().values() for form in forms(secret)]
    tried = [
        "TABLE pgguard.subject_key",
        "TABLE pgguard.subject_table",
        "UPDATE pgguard.subject_key SET wrapped = NULL",
        "SELECT pgguard.subject_secret('patient', int8send(1))",
        "SELECT pgguard.subject_ready('patient', int8send(1))",
        "SELECT pgguard.subject_kept(pgguard.subject_name('patient', int8send(1)))",
        "SELECT pgguard.subject_rewrap('', 1)",
        "SELECT pgguard.subject__lab__patient('1')",
        "SELECT pgguard.session_keys('pgguard.subject_subject')",
        "SELECT current_setting('pgguard.subject_subject'), current_setting('pgguard.name_subject')",
        "SET client_min_messages = debug5",
        "SET debug_print_plan = on",
        "SET pgguard.erased = 'raise'",
        f"SELECT * FROM {lab.stored('patient')}",
        f"SELECT pgguard.open__lab__visit__said(said_pgg1, id, 2) FROM {lab.stored('visit')}",
        f"EXPLAIN (ANALYZE, VERBOSE) {lab.select('patient')}",
    ]
    for role in ("biologist", "secretary"):
        with lab.session(role) as connection:
            listener = Listener(connection)
            listener.run(*tried)
        assert set(listener.states[:9]) == {"42501"}
        assert found(listener.heard, [*keys, *forms(KEK)]) == []
        rows = lab.ask(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'pgguard'::regnamespace"
            " AND proname ~ '^(subject|erased)' AND has_function_privilege(%s, oid, 'EXECUTE')",
            role,
        )
        assert {one for (one,) in rows} <= {"erased__lab__patient", "erased__lab__visit"}


@pytest.fixture
def own(template: Persons) -> Persons:
    """A laboratory of the test's own."""
    return copied(template)


def test_writing_for_an_erased_person(own: Persons) -> None:
    own.erase(3)
    with own.session() as connection:
        for refused in (
            "INSERT INTO lab.visit (id, patient_id, said) VALUES (900, 3, 'x')",
            "UPDATE lab.patient SET note = 'x' WHERE id = 3",
            "UPDATE lab.visit SET patient_id = 3 WHERE id = 20",
            # what nobody can read becomes nobody else's
            "UPDATE lab.visit SET patient_id = 5 WHERE patient_id = 3",
        ):
            assert _state(connection, refused) == "PGG06", refused
        assert _state(connection, "UPDATE lab.patient SET seen = 1 WHERE id = 3") == ""
        assert _state(connection, "UPDATE lab.visit SET id = id + 500 WHERE patient_id = 3") == ""
        assert _state(connection, "UPDATE lab.visit SET patient_id = 5, said = 'new' WHERE id = 504") == ""
        assert _state(connection, "DELETE FROM lab.visit WHERE id = 505") == ""
        assert _state(connection, "SELECT pgguard.prove__lab__visit(%s)", own.stored("visit")) == ""
    assert own.read("visit")[504] == ("new",)
    assert own.read() == own.expected(3)[0]


def test_a_row_that_becomes_another_persons_is_sealed_for_them(own: Persons) -> None:
    own.ask("UPDATE lab.visit SET patient_id = 20 WHERE id = 10")
    assert own.read("visit") == own.kept("visit")
    own.erase(6)
    assert own.read("visit")[10] == ("said 10",)
    assert own.read("visit")[11] == (None,)
    own.erase(20)
    assert own.read("visit")[10] == (None,)
    # and somebody who is new gets a key with that
    own.ask("UPDATE lab.visit SET patient_id = 5000 WHERE id = 12")
    assert own.read("visit")[12] == ("said 12",)
    assert own.ask("SELECT count(wrapped) FROM pgguard.subject_key") == [(PATIENTS - 2 + 1,)]


def test_after_a_rotation_nothing_is_left_under_the_old_key(own: Persons) -> None:
    own.erase(3)
    for group in ("main", "special"):
        own.ask("SELECT pgguard.new_key(%b, %s, 'data')", KEK, group)
    for table in ("patient", "visit"):
        own.ask(f"SELECT pgguard.reseal__lab__{table}(%s, 0, 1000)", own.stored(table))
    (current,) = own.ask("SELECT pgguard.current_key('main')")[0]
    under = own.ask(f"SELECT DISTINCT substr(born_pgg1, 2, 4) FROM {own.stored('patient')}")
    assert under == [(current,)]
    assert own.shows() == own.expected(3)
    own.ask("SELECT pgguard.prove__lab__patient(%s)", own.stored("patient"))


@pytest.mark.parametrize("form", FORMS)
def test_the_way_back_after_an_erasure(running: Cluster, form: Form) -> None:
    """Others' values come back; those of the erased person stay unreadable, and required ones stop it."""
    own = persons(running, f"back_{form[:2]}", form=form)
    own.erase(3)
    own.phases.down("contract")
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.NotNullViolation)):
        own.phases.down("soak")
    # rows whose required values are gone are the site's to delete
    own.ask(f"DELETE FROM {own.stored('patient')} WHERE id = 3")
    own.ask(f"DELETE FROM {own.stored('visit')} WHERE patient_id = 3")
    own.phases.down("soak", *(["switch"] if own.form == "view" else []), "verify", "backfill", "expand")
    for table, key in (("patient", "id"), ("visit", "patient_id")):
        listed = "id, nir, born, note" if table == "patient" else "id, patient_id, said"
        query = f"SELECT {listed} FROM {{}}.{table} WHERE {key} <> 3 ORDER BY id"
        assert own.ask(query.format("lab")) == own.ask(query.format("kept"))
    assert own.ask("SELECT * FROM pgguard.subject_table") == []


def test_two_sessions_make_one_key_for_somebody_new(own: Persons) -> None:
    insert = "INSERT INTO lab.visit (id, patient_id, said) VALUES (%s, %s, 'first')"
    for number, ends in ((700, "COMMIT"), (800, "ROLLBACK")):
        with own.session() as one, own.session() as other:
            one.execute("BEGIN")
            one.execute(insert, (number, number))
            waiting = threading.Thread(target=other.execute, args=(insert, (number + 1, number)))
            waiting.start()
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s"
            while own.ask(query, other.info.backend_pid) == [(0,)]:
                assert waiting.is_alive()
            one.execute(ends.encode())
            waiting.join()
    assert {own.read("visit").get(one) for one in (700, 701, 801)} == {("first",)}
    assert 800 not in own.read("visit")
    assert own.ask("SELECT count(*) FROM pgguard.subject_key") == [(PATIENTS + 2,)]


def test_many_sessions_begin_with_the_same_persons(own: Persons) -> None:
    lab = own
    start = threading.Barrier(4)

    def work(number: int) -> None:
        with lab.session() as connection:
            start.wait()
            for person in range(1000, 1015):
                connection.execute(
                    "INSERT INTO lab.visit (id, patient_id, said) VALUES (%s, %s, %s)",
                    (number * 1000 + person, person, f"{number} {person}"),
                )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    visits = lab.read("visit")
    assert len(visits) == PATIENTS + 60
    assert all(visits[n * 1000 + p] == (f"{n} {p}",) for n in range(1, 5) for p in range(1000, 1015))
    assert lab.ask("SELECT count(*) FROM pgguard.subject_key") == [(PATIENTS + 15,)]


def test_a_transaction_from_before_seals_nothing_for_who_was_erased_since(own: Persons) -> None:
    with own.session() as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM kept.visit")
        own.erase(3)
        state = _state(connection, "INSERT INTO lab.visit (id, patient_id, said) VALUES (901, 3, 'late')")
    assert state == "40001"
    assert 901 not in own.read("visit")


def test_sessions_without_a_key_go_on_writing_until_all_is_proved(running: Cluster) -> None:
    lab = persons(running, "tolerant", through="backfill")
    with psycopg.connect(lab.phases.dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO lab.visit VALUES (910, 77, 'without a key')")
    assert lab.ask("SELECT said, said_pgg1 FROM lab.visit WHERE id = 910") == [("without a key", None)]
    lab.phases.up("verify", "switch", "soak", "contract")
    assert lab.read("visit")[910] == ("without a key",)
    with psycopg.connect(lab.phases.dsn, autocommit=True) as connection:
        assert _state(connection, "INSERT INTO lab.visit VALUES (911, 77, 'x')") == "PGG01"


def test_a_person_can_decide_in_which_partition_a_row_is(running: Cluster) -> None:
    database = "parts"
    with psycopg.connect(running.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}".encode())
    with psycopg.connect(running.dsn(dbname=database), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE visit (id int, patient int NOT NULL, said text NOT NULL, PRIMARY KEY (id, patient))"
            " PARTITION BY RANGE (patient);"
            "CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (0) TO (10);"
            "CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM (10) TO (20);"
            "INSERT INTO visit SELECT g, g, 'said ' || g FROM generate_series(1, 18) AS g; ANALYZE"
        )
    columns = {"public.visit": (EncryptedColumn("said"),)}
    phases = planned(running, database, columns, subjects={"public.visit": ("patient", "")})
    phases.install()
    phases.up("expand", "backfill", "verify", "switch", "contract")
    with unlocked(phases.dsn) as connection:
        connection.execute("UPDATE visit SET patient = 15 WHERE id = 3")
        erased = connection.execute(
            "UPDATE pgguard.subject_key SET wrapped = NULL, destroyed_at = now() WHERE subject IN"
            " (pgguard.subject__public__visit('3'), pgguard.subject__public__visit('4'))"
        )
        assert erased.rowcount == 2
        rows = connection.execute("SELECT id, said FROM visit").fetchall()
        assert dict(rows) == {g: None if g == 4 else f"said {g}" for g in range(1, 19)}
        assert connection.execute("SELECT count(*) FROM visit_2").fetchone() == (10,)


REFUSED = {
    "may be NULL": ("a", "maybe"),
    "encrypted itself": ("a", "said"),
    "no such column": ("a", "nobody"),
    "key types": ("a", "whole"),
    "generated column": ("a", "made"),
}


@pytest.mark.parametrize("why", list(REFUSED))
def test_what_cannot_tell_whose_a_row_is_is_refused(running: Cluster, why: str) -> None:
    with psycopg.connect(running.dsn(), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS public.a (id int PRIMARY KEY, maybe int, said text NOT NULL, "
            "whole jsonb NOT NULL, made int GENERATED ALWAYS AS (id + 1) STORED NOT NULL, ok int NOT NULL)"
        )
    (shape,) = read_shapes(Target(running.dsn()), "postgres", ["public.a"])
    table = EncryptedTable("postgres", shape, (EncryptedColumn("said"),), subject="ok")
    steps, _ = plan_encryption([table], major=running.postgres.major)
    assert [one.slug for one in steps[:2]] == ["encryption_installed", "subject_keys_installed"]
    with pytest.raises(InputError, match=why):
        plan_encryption([replace(table, subject=REFUSED[why][1])], major=running.postgres.major)
