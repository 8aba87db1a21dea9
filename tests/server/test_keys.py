"""The keys of a database on real servers: made, replaced, opened with an escrow copy, destroyed."""

from __future__ import annotations

import datetime
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import ApplyStopped, ConnectError, InputError, PgguardError, UsageError
from pgguard.report import keys as report
from pgguard.server import keys, keys_destroy
from pgguard.server.connect import Target
from tests.conftest import MAJOR
from tests.server.laboratory_keys import Database, database, new_kek, read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.server.keys_state import Key
    from pgguard.store.kek_provider import Kek

pytestmark = pytest.mark.skipif(MAJOR is not None and MAJOR < 14, reason="encryption is for 14 and later")
NONE = "there are no keys in"


@pytest.fixture(scope="module")
def own(postgres) -> Iterator[Cluster]:
    from pgguard.demo.cluster import Cluster

    with Cluster.start(postgres, listen=["127.0.0.1"], tls=True) as running:
        yield running


@pytest.fixture
def db(own: Cluster) -> Database:
    return database(own)


def _init(db: Database, *groups: str) -> Kek:
    kek = new_kek()
    keys.init(db.target, kek, groups or ("main",), say=db.say)
    return kek


def _rotate(db: Database, kek: Kek, purpose: str = "data", *, at_once: bool = False) -> keys.Rotation:
    return keys.rotate(db.target, lambda: kek, "main", purpose, at_once=at_once, say=db.say)


def _key(db: Database, state: str, purpose: str = "data") -> Key:
    (found,) = [one for one in keys.status(db.target).keys if (one.state, one.purpose) == (state, purpose)]
    return found


def _refused(work: Callable[[], object], match: str, kind: type[PgguardError] = UsageError) -> None:
    with pytest.raises(kind, match=match) as caught:
        work()
    assert type(caught.value) is kind


def _rows(db: Database) -> list[tuple[object, ...]]:
    with db.session() as connection:
        return [
            *connection.execute("SELECT * FROM pgguard.kek ORDER BY epoch").fetchall(),
            *connection.execute("SELECT * FROM pgguard.key ORDER BY id").fetchall(),
        ]


def test_init_makes_a_key_of_each_purpose_for_each_group(db: Database) -> None:
    assert not keys.check_init(db.target, ["main"], say=db.say)
    kek = _init(db, "main", "genetic")
    assert keys.check_init(db.target, ["main"], say=db.say)
    found = keys.status(db.target)
    assert [(one.group, one.purpose, one.state) for one in found.keys] == [
        (group, purpose, "current") for group in ("genetic", "main") for purpose in ("data", "index")
    ]
    assert keys.init(db.target, kek, ["main", "special"], say=db.say) == ["special"]
    assert len(keys.status(db.target).keys) == len(found.keys) + 2
    assert db.said == []


def test_until_escrow_and_drill_there_is_something_to_do(db: Database) -> None:
    kek = _init(db)

    def to_do() -> list[str]:
        found = keys.status(db.target)
        assert report.exit_code(found) == (1 if report.lacking(found) else 0)
        return [one.rpartition("pgguard keys ")[2] for one in report.lacking(found)]

    assert to_do() == ["escrow", "restore-drill"]
    origin = keys.origin(db.target, kek, say=db.say)
    assert (origin.database, origin.epoch) == (db.name, 1)
    keys.escrowed(db.target, origin.epoch)
    assert to_do() == ["restore-drill"]
    drill = keys.drill(db.target, kek, say=db.say)
    assert (drill.epoch, drill.keys) == (1, 2)
    assert to_do() == []
    keys.escrowed(db.target, origin.epoch)
    assert to_do() == ["restore-drill"]


def test_a_drill_opens_stored_values(db: Database) -> None:
    kek = _init(db)
    db.encrypt(kek, range(5))
    assert keys.drill(db.target, kek, say=db.say).values == {"lab.patient.nir": 5}
    with db.session() as connection:
        connection.execute("DROP FUNCTION pgguard.open__lab__patient__nir")
    # without an accessor the bytes are decrypted, wherever they stand
    assert keys.drill(db.target, kek, say=db.say).values == {"lab.patient.nir": 5}


