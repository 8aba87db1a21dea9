"""Neither keys nor bound values reach the server's log, its statistics, other sessions or messages."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from tests.encryption.attacks import Listener, forms, found
from tests.encryption.encrypting import encrypted
from tests.encryption.phases import KEK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres
    from tests.encryption.encrypting import Laboratory

# as much as a server can be made to write, with what unlock() asks for
TALKATIVE = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_parameter_max_length": "0",
    "log_min_messages": "debug1",
    "log_error_verbosity": "verbose",
    "log_min_error_statement": "debug5",
    "log_duration": "on",
    "log_connections": "on",
    "log_lock_waits": "on",
    "log_replication_commands": "on",
    "track_activity_query_size": "65536",
    "track_functions": "all",
}
EXPLAINING = {
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_triggers": "on",
    "auto_explain.log_settings": "on",
}
STATISTICS = {"pg_stat_statements.track": "all", "pg_stat_statements.track_utility": "on"}
OTHER_KEK = secrets.token_bytes(32)


def _has(postgres: Postgres, library: str) -> bool:
    root = postgres.bin.parent
    return any((root / folder / f"{library}.so").exists() for folder in ("lib", "lib/postgresql"))


@pytest.fixture(scope="module", params=["statements", "plans"])
def lab(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    """On a talkative server; with plans, one that prints those of nested statements too."""
    if postgres.major < 14:
        pytest.skip("encryption needs PostgreSQL 14")
    settings, libraries = dict(TALKATIVE), []
    if _has(postgres, "pg_stat_statements"):
        libraries.append("pg_stat_statements")
        settings |= STATISTICS
    if request.param == "plans":
        if not _has(postgres, "auto_explain"):
            pytest.skip("this PostgreSQL has no auto_explain")
        libraries.append("auto_explain")
        settings |= EXPLAINING
        if postgres.major >= 16:
            settings["auto_explain.log_parameter_max_length"] = "0"
    settings["shared_preload_libraries"] = ", ".join(libraries)
    with Cluster.start(postgres, settings=settings) as cluster:
        if "pg_stat_statements" in libraries:
            with psycopg.connect(cluster.dsn(dbname="template1"), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION pg_stat_statements")
        yield encrypted(cluster)


def _plans(lab: Laboratory) -> bool:
    return lab.superuser("SELECT current_setting('auto_explain.log_min_duration', true)") == [("0",)]


class Bound:
    """Values that are only ever bound, and can therefore only be found where they leaked."""

    def __init__(self) -> None:
        self.nir = str(10**14 + secrets.randbelow(9 * 10**14))
        self.other = str(10**14 + secrets.randbelow(9 * 10**14))
        self.asked = str(10**14 + secrets.randbelow(9 * 10**14))
        self.short = f"47{secrets.randbelow(10**8):08}"
        self.note = secrets.token_hex(12)
        self.phone = f"06 {secrets.randbelow(10**10):010}"
        self.data = f'{{"allele": "{secrets.token_hex(12)}"}}'

    def forms(self) -> set[str]:
        """All of them but the one that is only asked for."""
        values = {name: value for name, value in vars(self).items() if name != "asked"}
        values["data"] = self.data.split('"')[3]
        return {form for value in values.values() for form in forms(value)}


def _worked(lab: Laboratory, bound: Bound, plans: bool) -> Listener:
    """Every kind of statement, by an application's session; what it was told."""
    with lab.session(kek=None) as session:
        listener = Listener(session)

        def run(statement: str, *values: object) -> str:
            listener.run(statement, values=values)
            return listener.states[-1]

        assert run("SELECT nir FROM lab.patient WHERE id = %s", 1) == "PGG01"
        assert run("SELECT pgguard.unlock(%b)", OTHER_KEK) == "PGG01"
        assert run("SELECT pgguard.unlock(%b)", OTHER_KEK[:31]) == "PGG01"
        assert run("SELECT pgguard.unlock(%b)", KEK) == ""
        for prepare in (False, True):
            session.prepare_threshold = 0 if prepare else None
            for _ in range(7):
                assert run("SELECT count(nir), count(data) FROM lab.patient WHERE id < %s", 30) == ""
            insert = (
                "INSERT INTO lab.patient (id, name, nir, note, phone, data) VALUES (%s, 'x', %s, %s, %s, %s)"
            )
            row = (bound.nir, bound.note, bound.phone, bound.data)
            assert run(insert, 900, *row) == ""
            assert run(insert, 901, *row) == "23505"
            assert run(insert, 901, bound.short, *row[1:]) == "23514"
            assert run(insert, 901, bound.other, bound.note, "x" + bound.short, bound.data) == "23514"
            assert run(insert, 901, bound.other, bound.note, bound.phone * 2, bound.data) == "22001"
            assert run(insert, 900, bound.other, *row[1:]) == "23505"
            empty = "INSERT INTO lab.patient (id, name, nir, note) VALUES (%s, NULL, %s, %s)"
            assert run(empty, 902, bound.other, bound.note) == "23502"
            for _ in range(7):
                assert run("UPDATE lab.patient SET note = %s WHERE id = %s", bound.note, 1) == ""
            assert (
                run("UPDATE lab.patient SET nir = %s, phone = %s WHERE id = 2", bound.other, bound.phone)
                == ""
            )
            assert run("UPDATE lab.patient SET nir = %s WHERE id = 3", bound.other) == "23505"
            assert run("UPDATE lab.patient SET data = %s, id = 950 WHERE id = 900", bound.data) == ""
            assert run("DELETE FROM lab.patient WHERE id = 950") == ""
            assert run("UPDATE lab.patient SET nir = NULL, phone = NULL WHERE id = 2") == ""
        if not plans:
            # printed plans hold the values of conditions, and messages in a COPY its line
            _asked(listener, bound)
            with session.cursor().copy("COPY lab.patient (id, name, nir, note) FROM STDIN") as copy:
                copy.write_row((960, "copied", bound.asked, bound.note))
            assert run("DELETE FROM lab.patient WHERE id = 960") == ""
        run("SET debug_print_parse = on")
        run("SET debug_print_rewritten = on")
        assert run("UPDATE lab.patient SET phone = %s WHERE id = 4", bound.phone) == ""
        run("SET debug_print_parse = off")
        run("SET debug_print_rewritten = off")
        with session.transaction():
            run("DECLARE c CURSOR FOR SELECT nir FROM lab.patient")
            run("FETCH 3 FROM c")
        # a session that runs into its limits
        run("SET statement_timeout = 1")
        run("SELECT nir, pg_sleep(1) FROM lab.patient")
        run("RESET statement_timeout")
        # what keys and rows go through in their life
        run("SELECT pgguard.use_key(pgguard.new_key(%b, 'main', 'data', 'next'))", KEK)
        assert run("SELECT pgguard.new_key(%b, 'main', 'index')", KEK) == ""
        assert run("SELECT pgguard.new_key(%b, 'main', 'data')", OTHER_KEK) == "PGG01"
        assert run("SELECT pgguard.unlock(%b)", KEK) == ""
        assert run("SELECT pgguard.reseal__lab__patient('lab.patient_pgg1', 0, 100)") == ""
        assert run("SELECT pgguard.prove__lab__patient('lab.patient_pgg1')") == ""
        assert run("SELECT pgguard.decrypts(nir_pgg1, 'pgguard.data_main') FROM lab.patient_pgg1") == ""
        assert run("SELECT pgguard.rewrap(%b, %b)", KEK, OTHER_KEK) == ""
        assert run("SELECT pgguard.unlock(%b)", KEK) == "PGG01"
        assert run("SELECT pgguard.unlock(%b)", OTHER_KEK) == ""
        assert run("SELECT pgguard.rewrap(%b, %b)", OTHER_KEK, secrets.token_bytes(32)) == ""
        assert run("SELECT pgguard.lock()") == ""
        assert run("UPDATE lab.patient SET note = %s WHERE id = 1", bound.note) == "PGG01"
    return listener


