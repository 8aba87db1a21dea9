"""One person erased for good: what is asked first, what goes, and what copies from before still open."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.errors import InputError, UsageError
from pgguard.report import keys_subject as report
from pgguard.server import keys, keys_destroy, keys_subject
from pgguard.store.kek_provider import Kek
from tests.encryption.attacks import forms, found
from tests.encryption.persons import PATIENTS, Persons, copied, persons
from tests.encryption.phases import KEK
from tests.encryption.test_leaks import EXPLAINING, TALKATIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

LONG = "PGGUARD_LONG" in os.environ
OTHER_KEK = bytes(range(32))


def _quiet(_text: str) -> None:
    pass


@pytest.fixture(scope="module")
def template(running: Cluster) -> Persons:
    return persons(running)


@pytest.fixture
def own(template: Persons) -> Persons:
    """A laboratory of the test's own."""
    return copied(template)


def _epoch(lab: Persons, *, at_once: bool = False) -> keys_subject.NewEpoch:
    return keys_subject.new_epoch(lab.target, Kek(lab.kek), at_once=at_once, say=_quiet)


def _rotated_kek(lab: Persons) -> Persons:
    keys.rotate_kek(lab.target, Kek(lab.kek), Kek(OTHER_KEK), host_file="", say=_quiet)
    return replace(lab, kek=OTHER_KEK)


def test_only_who_knows_how_many_values_are_lost_erases_them(own: Persons) -> None:
    for given in (None, 5):
        with pytest.raises(UsageError, match=r"5 values|--yes-erase-values [46]") as refused:
            keys_subject.destroy_subject(
                own.target, Kek(KEK), "lab.patient", "3", erase=given and given + 9, say=_quiet
            )
        assert "3" not in str(refused.value).split()
    assert own.shows() == own.expected()
    done = own.erase(3)
    assert [(one.name, one.rows, one.indexed) for one in done.tables] == [
        ("lab.patient", 1, 1),
        ("lab.visit", 2, 0),
    ]
    assert done.rewritten
    assert not done.before
    assert own.shows() == own.expected(3)
    again = own.erase(3, "lab.visit", agreed=False)
    assert again.before
    told = report.erased(done)
    assert told.index("new-epoch") < told.index("rotate-kek")


def test_what_is_no_person_here_is_refused_without_a_word_of_it(own: Persons) -> None:
    for person in ("4711081542", "karlsson"):
        with pytest.raises(InputError) as refused:
            own.erase(person, agreed=False)
        assert person not in str(refused.value)
    with pytest.raises(UsageError, match="no key for each person"):
        own.erase(3, "lab.staff", agreed=False)
    assert own.shows() == own.expected()


def test_a_persons_first_value_is_waited_for(own: Persons) -> None:
    done: list[keys_subject.Erasure] = []

    def erase() -> None:
        done.append(
            keys_subject.destroy_subject(own.target, Kek(KEK), "lab.visit", "9000", erase=1, say=_quiet)
        )

    with own.session() as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO lab.visit (id, patient_id, said) VALUES (900, 9000, 'first')")
        erasing = threading.Thread(target=erase)
        erasing.start()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
        while own.ask(waits) == [(0,)]:
            assert erasing.is_alive()
        connection.execute("COMMIT")
        erasing.join()
    assert [one.values for one in done[0].tables] == [0, 1]
    assert own.read("visit")[900] == (None,)


def test_clear_values_beside_the_sealed_ones_are_not_erased_by_a_key(running: Cluster) -> None:
    lab = persons(running, "soaking", through="soak")
    with pytest.raises(UsageError, match="contract"):
        lab.erase(3)
    assert lab.shows() == lab.expected()


