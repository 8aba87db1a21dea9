"""No key in the server's log, its views, or what we say: with everything logged that can be."""

from __future__ import annotations

import contextlib
import hmac
import os
import threading
import traceback
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import PgguardError, UsageError
from pgguard.report import keys as report
from pgguard.server import keys, keys_destroy, keys_host
from pgguard.server.connect import Target
from tests.conftest import MAJOR
from tests.server.laboratory_keys import TABLE, Database, database, forms, found_in, new_kek, read, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.store.kek_provider import Kek

pytestmark = pytest.mark.skipif(MAJOR is not None and MAJOR < 14, reason="encryption is for 14 and later")
LOUD = {
    "shared_preload_libraries": "pg_stat_statements,auto_explain",
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_min_error_statement": "debug5",
    "log_min_messages": "debug2",
    "log_error_verbosity": "verbose",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
    "debug_print_parse": "on",
    "debug_print_rewritten": "on",
    "debug_print_plan": "on",
    "debug_pretty_print": "off",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_verbose": "on",
    "pg_stat_statements.track": "all",
    "track_activity_query_size": "65536",
}


@pytest.fixture(scope="module")
def own(postgres) -> Iterator[Cluster]:
    from pgguard.demo.cluster import Cluster

    with Cluster.start(postgres, settings=LOUD) as running:
        yield running


class Watcher:
    """Looks at pg_stat_activity as often as it can."""

    def __init__(self, dsn: str) -> None:
        self.seen: set[str] = set()
        self._dsn = dsn
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute("SET log_statement = 'none'; SET log_min_duration_statement = -1")
            connection.execute("SET auto_explain.log_min_duration = -1; SET debug_print_parse = off")
            connection.execute("SET debug_print_rewritten = off; SET debug_print_plan = off")
            while not self._stop.wait(0.002):
                self.seen |= {
                    str(row[0])
                    for row in connection.execute(
                        "SELECT query FROM pg_stat_activity WHERE query IS NOT NULL"
                    )
                }

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_the_forms_are_those_that_the_server_prints(own: Cluster) -> None:
    key = new_kek().reveal()
    begin = own.log.stat().st_size
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        row = connection.execute(
            "SELECT encode(%(k)b, 'hex'), encode(%(k)b, 'base64'), encode(%(k)b, 'escape')", {"k": key}
        ).fetchone()
        assert row is not None
        assert [found_in(str(one), [key])[-1] for one in row] == ["hex", "base64", "escape by encode"]
        connection.execute("SET bytea_output = 'escape'")
        row = connection.execute("SELECT %b::bytea::text, %b::bytea", (key, key)).fetchone()
        assert row is not None
        assert "escape" in found_in(row[0], [key])
    # this session quietened nothing: the search finds what there is to find
    logged = set(found_in(own.log.read_bytes()[begin:].decode("utf-8", "replace"), [key]))
    assert {"hex", "signed bytes"} <= logged
    assert found_in("nothing", [key]) == []
    assert len(forms(key)) > len(logged)