def _asked(listener: Listener, bound: Bound) -> None:
    listener.run("SELECT id FROM pgguard.find__lab__patient__nir(%s)", values=(bound.asked,))
    listener.run("SELECT id FROM lab.patient WHERE nir = %s", values=(bound.asked,))
    listener.run("UPDATE lab.patient SET name = 'x' WHERE nir = %s", values=(bound.asked,))


def test_nothing_of_it_is_written_down(lab: Laboratory) -> None:
    """In one go, because it ends the life of the key: log, statistics, messages."""
    bound = Bound()
    keys = [forms(key) for key in lab.keys().values()]
    plans = _plans(lab)
    listener = _worked(lab, bound, plans)
    said = _log(lab)
    # the log is as talkative as it was asked to be
    assert "execute <unnamed>: SELECT pgguard.unlock($1)" in said
    assert "UPDATE lab.patient SET nir = $1" in said
    assert "PGG01" in said
    if plans:
        assert "Query Text: UPDATE lab.patient_pgg1" in said
    places = {"log": said, "messages": listener.heard}
    if statistics := _statistics(lab):
        places["statistics"] = statistics
        assert "pgguard.unlock($1)" in statistics
    secret = {one for spelled in (*keys, forms(KEK), forms(OTHER_KEK), bound.forms()) for one in spelled}
    for place, text in places.items():
        assert found(text, secret) == [], place
        assert bound.asked not in text, place
    # the controls, which are the limits too: values in the text of a statement, in the line of a COPY that
    # fails, and in the conditions of printed plans
    control = secrets.token_hex(12)
    with lab.session(kek=None) as session:
        session.execute(f"SELECT '{control}'".encode())
        assert control in _log(lab)
        with (
            pytest.raises(psycopg.Error),
            session.cursor().copy("COPY lab.patient (id, nir) FROM STDIN") as copy,
        ):
            copy.write_row((970, bound.other))
        assert f"970\t{bound.other}" in _log(lab)
        if plans:
            session.execute("SELECT id FROM lab.patient WHERE name = %s", (bound.asked,))
            assert bound.asked in _log(lab)