@pytest.mark.parametrize("accessor", [True, False])
def test_a_drill_notices_a_value_that_does_not_open(db: Database, accessor: bool) -> None:
    kek = _init(db)
    db.encrypt(kek, range(3))
    with db.session() as connection:
        if not accessor:
            connection.execute("DROP FUNCTION pgguard.open__lab__patient__nir")
        connection.execute(
            "UPDATE lab.patient_pgg1 SET nir_pgg1 = "
            "overlay(nir_pgg1 PLACING '\\x00000001' FROM 2) WHERE id = 1"
        )
    _refused(lambda: keys.drill(db.target, kek, say=db.say), "not (here|open)", InputError)
    assert keys.status(db.target).epochs[0].drill_at is None


def test_values_are_counted_by_their_key(db: Database) -> None:
    kek = _init(db)
    db.encrypt(kek, range(4))
    assert _rotate(db, kek, at_once=True).used
    db.encrypt(kek, range(4, 7))
    found = keys.status(db.target)
    counts = {one.state: found.values_under(one) for one in found.keys if one.purpose == "data"}
    assert counts == {"retired": 4, "current": 3}
    assert found.columns[0].name == "lab.patient.nir"
    assert found.strange == {}
    with db.session() as connection:
        connection.execute("DELETE FROM pgguard.key WHERE state = 'retired'")
    found = keys.status(db.target)
    assert list(found.strange.values()) == [4]
    assert any("not in the table of keys" in one for one in report.lacking(found))
    with db.session() as connection:
        connection.execute("DROP TABLE lab.patient_pgg1")
    found = keys.status(db.target)
    assert found.columns[0].counts is None
    assert "not there any more" in report.status(found)


def test_a_new_key_waits_for_sessions_that_do_not_have_it(db: Database) -> None:
    kek = _init(db)
    db.encrypt(kek, [1])
    with db.session(kek) as early:
        waiting = _rotate(db, kek)
        assert (waiting.made, waiting.used) == (True, False)
        assert [one.pid for one in waiting.sessions] == [early.info.backend_pid]
        write(early, 2)
        with db.session(kek) as late:
            write(late, 3)
            # nobody seals with the new key yet, so everybody reads everything
            assert [read(early, one) for one in (1, 2, 3)] == ["nir 1", "nir 2", "nir 3"]
        again = _rotate(db, kek)
        assert (again.made, again.used, again.key) == (False, False, waiting.key)
    found = keys.status(db.target)
    assert {found.values_under(one) for one in found.keys if one.state == "next"} == {0}
    _without_sessions(db)
    used = _rotate(db, kek)
    assert (used.made, used.used, used.key.id) == (False, True, waiting.key.id)
    assert _key(db, "current").id == waiting.key.id


def _without_sessions(db: Database) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with db.session() as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchone()
        if row == (0,):
            return
        time.sleep(0.05)
    pytest.fail("sessions do not end")


def test_an_open_session_that_has_the_new_key_seals_with_it_at_once(db: Database) -> None:
    kek = _init(db)
    db.encrypt(kek, [1])
    _without_sessions(db)
    with db.session():
        waiting = _rotate(db, kek)
    with db.session(kek) as late:
        write(late, 2)
        assert _rotate(db, kek, at_once=True).used
        write(late, 3)
        assert [read(late, one) for one in (1, 2, 3)] == ["nir 1", "nir 2", "nir 3"]
    assert keys.status(db.target).columns[0].counts == {waiting.key.id: 1, _key(db, "retired").id: 2}


def test_an_index_key_is_not_used_while_values_are_indexed_with_the_one_before(db: Database) -> None:
    kek = _init(db)
    assert _rotate(db, kek, "index", at_once=True).used
    db.encrypt(kek, [1])
    found = _rotate(db, kek, "index", at_once=True)
    assert (found.used, found.indexed) == (False, ("lab.patient.nir",))
    with db.session() as connection:
        connection.execute("UPDATE lab.patient_pgg1 SET nir_find = NULL")
    assert _rotate(db, kek, "index", at_once=True).used


