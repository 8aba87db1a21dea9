"""Those who may not read: everything that they can try, and that it tells them neither a value nor a key.

Each attack is a list of statements that an attacker's session runs one by one, whatever fails. All that comes
back is kept: rows, notices, every field of errors, what its own functions were given. None of it may hold a
secret. Where the same statements would give values to a reader, a reader runs them as the control.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.model.encryption import EncryptedColumn
from tests.encryption.attacks import ATTACKS, TOOLS, Listener, Secrets, rights_are_right, spelled
from tests.encryption.encrypting import encrypted
from tests.encryption.phases import KEK, planned

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from tests.encryption.attacks import Attack
    from tests.encryption.encrypting import Laboratory


@pytest.fixture(scope="module", params=["view", "in-place"])
def lab(running: Cluster, request: pytest.FixtureRequest) -> Laboratory:
    """Encrypted in each form; what all attackers make for themselves is there."""
    laboratory = encrypted(running, f"clinic_{request.param[:2]}", form=request.param)
    for role in ("biologist", "clerk", "secretary", "intruder"):
        with laboratory.session(role) as session:
            session.execute(re.sub(r"\bME\b", role, TOOLS).encode())
    laboratory.superuser("GRANT TEMPORARY ON DATABASE " + laboratory.database + " TO PUBLIC")
    return laboratory


@pytest.fixture(scope="module")
def secrets(lab: Laboratory) -> Secrets:
    """What must not be learnt of it."""
    return Secrets.of(lab)


def _attacked(lab: Laboratory, attack: Attack, role: str, kek: bytes | None) -> Listener:
    with lab.session(role, kek=kek) as session:
        listener = Listener(session)
        for statement in attack.statements:
            values = (KEK,) if "%b" in statement else ()
            text = spelled(lab, statement, role)
            listener.run(text if values else text.replace("%%", "%"), values=values)
        if session.info.transaction_status:
            session.execute("ROLLBACK")
        listener.run(f"SELECT * FROM {role}.heard")
    # what it made goes, so that the next attack finds everything as it was
    with lab.session(role, kek=None) as session:
        rows = session.execute(
            "SELECT CASE relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END,"
            " relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'v', 'm')"
            " AND relname <> 'heard'",
            (role,),
        ).fetchall()
        for kind, name in rows:
            session.execute(f"DROP {kind} IF EXISTS {role}.{name} CASCADE".encode())
        session.execute(f"DROP FUNCTION IF EXISTS {role}.f()".encode())
    return listener


# each role with every attack takes minutes: otherwise the one that has the most rights stands for all
ROLES = ["clerk", "secretary", "intruder"] if "PGGUARD_LONG" in os.environ else ["secretary"]


@pytest.mark.parametrize("name", list(ATTACKS))
@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_learnt(lab: Laboratory, secrets: Secrets, name: str, role: str) -> None:
    for kek in (KEK, None):
        listener = _attacked(lab, ATTACKS[name], role, kek)
        assert secrets.values_in(listener.heard) == []
        assert secrets.keys_in(listener.heard) == []
        assert "as pgguard_keys" not in listener.heard
    # nothing of what was tried stayed
    with lab.session("biologist") as session:
        assert lab.read(session) == lab.kept()


@pytest.mark.parametrize("name", list(ATTACKS))
def test_a_reader_gets_values_and_no_key(lab: Laboratory, secrets: Secrets, name: str) -> None:
    """The control: who may read gets the values by the same statements, and still no key."""
    relations = ", ".join(dict.fromkeys(("lab.patient", lab.storage)))
    rights = f"INSERT, UPDATE, DELETE ON {relations}"
    lab.superuser(f"GRANT {rights} TO biologist")
    listener = _attacked(lab, ATTACKS[name], "biologist", KEK)
    lab.superuser(f"REVOKE {rights} FROM biologist")
    if ATTACKS[name].reader_learns:
        assert secrets.values_in(listener.heard)
    assert secrets.keys_in(listener.heard) == []
    assert "as pgguard_keys" not in listener.heard


def test_locked_readers_get_nothing(lab: Laboratory, secrets: Secrets) -> None:
    for name, attack in ATTACKS.items():
        if name in ("shadowed names", "plans and debugging"):
            # the one unlocks, the other is long and tried by those who may not read
            continue
        listener = _attacked(lab, attack, "biologist", None)
        assert secrets.values_in(listener.heard) == [], name
        assert secrets.keys_in(listener.heard) == [], name


def test_who_may_call_what(lab: Laboratory) -> None:
    rights_are_right(lab)


@pytest.mark.parametrize("role", ROLES)
def test_every_function_with_every_argument(lab: Laboratory, secrets: Secrets, role: str) -> None:
    rows = lab.superuser(
        "SELECT oid::regprocedure::text, prokind FROM pg_proc WHERE pronamespace = 'pgguard'::regnamespace"
    )
    ((nir, born, phone, index),) = lab.superuser(
        f"SELECT nir_pgg1, born_pgg1, phone_pgg1, nir_find FROM {lab.storage} WHERE id = 1"
    )
    guess = str(lab.kept()[1])
    texts = (
        *("pgguard.data_main", "pgguard.index_main", "pgguard.data_special", "main", guess),
        *("lab.patient", "SELECT", "clerk"),
    )
    arguments: dict[str, tuple[object, ...]] = {
        "bytea": (nir, born, phone, index, KEK, b"", None),
        "text": (*texts, None),
        "bigint": (1, 2, 0),
        "integer": (1, 0),
        "date": ("1930-10-28",),
        "regclass": (lab.storage,),
        "double precision": (0,),
        "regprocedure": ("pgguard.session_keys(text)",),
    }
    with lab.session(role) as session:
        listener = Listener(session)
        for signature, kind in rows:
            name, _, types = signature.rstrip(")").partition("(")
            kinds = [one for one in types.split(",") if one]
            for number in range(max(map(len, arguments.values()))):
                values = []
                for one in kinds:
                    those = arguments.get(one, (None,))
                    values.append(those[number % len(those)])
                holders = ", ".join(f"%s::{one}" for one in kinds)
                call = f"CALL {name}({holders})" if kind == "p" else f"SELECT {name}({holders})"
                listener.run(call, values=values)
        assert len(listener.states) > len(rows)
        assert "42501" in listener.states
    assert secrets.values_in(listener.heard.replace(guess, "")) == []
    assert secrets.keys_in(listener.heard.replace(KEK.hex(), "")) == []


def _tokens(session: psycopg.Connection) -> dict[str, str]:
    """The settings by which a session holds its keys."""
    rows = session.execute(
        "SELECT 'pgguard.' || p || '_' || g"
        " FROM unnest(ARRAY['data', 'index']) AS p, unnest(ARRAY['main', 'special']) AS g"
    ).fetchall()
    found = {}
    for (name,) in rows:
        row = session.execute("SELECT current_setting(%s, true)", (name,)).fetchone()
        assert row is not None
        assert row[0]
        found[name] = row[0]
    return found


def _set(session: psycopg.Connection, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        session.execute("SELECT set_config(%s, %s, false)", (name, value))


@pytest.mark.parametrize("thief", ["biologist", "clerk", "postgres"])
def test_tokens_open_nothing_elsewhere(lab: Laboratory, secrets: Secrets, thief: str) -> None:
    with lab.session("biologist") as session, lab.session(thief, kek=None) as other:
        tokens = _tokens(session)
        assert secrets.keys_in(str(tokens)) == []
        assert lab.read(session) == lab.kept()
        _set(other, tokens)
        listener = Listener(other)
        listener.run("SELECT pgguard.open__lab__patient__nir(nir_pgg1, id) FROM " + lab.storage)
        listener.run(f"SELECT {lab.shown('nir')} FROM lab.patient")
        assert set(listener.states) <= {"PGG01", "42501"} or thief == "clerk"
        assert secrets.values_in(listener.heard) == []
        # a session as somebody else is another session
        if thief == "postgres":
            other.execute("SELECT pgguard.unlock(%b)", (KEK,))
            assert lab.read(other) == lab.kept()
            other.execute("SET SESSION AUTHORIZATION biologist")
            with pytest.raises(psycopg.Error) as caught:
                lab.read(other)
            assert caught.value.sqlstate == "PGG01"


def test_forged_tokens_open_nothing(lab: Laboratory) -> None:
    query = f"SELECT {lab.shown('nir')} FROM lab.patient WHERE id = 1".encode()
    wanted = lab.kept()[1]
    with lab.session("biologist") as session:
        tokens = _tokens(session)
        name = "pgguard.data_main"
        token = tokens[name]
        forged = [
            *(token[:at] + ("0" if token[at] != "0" else "1") + token[at + 1 :] for at in range(len(token))),
            *(token[:at] for at in range(1, len(token), 7)),
            *("", "locked", "x", "00", token + "00", token[32:], token + token, "é"),
            *(value for other, value in tokens.items() if other != name),
        ]
        for one in forged:
            _set(session, {name: one})
            with pytest.raises(psycopg.Error) as caught:
                session.execute(query)
            assert caught.value.sqlstate in ("PGG01", "PGG03"), one
        _set(session, tokens)
        assert session.execute(query).fetchone() == (wanted,)
        # the same bytes in capitals are the same token
        _set(session, {name: token.upper()})
        assert session.execute(query).fetchone() == (wanted,)


def _opens(lab: Laboratory, session: psycopg.Connection) -> bool:
    query = f"SELECT {lab.shown('nir')} FROM lab.patient WHERE id = 1"
    try:
        with session.transaction():
            row = session.execute(query.encode()).fetchone()
    except psycopg.Error as error:
        if error.sqlstate != "PGG01":
            raise
        return False
    return row == (lab.kept()[1],)


def test_a_session_is_as_open_as_it_was_made(lab: Laboratory) -> None:
    """By transactions that are taken back, failures, DISCARD and RESET; cached plans notice."""
    with lab.session("biologist", kek=None) as session:
        unlock = ("SELECT pgguard.unlock(%b)", (KEK,))
        assert not _opens(lab, session)
        with session.transaction(force_rollback=True):
            session.execute(*unlock)
            assert _opens(lab, session)
        assert not _opens(lab, session)
        with session.transaction():
            with session.transaction(force_rollback=True):
                session.execute(*unlock)
                assert _opens(lab, session)
            assert not _opens(lab, session)
        session.execute(*unlock)
        with pytest.raises(psycopg.Error), session.transaction():
            session.execute("SELECT 1 / 0")
        assert _opens(lab, session)
        with pytest.raises(psycopg.Error):
            session.execute("SELECT pgguard.unlock(%b)", (bytes(32),))
        # a wrong key takes nothing away
        assert _opens(lab, session)
        session.execute("PREPARE held AS SELECT count(nir_pgg1) FROM " + lab.storage)
        for closing in ("SELECT pgguard.lock()", "RESET ALL", "DISCARD ALL", "SET pgguard.data_main = ''"):
            session.execute(*unlock)
            for _ in range(8):
                assert _opens(lab, session)
            session.execute(closing.encode())
            for _ in range(3):
                assert not _opens(lab, session), closing
        session.execute(*unlock)
        with session.transaction():
            session.execute(f"DECLARE c CURSOR FOR SELECT {lab.shown('nir')} FROM lab.patient".encode())
            assert session.execute("FETCH 1 FROM c").fetchone() is not None
            session.execute("SELECT pgguard.lock()")
            with pytest.raises(psycopg.Error) as caught, session.transaction():
                session.execute("FETCH 1 FROM c")
            assert caught.value.sqlstate == "PGG01"


def test_rights_go_with_the_role_of_the_moment(lab: Laboratory, secrets: Secrets) -> None:
    """A pool: one login, many roles; what a plan was made for does not count."""
    lab.superuser("DO $$ BEGIN CREATE ROLE pool LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    lab.superuser("GRANT biologist, clerk, intruder TO pool")
    with lab.session("pool") as session:
        for _ in range(3):
            session.execute("SET ROLE biologist")
            assert lab.read(session) == lab.kept()
            session.execute("SET ROLE clerk")
            listener = Listener(session)
            listener.run(f"SELECT {lab.shown('nir')} FROM lab.patient")
            session.execute("SET ROLE intruder")
            listener.run(f"SELECT {lab.shown('nir')} FROM lab.patient")
            assert secrets.values_in(listener.heard) == []
    lab.superuser("REVOKE biologist, clerk, intruder FROM pool")


def test_a_reader_of_one_column_reads_no_other(running: Cluster) -> None:
    lab = encrypted(running, "parted", through="")
    columns = (
        EncryptedColumn("nir", readers=("biologist",), searchable=True),
        EncryptedColumn("note", readers=("clerk",)),
        EncryptedColumn("data", readers=("intruder",), key_group="special"),
    )
    plan = planned(running, lab.database, {"lab.patient": columns})
    plan.up("expand", "backfill", "verify", "switch", "soak", "contract")
    with lab.session("clerk") as session:
        assert lab.read(session, "note") == lab.kept("note")
        assert set(lab.read(session, "nir").values()) == {None}
        listener = Listener(session)
        for other in ("nir", "data", "nir_find"):
            stored = other if other == "nir_find" else f"{other}_pgg1"
            listener.run(f"SELECT pgguard.open__lab__patient__note({stored}, id) FROM {lab.storage}")
        assert set(listener.states) <= {"PGG02", "PGG03"}
        listener.run("SELECT pgguard.open__lab__patient__nir(nir_pgg1, id) FROM " + lab.storage)
        listener.run("SELECT pgguard.open__lab__patient__data(data_pgg1, id) FROM " + lab.storage)
        listener.run("SELECT pgguard.blind__lab__patient__nir('x')")
        assert listener.states[-3:] == ["42501"] * 3