def _log(lab: Laboratory) -> str:
    return lab.cluster.log.read_text("utf-8", "replace")


def _statistics(lab: Laboratory) -> str:
    with psycopg.connect(lab.dsn(), autocommit=True) as connection:
        there = connection.execute("SELECT FROM pg_extension WHERE extname = 'pg_stat_statements'").fetchone()
        if there is None:
            return ""
        return "\n".join(str(row[0]) for row in connection.execute("SELECT query FROM pg_stat_statements"))


@pytest.fixture(scope="module")
def quiet(postgres: Postgres) -> Iterator[Laboratory]:
    """On a server with its usual settings."""
    if postgres.major < 14:
        pytest.skip("encryption needs PostgreSQL 14")
    with Cluster.start(postgres) as cluster:
        yield encrypted(cluster)


def test_other_sessions_see_nothing(quiet: Laboratory) -> None:
    """While statements run: pg_stat_activity as a superuser sees it."""
    bound = Bound()
    seen: list[str] = []
    done = threading.Event()

    def watch() -> None:
        with psycopg.connect(quiet.dsn(), autocommit=True) as connection:
            while not done.is_set():
                rows = connection.execute("SELECT a::text FROM pg_stat_activity AS a").fetchall()
                seen.extend(text for (text,) in rows)
                time.sleep(0.01)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        with quiet.session(kek=None) as session:
            session.execute("SELECT pgguard.unlock(%b), pg_sleep(0.2)", (KEK,))
            session.execute(
                "UPDATE lab.patient SET note = %s WHERE id = 1 AND (SELECT pg_sleep(0.2)) IS NOT NULL",
                (bound.note,),
            )
            session.execute("SELECT pg_sleep(0.2) FROM lab.patient WHERE id = 1 AND note = %s", (bound.note,))
    finally:
        done.set()
        watching.join()
    text = "\n".join(seen)
    assert "pgguard.unlock($1), pg_sleep" in text
    assert "UPDATE lab.patient SET note = $1" in text
    for spelled in (forms(KEK), bound.forms(), *(forms(key) for key in quiet.keys().values())):
        assert found(text, spelled) == []