def test_nothing_of_an_erased_person_is_in_indexes_and_statistics(own: Persons) -> None:
    own.ask(f"ANALYZE {own.stored('patient')}")
    ((digest,),) = own.ask(f"SELECT nir_find FROM {own.stored('patient')} WHERE id = 3")
    kept = (
        "SELECT count(*) FROM pg_stats WHERE attname = 'nir_find'"
        " AND position(%s IN histogram_bounds::text) > 0"
    )
    assert own.ask(kept, bytes(digest).hex()) == [(1,)]
    own.erase(3)
    assert own.ask(kept, bytes(digest).hex()) == [(0,)]
    assert own.ask(f"SELECT count(*) FROM {own.stored('patient')} WHERE nir_find = %s", digest) == [(0,)]


def test_the_file_of_the_keys_holds_no_wrapped_secret_any_more(own: Persons) -> None:
    query = "SELECT wrapped FROM pgguard.subject_key WHERE subject = pgguard.subject__lab__patient('3')"
    wrapped = bytes(own.ask(query)[0][0])
    page = (
        "SELECT position(%s::bytea IN pg_read_binary_file(pg_relation_filepath('pgguard.subject_key'))) > 0"
    )
    own.ask("CHECKPOINT")
    assert own.ask(page, wrapped) == [(True,)]
    assert own.erase(3).rewritten
    own.ask("CHECKPOINT")
    assert own.ask(page, wrapped) == [(False,)]


def test_after_a_new_epoch_a_copy_from_before_needs_the_old_key(own: Persons) -> None:
    """The attack: who has the new key-encryption key puts what a backup held back into the database."""
    wrapped = own.ask("SELECT subject, wrapped FROM pgguard.subject_key ORDER BY subject")
    name = own.ask("SELECT pgguard.subject__lab__patient('3')")[0][0]
    key = own.ask("SELECT id, epoch, wrapped FROM pgguard.key WHERE purpose = 'subject'")[0]
    back = "UPDATE pgguard.subject_key SET wrapped = %s, destroyed_at = NULL WHERE subject = %s"
    old = next(bytes(one) for subject, one in wrapped if subject == name)
    own.erase(3)
    # the control: as long as the subject key is the same, the wrapped secret of a backup opens
    own.ask(back, old, name)
    assert own.read("visit") == own.expected()[1]
    own.erase(3)
    done = _epoch(own)
    assert (done.used, done.wrapped, done.rewritten) == (True, PATIENTS - 1, True)
    assert own.shows() == own.expected(3)
    now = _rotated_kek(own)
    assert now.shows() == now.expected(3)
    now.ask(back, old, name)
    with pytest.raises(psycopg.Error) as refused:
        now.read("visit")
    assert refused.value.sqlstate == "PGG03"
    # nor does the old subject key open, as any key-encryption key but that of then wrapped it
    now.ask(
        "UPDATE pgguard.key SET state = 'retired', epoch = %s, wrapped = %s WHERE id = %s",
        key[1],
        key[2],
        key[0],
    )
    with pytest.raises(psycopg.Error) as locked:
        now.session()
    assert locked.value.sqlstate == "PGG02"
    assert "rotate-kek" in report.new_epoch(done)