def test_an_index_key_counts_by_what_is_made_with_it_and_stays_while_a_column_is_bound_to_it(
    db: Database,
) -> None:
    kek = _init(db)
    db.encrypt(kek, range(3))
    old, new = _key(db, "current", "index"), _rotate(db, kek, "index", at_once=True).key
    with db.session() as connection:
        connection.execute("ALTER TABLE lab.patient_pgg1 ADD COLUMN nir_find2 bytea")
        connection.execute("UPDATE lab.patient_pgg1 SET nir_find2 = nir_find WHERE id < 2")
        # as a plan of --index-keys has it between its expand and its switch
        connection.execute(
            "UPDATE pgguard.encrypted_column SET index_key = %s, second_column = 'nir_find2',"
            " second_key = %s",
            (old.number, new.number),
        )
    found = keys.status(db.target)
    assert (found.values_under(old), found.values_under(new)) == (3, 2)
    with db.session() as connection:
        connection.execute("UPDATE lab.patient_pgg1 SET nir_find = NULL, nir_find2 = NULL")
    assert _rotate(db, kek, "index", at_once=True).indexed == ("lab.patient.nir",)
    _refused(lambda: keys_destroy.destroy(db.target, [old.id, new.id], "", erase=None, say=db.say), "in use")
    with db.session() as connection:
        connection.execute(
            "UPDATE pgguard.encrypted_column SET index_key = %s, second_column = NULL, second_key = NULL",
            (new.number,),
        )
    assert _rotate(db, kek, "index", at_once=True).used
    with db.session() as connection:
        connection.execute("UPDATE pgguard.encrypted_column SET index_key = %s", (old.number,))
    _refused(
        lambda: keys_destroy.destroy(db.target, [old.id], "", erase=None, say=db.say),
        "the index of lab.patient.nir is made with this key",
    )


def test_a_new_key_encryption_key_opens_what_the_old_one_did(db: Database) -> None:
    old, new = _init(db), new_kek()
    db.encrypt(old, [1])
    before = {one.id for one in keys.status(db.target).keys}
    epoch, rewritten = keys.rotate_kek(db.target, old, new, host_file="", say=db.say)
    assert (epoch, rewritten) == (2, True)
    found = keys.status(db.target)
    assert {one.id for one in found.keys} == before
    assert [one.state for one in found.epochs] == ["retired", "current"]
    with db.session(new) as connection:
        assert read(connection, 1) == "nir 1"
    with pytest.raises(psycopg.Error) as caught, db.session(old):
        pass
    assert caught.value.sqlstate == "PGG01"
    assert len(report.lacking(found)) == 2
    _refused(
        lambda: keys.rotate_kek(db.target, new, old, host_file="", say=db.say), "in use before", InputError
    )


# what is under a key, and in use, goes only when the number is told


def test_a_key_that_is_needed_is_not_destroyed(db: Database) -> None:
    kek = _init(db)
    db.encrypt(kek, range(3))
    current = _key(db, "current")
    for erase in (None, 0, 2, 4):
        _refused(
            partial(keys_destroy.destroy, db.target, [current.id], "", erase=erase, say=db.say),
            "3 values would be lost",
        )
    _rotate(db, kek, at_once=True)
    _refused(
        lambda: keys_destroy.destroy(db.target, [current.id], "", erase=None, say=db.say),
        "3 values would be lost",
    )
    empty = _key(db, "current")
    _refused(lambda: keys_destroy.destroy(db.target, [empty.id], "", erase=None, say=db.say), "in use")
    for ids, group in ((["00000000"], ""), ([], "nobody")):
        _refused(partial(keys_destroy.destroy, db.target, ids, group, erase=0, say=db.say), "there is no key")
    _refused(lambda: keys_destroy.destroy(db.target, ["x"], "", erase=0, say=db.say), "8 hexadecimal digits")
    assert {one.state for one in keys.status(db.target).keys if one.purpose == "data"} == {
        "current",
        "retired",
    }


def test_a_key_that_nothing_needs_is_destroyed_when_no_older_session_writes_with_it(db: Database) -> None:
    kek = _init(db)
    db.encrypt(kek, [])
    retired = _key(db, "current")
    _rotate(db, kek, at_once=True)
    with db.session(kek):
        _refused(
            lambda: keys_destroy.destroy(db.target, [retired.id], "", erase=None, say=db.say),
            "end them first",
        )
    _without_sessions(db)
    done = keys_destroy.destroy(db.target, [retired.id], "", erase=None, say=db.say)
    assert ([one.id for one in done.keys], done.values, done.rewritten) == ([retired.id], 0, True)
    assert _key(db, "destroyed").id == retired.id