def test_nothing_shows_a_key(own: Cluster) -> None:
    db = database(own)
    kek, second, wrong = new_kek(), new_kek(), new_kek()
    told: list[str] = db.said
    begin = own.log.stat().st_size
    with psycopg.connect(db.dsn(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
    with Watcher(own.dsn()) as watcher:
        _life(db, kek, second, wrong)
    with db.session() as connection:
        rows = connection.execute("SELECT query FROM pg_stat_statements").fetchall()
        statements = "\n".join(str(row[0]) for row in rows)
    assert "pgguard.rewrap($1, $2)" in statements
    assert any("pgguard." in one for one in watcher.seen)
    secrets = [one.reveal() for one in (kek, second, wrong)]
    log = own.log.read_bytes()[begin:].decode("utf-8", "replace")
    assert "rewrap" in log
    for text in (log, statements, "\n".join(watcher.seen), "\n".join(told)):
        assert found_in(text, secrets) == []
        assert found_in(text, _derived(db, secrets)) == []


def _life(db: Database, kek: Kek, second: Kek, wrong: Kek) -> None:
    target, say = db.target, db.say
    keys.init(target, kek, ["main", "genetic"], say=say)
    _encrypt(db, kek)
    keys.origin(target, kek, say=say)
    keys.drill(target, kek, say=say)
    keys.rotate(target, lambda: kek, "main", "data", at_once=True, say=say)
    keys.rotate(target, lambda: kek, "genetic", "index", at_once=True, say=say)
    for work in (
        lambda: keys.drill(target, wrong, say=say),
        lambda: keys.init(target, wrong, ["main"], say=say),
        lambda: keys.rotate_kek(target, wrong, second, host_file="", say=say),
        lambda: keys.rotate_kek(target, kek, kek, host_file="", say=say),
        lambda: keys.rotate(target, lambda: wrong, "main", "data", at_once=True, say=say),
        lambda: keys_destroy.destroy(target, [], "main", erase=0, say=say),
    ):
        with pytest.raises(PgguardError) as caught:
            work()
        say("".join(traceback.format_exception(caught.value)))
    keys.rotate_kek(target, kek, second, host_file="", say=say)
    keys.drill(target, second, say=say)
    say(report.status(keys.status(target)))
    say(report.destroyed(keys_destroy.destroy(target, [], "genetic", erase=0, say=say)))
    _host(db, second)


def _encrypt(db: Database, kek: Kek) -> None:
    # a program with the settings that its role is to have, and everything else logged
    with db.session() as connection:
        connection.execute("SET log_parameter_max_length_on_error = 0; SET debug_print_plan = off")
        connection.execute("SET auto_explain.log_verbose = off")
        with contextlib.suppress(psycopg.Error):
            connection.execute("SET auto_explain.log_parameter_max_length = 0")
        connection.execute("SELECT pgguard.unlock(%b)", (kek.reveal(),))
        connection.execute(TABLE)
        for number in range(3):
            write(connection, number)
            read(connection, number)


def _host(db: Database, kek: Kek) -> None:
    path = db.cluster.folder / f"{db.name}.kek"
    path.write_text(kek.reveal().hex())
    path.chmod(0o400)
    owner = db.cluster.data_directory.stat()
    os.chown(path, owner.st_uid, owner.st_gid)
    keys_host.host_file(db.target, str(path), say=db.say)
    with psycopg.connect(db.dsn(), autocommit=True) as connection:
        connection.execute("SET debug_print_plan = off")
        assert read(connection, 1) == "nir 1"
    keys_host.no_host_file(db.target)


def _derived(db: Database, keks: list[bytes]) -> list[bytes]:
    """What opens as much as the key itself: the wrapping keys, and the keys that are wrapped."""
    wrapping = [hmac.digest(one, b"pgguard wrap", "sha512")[at : at + 32] for one in keks for at in (0, 32)]
    with psycopg.connect(db.dsn(), autocommit=True) as connection:
        connection.execute("SET debug_print_plan = off; SET auto_explain.log_min_duration = -1")
        connection.execute("SET log_parameter_max_length = 0; SET log_parameter_max_length_on_error = 0")
        connection.execute("SELECT pgguard.unlock(%b)", (keks[1],))
        row = connection.execute("SELECT pgguard.session_keys('pgguard.data_main')").fetchone()
    assert row is not None
    held = bytes(row[0])
    return wrapping + [
        held[at : at + 32] for start in range(0, len(held), 68) for at in (start + 4, start + 36)
    ]


@pytest.mark.parametrize(
    "setting",
    [
        "log_statement = 'all'",
        "log_min_duration_statement = 0",
        "log_min_duration_sample = 0",
        "log_transaction_sample_rate = 1",
        "log_parameter_max_length_on_error = -1",
        "pgaudit.log_parameter = on",
        "debug_print_plan = on",
        "auto_explain.log_verbose = on",
    ],
)
def test_a_program_whose_values_are_logged_does_not_unlock(own: Cluster, setting: str) -> None:
    """Each by itself, in a session where all the others are as they should be."""
    db = database(own)
    kek = new_kek()
    keys.init(db.target, kek, ["main"], say=db.say)
    quiet = (
        "log_statement = 'none'",
        "log_min_duration_statement = -1",
        "log_parameter_max_length_on_error = 0",
        "debug_print_plan = off",
        "auto_explain.log_verbose = off",
        *(["auto_explain.log_parameter_max_length = 0"] if (MAJOR or 15) >= 16 else []),
    )
    with psycopg.connect(db.dsn(), autocommit=True) as connection:
        for one in quiet:
            connection.execute(f"SET {one}")
        connection.execute("SELECT pgguard.unlock(%b)", (kek.reveal(),))
        connection.execute(f"SET {setting}")
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("SELECT pgguard.unlock(%b)", (kek.reveal(),))
        assert caught.value.sqlstate == "PGG04"
        assert setting.partition(" ")[0] in str(caught.value)


def test_who_cannot_keep_the_key_out_of_the_log_is_refused_before_it_is_sent(own: Cluster) -> None:
    db = database(own)
    kek = new_kek()
    keys.init(db.target, kek, ["main"], say=db.say)
    with db.session() as connection:
        connection.execute("CREATE ROLE key_clerk LOGIN; GRANT pgguard_keys TO key_clerk")
    begin = own.log.stat().st_size
    clerk = Target(db.dsn(user="key_clerk"))
    for work in (
        lambda: keys.drill(clerk, kek, say=db.say),
        lambda: keys.rotate(clerk, lambda: kek, "main", "data", at_once=True, say=db.say),
        lambda: keys.rotate_kek(clerk, kek, new_kek(), host_file="", say=db.say),
    ):
        with pytest.raises(UsageError, match="ALTER ROLE key_clerk SET log_parameter_max_length = 0"):
            work()
    assert found_in(own.log.read_bytes()[begin:].decode("utf-8", "replace"), [kek.reveal()]) == []
    with db.session() as connection:
        connection.execute("ALTER ROLE key_clerk SET log_parameter_max_length = 0")
        connection.execute("ALTER ROLE key_clerk SET auto_explain.log_verbose = off")
        if (MAJOR or 15) >= 16:
            connection.execute("ALTER ROLE key_clerk SET auto_explain.log_parameter_max_length = 0")
    keys.drill(clerk, kek, say=db.say)
    assert found_in(own.log.read_bytes()[begin:].decode("utf-8", "replace"), [kek.reveal()]) == []