def test_a_dump_from_before_opens_with_the_old_key_only(
    own: Persons, new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    def program(cluster: Cluster, name: str, *arguments: str) -> None:
        subprocess.run(
            [cluster.postgres.bin / name, *arguments],
            check=True,
            capture_output=True,
            env=cluster.postgres.environment(),
            cwd="/",
        )

    before = own.expected()
    file = str(tmp_path / "dump")
    program(own.cluster, "pg_dump", "-Fc", "-f", file, own.phases.dsn)
    own.erase(3)
    _epoch(own)
    now = _rotated_kek(own)
    later = str(tmp_path / "later")
    program(own.cluster, "pg_dump", "-Fc", "-f", later, own.phases.dsn)
    other = new_cluster()
    with psycopg.connect(other.dsn(), autocommit=True) as connection:
        for role in ("lab_owner", "biologist", "secretary", "pgguard_keys"):
            connection.execute(f"CREATE ROLE {role}".encode())
    for place, dump in (("before", file), ("after", later)):
        with psycopg.connect(other.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {place}".encode())
        program(other, "pg_restore", "--exit-on-error", "-d", other.dsn(dbname=place), dump)

    def restored(database: str, kek: bytes) -> Persons:
        phases = replace(own.phases, cluster=other, database=database)
        return replace(own, cluster=other, database=database, phases=phases, kek=kek)

    with pytest.raises(psycopg.Error) as refused:
        restored("before", OTHER_KEK).session()
    assert refused.value.sqlstate == "PGG01"
    assert restored("before", KEK).shows() == before
    after = restored("after", OTHER_KEK)
    assert after.shows() == now.expected(3)
    after.ask("INSERT INTO lab.visit (id, patient_id, said) VALUES (900, 9000, 'new')")
    assert after.read("visit")[900] == ("new",)


def test_sessions_that_lack_the_new_key_are_waited_for(own: Persons) -> None:
    with own.session() as old:
        waits = _epoch(own)
        assert (waits.used, waits.sessions) == (False, 1)
        assert "run this again" in report.new_epoch(waits)
        assert any("new-epoch" in one for one in _to_do(own))
        old.execute("INSERT INTO lab.visit (id, patient_id, said) VALUES (900, 9000, 'old')")
        forced = _epoch(own, at_once=True)
        assert (forced.used, forced.wrapped) == (True, PATIENTS + 1)
        with pytest.raises(psycopg.Error) as refused:
            own.read("visit", old)
        assert refused.value.sqlstate == "PGG03"
        old.execute("SELECT pgguard.unlock(%b)", (KEK,))
        assert own.read("visit", old)[900] == ("old",)
    assert own.read() == own.kept()
    assert not any("new-epoch" in one for one in _to_do(own))


def _to_do(lab: Persons) -> list[str]:
    from pgguard.report.keys import lacking

    return lacking(keys.status(lab.target))


def test_writers_go_on_while_an_epoch_changes(own: Persons) -> None:
    """Each new person's secret survives; who sealed it with the key that just went tries again."""
    written: dict[int, str] = {}
    stop = threading.Event()
    failures: list[str] = []

    def work(number: int) -> None:
        while not stop.is_set():
            with contextlib.suppress(psycopg.Error), own.session() as connection:
                while not stop.is_set():
                    id_ = number + 10 * len(written) + 10_000
                    try:
                        connection.execute(
                            "INSERT INTO lab.visit (id, patient_id, said) VALUES (%s, %s, %s)",
                            (id_, id_, f"said {id_}"),
                        )
                    except psycopg.Error as error:
                        if error.sqlstate not in ("40001", "PGG03", "PGG01", "23505"):
                            failures.append(f"{error.sqlstate} {error}")
                        break
                    written[id_] = f"said {id_}"

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2, 3)]
    for one in threads:
        one.start()
    try:
        for _ in range(3):
            before = len(written)
            assert _epoch(own, at_once=True).used
            while len(written) < before + 20:
                assert not failures
                time.sleep(0.01)
    finally:
        stop.set()
        for one in threads:
            one.join()
    assert failures == []
    visits = own.read("visit")
    assert {id_: (said,) for id_, said in written.items()} == {
        id_: row for id_, row in visits.items() if id_ in written
    }
    assert set(visits) - set(written) == set(own.kept("visit"))
    under = own.ask("SELECT count(DISTINCT substr(wrapped, 2, 4)) FROM pgguard.subject_key")
    assert under == [(1,)]


def test_a_plan_with_the_key_of_before_makes_no_secret_with_it(own: Persons) -> None:
    """A transaction that began before and goes on after the key is gone."""
    insert = "INSERT INTO lab.visit (id, patient_id, said) VALUES (%s, %s, 'x')"
    with own.session() as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM kept.visit")
        _epoch(own, at_once=True)
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(insert, (900, 9000))
        assert refused.value.sqlstate in ("40001", "PGG03")
    assert own.ask("SELECT count(*) FROM pgguard.subject_key") == [(PATIENTS,)]