def test_erasure_reaches_open_sessions_and_the_table_of_keys(db: Database) -> None:
    kek = _init(db)
    db.encrypt(kek, range(3))
    with db.session(kek) as reader:
        row = reader.execute(
            "SELECT wrapped, pg_relation_filepath('pgguard.key') FROM pgguard.key WHERE purpose = 'data'"
        ).fetchone()
        assert row is not None
        # more often than a plan is made anew by itself
        for _ in range(10):
            assert read(reader, 1) == "nir 1"
        _rotate(db, kek, at_once=True)
        old = _key(db, "retired")
        with db.session(kek) as newer:
            write(newer, 7)
            reader.execute("ANALYZE pgguard.key")
            done = keys_destroy.destroy(db.target, [old.id], "", erase=3, say=db.say)
            assert (done.values, done.rewritten) == (3, True)
            for session in (reader, newer):
                with pytest.raises(psycopg.Error) as caught:
                    read(session, 1)
                assert caught.value.sqlstate == "PGG03"
            assert read(newer, 7) == "nir 7"
            write(newer, 8)
            # the reader holds no key any more that could seal
            with pytest.raises(psycopg.Error) as caught:
                write(reader, 9)
            assert caught.value.sqlstate == "PGG03"
            reader.execute("CHECKPOINT")
    base = db.cluster.data_directory
    holding = [
        one for one in (base / "base").rglob("*") if one.is_file() and bytes(row[0]) in one.read_bytes()
    ]
    assert holding == []
    assert keys.drill(db.target, kek, say=db.say).values == {"lab.patient.nir": 2}
    assert report.lacking(keys.status(db.target))[0].startswith("there is no escrow copy")


def test_what_an_older_transaction_sees_is_said_to_be_left(db: Database) -> None:
    kek = _init(db)
    db.encrypt(kek, [1])
    with psycopg.connect(db.dsn()) as older:
        older.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        older.execute("SELECT 1")
        done = keys_destroy.destroy(db.target, [], "main", erase=1 + 1, say=db.say)
        assert not done.rewritten
        assert "VACUUM FULL pgguard.key" in report.destroyed(done)


def test_a_writer_of_the_table_is_waited_for(db: Database) -> None:
    kek = _init(db)
    db.encrypt(kek, [1])
    with psycopg.connect(db.dsn()) as writer:
        writer.execute("UPDATE lab.patient_pgg1 SET id = 2")
        _refused(
            lambda: keys_destroy.destroy(db.target, [], "main", erase=2, say=db.say), "locked", ApplyStopped
        )
    assert _key(db, "current")


# bad input: one sentence, and nothing is written


def test_a_wrong_key_changes_nothing(db: Database) -> None:
    kek, wrong = _init(db), new_kek()
    before = _rows(db)
    for work in (
        lambda: keys.init(db.target, wrong, ["other"], say=db.say),
        lambda: keys.origin(db.target, wrong, say=db.say),
        lambda: keys.drill(db.target, wrong, say=db.say),
        lambda: _rotate(db, wrong),
        lambda: keys.rotate_kek(db.target, wrong, new_kek(), host_file="", say=db.say),
        lambda: keys.rotate_kek(db.target, kek, kek, host_file="", say=db.say),
    ):
        _refused(work, "key-encryption key", InputError)
    assert _rows(db) == before


def test_the_key_of_an_earlier_epoch_is_told(db: Database) -> None:
    old = _init(db)
    keys.rotate_kek(db.target, old, new_kek(), host_file="", say=db.say)
    _refused(lambda: keys.drill(db.target, old, say=db.say), "epoch 1", InputError)