def _literals() -> dict[str, str]:
    digits = KEK.hex()
    # as encode(..., 'escape') writes it
    octal = "".join(
        f"\\{one:03o}" if one in (0, 92) or one > 127 else chr(one) * (1 + (one == 39)) for one in KEK
    ).replace("\\134", "\\\\")
    encoded = base64.b64encode(KEK).decode()
    return {
        "bytea": f"SELECT pgguard.unlock('\\x{digits}')",
        "capitals": f"SELECT pgguard.unlock('\\x{digits.upper()}')",
        "blanks": f"SELECT pgguard.unlock('\\x{' '.join(KEK[at : at + 4].hex() for at in range(0, 32, 4))}')",
        "escapes": f"SELECT pgguard.unlock(E'\\\\x{digits}')",
        "octal": f"SELECT pgguard.unlock('{octal}'::bytea)",
        "decode": f"SELECT pgguard.unlock(decode('{digits}', 'hex'))",
        "base64": f"SELECT pgguard.unlock(decode('{encoded}', 'base64'))",
        "prepared": f"PREPARE p AS SELECT pgguard.unlock($1); EXECUTE p('\\x{digits}')",
        "block": f"DO $$ BEGIN PERFORM pgguard.unlock('\\x{digits}'); END $$",
        "with": f"WITH k AS (SELECT decode('{digits}', 'hex') AS v) SELECT pgguard.unlock(v) FROM k",
    }


@pytest.mark.parametrize("how", list(_literals()))
@pytest.mark.parametrize("scs", ["on", "off"])
def test_a_key_in_the_statement_is_refused(quiet: Laboratory, how: str, scs: str) -> None:
    with quiet.session("biologist", kek=None) as session:
        session.execute(f"SET standard_conforming_strings = {scs}".encode())
        literal = _literals()[how]
        if scs == "off":
            session.execute("SET escape_string_warning = off")
            # what a program of that time would have written
            literal = literal if how == "escapes" else literal.replace("\\", "\\\\")
        with pytest.raises(psycopg.Error) as caught:
            session.execute(literal.encode())
        assert caught.value.sqlstate == "PGG04"
        with pytest.raises(psycopg.Error):
            quiet.read(session)


def test_a_key_bound_by_the_client_is_refused(quiet: Laboratory) -> None:
    with quiet.session("biologist", kek=None) as session:
        with pytest.raises(psycopg.Error) as caught:
            psycopg.ClientCursor(session).execute("SELECT pgguard.unlock(%s)", (KEK,))
        assert caught.value.sqlstate == "PGG04"


LOUD = {
    "log_statement": {"log_statement": "all"},
    "log_min_duration_statement": {"log_min_duration_statement": "0"},
    "log_min_duration_sample": {"log_min_duration_sample": "0"},
    "log_transaction_sample_rate": {"log_transaction_sample_rate": "1"},
    "log_parameter_max_length_on_error": {"log_parameter_max_length_on_error": "-1"},
    "pgaudit.log_parameter": {"pgaudit.log_parameter": "on"},
    "debug_print_plan": {"debug_print_plan": "on"},
    "auto_explain.log_min_duration": {
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_parameter_max_length": "-1",
    },
    "auto_explain.log_verbose": {"auto_explain.log_min_duration": "0", "auto_explain.log_verbose": "on"},
}


@pytest.mark.parametrize("name", list(LOUD))
def test_no_key_where_values_are_logged(quiet: Laboratory, name: str) -> None:
    with quiet.session(kek=None) as session:
        for setting, value in LOUD[name].items():
            session.execute("SELECT set_config(%s, %s, false)", (setting, value))
        with pytest.raises(psycopg.Error, match=name) as caught:
            session.execute("SELECT pgguard.unlock(%b)", (KEK,))
        assert caught.value.sqlstate == "PGG04"
        assert not [one for one in forms(KEK) if one in str(caught.value.diag.message_primary)]