_CALL = """
import sys
from pgguard.server import keys_subject
from pgguard.server.connect import Target
from pgguard.store.kek_provider import Kek
kek = Kek(bytes.fromhex(sys.stdin.readline()))
print("begun", flush=True)
if sys.argv[2] == "destroy":
    keys_subject.destroy_subject(Target(sys.argv[1]), kek, "lab.patient", "3", erase=5, say=print)
else:
    keys_subject._BATCH = 2
    keys_subject.new_epoch(Target(sys.argv[1]), kek, at_once=True, say=print)
"""


@pytest.mark.parametrize("what", ["destroy", "epoch"])
@pytest.mark.parametrize("point", range(12 if LONG else 2))
def test_killed_at_any_moment_it_is_done_or_not_and_can_be_run_again(
    own: Persons, what: str, point: int
) -> None:
    chance = random.Random(point)  # noqa: S311 - a place to stop at, and the same one each time
    with subprocess.Popen(
        [sys.executable, "-c", _CALL, own.phases.dsn, what], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(KEK.hex().encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"begun\n"
        time.sleep(chance.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
    # the server may be at the last statement still
    while own.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgguard'") != [(0,)]:
        time.sleep(0.02)
    assert own.shows() in (own.expected(), own.expected(3))
    ((gone, emptied),) = own.ask(
        f"SELECT (SELECT count(*) FROM pgguard.subject_key WHERE wrapped IS NULL), "
        f"(SELECT count(*) FROM {own.stored('patient')} WHERE nir_find IS NULL)"
    )
    assert gone == emptied
    own.erase(3)
    assert _epoch(own, at_once=True).used
    assert own.shows() == own.expected(3)
    states = own.ask(
        "SELECT state, count(*) FROM pgguard.key WHERE purpose = 'subject' GROUP BY 1 ORDER BY 1"
    )
    assert [one for one in states if one[0] != "destroyed"] == [("current", 1)]


def test_a_drill_passes_over_who_was_erased_and_nothing_else(own: Persons) -> None:
    own.erase(3)
    assert keys.drill(own.target, Kek(KEK), say=_quiet).values["lab.visit.said"] == PATIENTS
    changed = "set_byte(said_pgg1, 40, get_byte(said_pgg1, 40) # 1)"
    own.ask(f"UPDATE lab.visit_pgg1 SET said_pgg1 = {changed} WHERE id = 10")
    with pytest.raises(InputError, match="changed"):
        keys.drill(own.target, Kek(KEK), say=_quiet)


def test_keys_that_persons_rest_on_are_not_destroyed_by_mistake(own: Persons) -> None:
    with pytest.raises(UsageError, match=f"{2 * PATIENTS} values would be lost"):
        keys_destroy.destroy(own.target, [], "subject", erase=None, say=_quiet)
    assert own.shows() == own.expected()


def test_init_makes_what_is_lacking_and_nothing_twice(new_cluster: Callable[..., Cluster]) -> None:
    from tests.server.laboratory_keys import database

    db = database(new_cluster())
    with pytest.raises(UsageError, match="init"):
        keys_subject.new_epoch(db.target, Kek(KEK), at_once=True, say=_quiet)
    assert keys.init(db.target, Kek(KEK), ["main"], say=_quiet) == ["main"]
    with pytest.raises(UsageError, match="--subjects"):
        keys_subject.new_epoch(db.target, Kek(KEK), at_once=True, say=_quiet)
    assert keys.init(db.target, Kek(KEK), ["main"], subjects=True, say=_quiet) == ["subject"]
    assert keys.init(db.target, Kek(KEK), ["main"], subjects=True, say=_quiet) == []
    assert sorted(one.purpose for one in keys.status(db.target).keys) == ["data", "index", "name", "subject"]
    down = resources.files("pgguard").joinpath("sql/install/011_subject_keys.down.sql").read_bytes()
    with db.session() as connection:
        with pytest.raises(psycopg.Error, match="there are subject keys"):
            connection.execute(down)
        connection.execute("ROLLBACK")
        keys_destroy.destroy(db.target, [], "subject", erase=0, say=_quiet)
        for _ in range(2):
            connection.execute(down)
        there = (
            "SELECT count(*) FROM pg_proc WHERE pronamespace = 'pgguard'::regnamespace AND proname ~ 'subj'"
        )
        assert connection.execute(there).fetchone() == (0,)
    assert keys.init(db.target, Kek(KEK), ["main"], subjects=True, say=_quiet) == ["subject"]


@pytest.fixture(scope="module")
def talkative(postgres: Postgres) -> Iterator[Persons]:
    """On a server that writes as much as it can, plans of nested statements among it where it can."""
    settings = dict(TALKATIVE)
    root = postgres.bin.parent
    if any((root / one / "auto_explain.so").exists() for one in ("lib", "lib/postgresql")):
        settings |= EXPLAINING | {"shared_preload_libraries": "auto_explain"}
        if postgres.major >= 16:
            settings["auto_explain.log_parameter_max_length"] = "0"
    with Cluster.start(postgres, settings=settings) as cluster:
        yield persons(cluster)


def test_neither_secrets_nor_persons_are_written_down(talkative: Persons) -> None:
    lab = talkative
    person = 7_391_846_205_137
    value = f"said {random.SystemRandom().getrandbits(64):x}"
    with lab.session() as connection:
        for prepare in (None, 0):
            connection.prepare_threshold = prepare
            for number in range(7):
                connection.execute(
                    "INSERT INTO lab.patient (id, nir, born, note) VALUES (%s, %s, '2000-01-01', %s)",
                    (person + number + (prepare is None) * 100, f"{value} {number} {prepare}", value),
                )
            for _ in range(7):
                connection.execute("SELECT count(nir), count(note) FROM lab.patient WHERE id < 4")
                connection.execute("SELECT count(said) FROM lab.visit WHERE id < 4")
            connection.execute("UPDATE lab.visit SET patient_id = 9 WHERE id IN (4, 5)")
    kept = (
        "SELECT pgguard.subject_secret('patient', int8send(id)) FROM "
        + lab.stored("patient")
        # a condition with a value bound in it would be printed with the plan
        + " WHERE id < 4 OR id > 1000 ORDER BY id LIMIT 4"
    )
    secrets = [bytes(one) for (one,) in lab.ask(kept)]
    assert len(secrets) == 4
    with psycopg.connect(lab.phases.dsn, autocommit=True) as connection:
        before = connection.execute("SELECT id FROM pgguard.key WHERE purpose = 'subject'").fetchall()
    keys_subject.destroy_subject(lab.target, Kek(KEK), "lab.patient", str(person), erase=3, say=_quiet)
    with pytest.raises(InputError):
        keys_subject.destroy_subject(lab.target, Kek(KEK), "lab.patient", f"{person}x", erase=3, say=_quiet)
    _epoch(lab, at_once=True)
    assert lab.ask("SELECT id FROM pgguard.key WHERE purpose = 'subject' AND state = 'current'") != before
    said = lab.cluster.log.read_text("utf-8", "replace")
    assert "pgguard.subject__lab__patient($1)" in said
    held = [form for one in (*secrets, KEK) for form in forms(one)]
    assert found(said, held) == []
    assert value not in said
    assert str(person) not in said
    # the control, which is the limit too: a value in the text of a statement
    lab.ask(f"SELECT '{value}'")
    assert value in lab.cluster.log.read_text("utf-8", "replace")