def test_tables_of_another_server_are_told(db: Database) -> None:
    kek = _init(db)
    other = database(db.cluster)
    stranger = _init(other)
    with other.session() as there:
        rows = there.execute("SELECT id, key_group, purpose, wrapped FROM pgguard.key").fetchall()
        (check,) = there.execute("SELECT check_value FROM pgguard.kek").fetchall()
    with db.session() as here:
        # the keys alone were restored: they belong to another installation
        here.execute("DELETE FROM pgguard.key")
        for id_, group, purpose, wrapped in rows:
            here.execute(
                "INSERT INTO pgguard.key (id, key_group, purpose, epoch, wrapped) VALUES (%s, %s, %s, 1, %s)",
                (id_, group, purpose, wrapped),
            )
    _refused(lambda: keys.drill(db.target, kek, say=db.say), "changed, or belongs to another", InputError)
    with db.session() as here:
        here.execute("UPDATE pgguard.kek SET check_value = %s", check)
    for one in (kek, stranger):
        _refused(partial(keys.drill, db.target, one, say=db.say), "another server", InputError)
    with db.session() as here:
        here.execute("DELETE FROM pgguard.installation")
    _refused(lambda: keys.status(db.target), "installation is empty", InputError)


def test_a_dump_of_everything_opens_elsewhere(db: Database) -> None:
    kek = _init(db)
    restored = database(db.cluster)
    with restored.session() as there:
        there.execute("CREATE EXTENSION pgcrypto")
    _init(restored)
    with db.session() as here, restored.session() as there:
        there.execute("TRUNCATE pgguard.installation, pgguard.kek, pgguard.key")
        for table in ("installation", "kek", "key"):
            with (
                here.cursor().copy(f"COPY pgguard.{table} TO STDOUT") as out,
                there.cursor().copy(f"COPY pgguard.{table} FROM STDIN") as into,
            ):
                for part in out:
                    into.write(part)
    assert keys.drill(restored.target, kek, say=db.say).keys == 2


def test_where_there_are_no_keys(db: Database) -> None:
    kek = new_kek()
    for work in (
        lambda: keys.status(db.target),
        lambda: keys.origin(db.target, kek, say=db.say),
        lambda: keys.drill(db.target, kek, say=db.say),
        lambda: _rotate(db, kek),
        lambda: keys.rotate_kek(db.target, kek, new_kek(), host_file="", say=db.say),
        lambda: keys_destroy.destroy(db.target, [], "main", erase=0, say=db.say),
    ):
        _refused(work, NONE)
    _init(db)
    _refused(
        lambda: keys.rotate(db.target, lambda: kek, "none", "data", at_once=False, say=db.say), "no data key"
    )
    for name in ("", "A", "1a", "a-b", "a" * 32, "a\n"):
        _refused(partial(keys.check_init, db.target, [name], say=db.say), "key group")


def test_without_rights(db: Database) -> None:
    with db.session() as connection:
        connection.execute(
            "DO $$ BEGIN IF to_regrole('nobody_here') IS NULL THEN "
            "CREATE ROLE nobody_here LOGIN; END IF; END $$"
        )
    nobody = Target(db.dsn(user="nobody_here"))
    kek = new_kek()
    _refused(lambda: keys.init(nobody, kek, ["main"], say=db.say), "nothing was changed")
    with db.session() as connection:
        assert connection.execute("SELECT to_regnamespace('pgguard')").fetchone() == (None,)
    kek = _init(db)
    before = _rows(db)
    for work in (
        lambda: keys.status(nobody),
        lambda: keys.check_init(nobody, ["main"], say=db.say),
        lambda: keys.drill(nobody, kek, say=db.say),
        lambda: keys_destroy.destroy(nobody, [], "main", erase=0, say=db.say),
    ):
        _refused(work, "GRANT pgguard_keys TO nobody_here")
    assert _rows(db) == before


def test_a_member_who_is_no_superuser_does_everything_but_read_tables_of_others(db: Database) -> None:
    with psycopg.connect(db.cluster.dsn(), autocommit=True) as connection:
        # whoever installs the first database makes pgguard_keys; later ones need to be its members
        connection.execute("DROP ROLE IF EXISTS key_officer")
        connection.execute("CREATE ROLE key_officer LOGIN CREATEROLE")
        row = connection.execute("SELECT to_regrole('pgguard_keys') IS NOT NULL").fetchone()
        if row == (True,):
            connection.execute("GRANT pgguard_keys TO key_officer")
        connection.execute(f"GRANT CREATE ON DATABASE {db.name} TO key_officer")
    officer = Target(db.dsn(user="key_officer"))
    kek = new_kek()
    keys.init(officer, kek, ["main"], say=db.say)
    keys.drill(officer, kek, say=db.say)
    assert keys.rotate(officer, lambda: kek, "main", "data", at_once=True, say=db.say).used
    new = new_kek()
    assert keys.rotate_kek(officer, kek, new, host_file="", say=db.say) == (2, True)
    db.encrypt(new, [1])
    found = keys.status(officer)
    assert found.columns[0].counts is None
    assert "permission denied" in found.columns[0].why
    assert (
        report.exit_code(found._replace(epochs=(found.epochs[-1]._replace(escrow_at=_NOW, drill_at=_NOW),)))
        == 3
    )
    retired = next(one.id for one in found.keys if one.state == "retired")
    _refused(
        lambda: keys_destroy.destroy(officer, [retired], "", erase=0, say=db.say), "could not be counted"
    )


_NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)


def test_the_network_must_not_see_the_key(db: Database) -> None:
    kek = _init(db)
    clear = Target(db.dsn(host="127.0.0.1", sslmode="disable"))
    _refused(lambda: keys.drill(clear, kek, say=db.say), "in clear")
    _refused(lambda: keys.check_init(clear, ["main"], say=db.say), "in clear")
    assert keys.status(clear).keys
    keys.drill(Target(db.dsn(host="127.0.0.1", sslmode="require")), kek, say=db.say)
    assert [one for one in db.said if "certificate" in one]
    db.said.clear()
    checked = {"sslmode": "verify-ca", "sslrootcert": str(db.cluster.root_certificate)}
    keys.drill(Target(db.dsn(host="127.0.0.1", **checked)), kek, say=db.say)
    assert db.said == []


def test_a_standby_tells_and_changes_nothing(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    db = database(cluster)
    kek = _init(db)
    _as_standby(cluster)
    _refused(lambda: keys.drill(db.target, kek, say=db.say), "standby")
    _refused(lambda: keys.check_init(db.target, ["main"], say=db.say), "standby")
    _refused(lambda: _rotate(db, kek), "standby")
    assert [one.state for one in keys.status(db.target).keys] == ["current", "current"]
    with db.session(kek) as connection:
        assert connection.execute("SELECT pgguard.has_keys('pgguard.data_main')").fetchone() == (True,)


def _as_standby(cluster: Cluster) -> None:
    from pgguard.demo.cluster import _give, _launch

    cluster._end(signal.SIGINT)
    (cluster.data_directory / "standby.signal").touch()
    _give(cluster.data_directory)
    cluster._process = _launch(cluster.postgres, cluster.data_directory, cluster.log)
    deadline = time.monotonic() + 30
    while True:
        try:
            with psycopg.connect(cluster.dsn()):
                return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_a_read_only_default_does_not_stop_an_administrator(db: Database) -> None:
    with psycopg.connect(db.cluster.dsn(), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {db.name} SET default_transaction_read_only = on")
    kek = _init(db)
    keys.drill(db.target, kek, say=db.say)


@pytest.mark.skipif(MAJOR is not None, reason="the oldest server is the same whatever is tested")
def test_an_old_server_is_refused() -> None:
    from pgguard.demo.binaries import find_postgres
    from pgguard.demo.cluster import Cluster

    with Cluster.start(find_postgres(13)) as old:
        _refused(lambda: keys.status(Target(old.dsn())), "needs 14", ConnectError)


def test_a_first_value_that_is_being_written_is_waited_for_before_an_index_key_is_used(db: Database) -> None:
    kek = _init(db)
    db.encrypt(kek, [])
    with db.session(kek) as writer, ThreadPoolExecutor(1) as pool:
        with writer.transaction():
            write(writer, 1)
            rotating = pool.submit(_rotate, db, kek, "index", at_once=True)
            _until_locked(db)
        found = rotating.result(20)
    assert (found.used, found.indexed) == (False, ("lab.patient.nir",))


def _until_locked(db: Database) -> None:
    deadline = time.monotonic() + 10
    with db.session() as connection:
        while connection.execute("SELECT FROM pg_locks WHERE NOT granted").fetchone() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
