"""The scheme pgg1 against its standard and another implementation; values of every type, as they were."""

from __future__ import annotations

import hashlib
import hmac
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import psycopg
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from pgguard.model.encryption import EncryptedColumn
from pgguard.plan.encryption import codec
from pgguard.server.connect import Target
from pgguard.server.shapes import read_shapes
from tests.encryption.encrypting import COLUMNS, TYPES, encrypted
from tests.encryption.phases import planned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster
    from tests.encryption.encrypting import Laboratory

# RFC 7518, appendix B.3
KEY = bytes(range(64))
PLAIN = (
    b"A cipher system must not be required to be secret, and it must be able to fall into the hands of the "
    b"enemy without inconvenience"
)
VECTOR = bytes.fromhex("1af38c2dc2b96ffdd86694092341bc04")
ASSOCIATED = b"The second principle of Auguste Kerckhoffs"
CIPHERTEXT = bytes.fromhex(
    "4affaaadb78c31c5da4b1b590d10ffbd3dd8d5d302423526912da037ecbcc7bd822c301dd67c373bccb584ad3e9279c2"
    "e6d12a1374b77f077553df829410446b36ebd97066296ae6427ea75c2e0846a11a09ccf5370dc80bfecbad28c73f09b3"
    "a3b75e662a2594410ae496b2e2e6609e31e6e02cc837f053d21f37ff4f51950bbe2638d09dd7a4930930806d0703b1f6"
)
TAG = bytes.fromhex("4dd3b4c088a7f45c216839645b2012bf2e6269a8c56a816dbc1b267761955bc5")

# the namespace of the uuids of columns
_NAMES = UUID("5b1f2f0e-6b0b-5d43-9b0e-0d5a8f7a9c11")

ODD_SETTINGS: dict[str, dict[str, str]] = {
    "as usual": {},
    "german": {
        "datestyle": "German, DMY",
        "timezone": "Pacific/Apia",
        "extra_float_digits": "-15",
        "intervalstyle": "iso_8601",
    },
    "american": {
        "datestyle": "SQL, MDY",
        "timezone": "America/St_Johns",
        "extra_float_digits": "0",
        "intervalstyle": "sql_standard",
    },
    "old bytes": {"bytea_output": "escape", "client_encoding": "UTF8", "array_nulls": "off"},
    "old strings": {"standard_conforming_strings": "off", "escape_string_warning": "off"},
    "own schema first": {"search_path": "pg_temp, lab, pg_catalog", "quote_all_identifiers": "on"},
    "postgres dates": {
        "datestyle": "Postgres, YMD",
        "timezone": "UTC-14",
        "intervalstyle": "postgres_verbose",
    },
    "no generic plan": {"plan_cache_mode": "force_custom_plan", "transform_null_equals": "on"},
}


@pytest.fixture(scope="module")
def lab(running: Cluster) -> Laboratory:
    """Encrypted, behind a view."""
    return encrypted(running, "clinic")


@pytest.fixture(scope="module")
def in_place(running: Cluster) -> Laboratory:
    """Encrypted in place."""
    return encrypted(running, "bench", form="in-place")


@contextmanager
def undone(connection: psycopg.Connection) -> Iterator[None]:
    """What is done in it is taken back."""
    with connection.transaction(force_rollback=True):
        yield


def seal(plain: bytes, key: bytes, associated: bytes, vector: bytes) -> tuple[bytes, bytes]:
    """AEAD_AES_256_CBC_HMAC_SHA_512: ciphertext and tag (RFC 7518, 5.2.2.1)."""
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key[32:]), modes.CBC(vector)).encryptor()
    secret = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    length = struct.pack(">Q", 8 * len(associated))
    return secret, hmac.digest(key[:32], associated + vector + secret + length, hashlib.sha512)[:32]


def unseal(stored: bytes, keys: dict[bytes, bytes], context: bytes) -> bytes:
    """A stored value of pgg1 opened by nothing of pgguard's."""
    head, vector, secret, tag = stored[:5], stored[5:21], stored[21:-32], stored[-32:]
    key = keys[head[1:]]
    length = struct.pack(">Q", 8 * (len(head) + len(context)))
    assert tag == hmac.digest(key[:32], head + context + vector + secret + length, hashlib.sha512)[:32]
    decryptor = Cipher(algorithms.AES(key[32:]), modes.CBC(vector)).decryptor()
    unpadder = PKCS7(128).unpadder()
    plain = unpadder.update(decryptor.update(secret) + decryptor.finalize()) + unpadder.finalize()
    if head[0] == 2:
        size = int.from_bytes(plain[:4], "big")
        assert plain[4 + size :].strip(b"\0") == b""
        return plain[4 : 4 + size]
    return plain


def group_keys(lab: Laboratory, setting: str) -> dict[bytes, bytes]:
    """The unwrapped keys of a group by their numbers, as superuser."""
    held = bytes(lab.superuser("SELECT pgguard.session_keys(%s)", setting)[0][0])
    return {held[at : at + 4]: held[at + 4 : at + 68] for at in range(0, len(held), 68)}


def context_of(lab: Laboratory, table: str, column: str, *parts: bytes) -> bytes:
    """What is authenticated with a value: the column's uuid, and the parts of the row's key."""
    name = "\x00".join((lab.database, "lab", table, column))
    return uuid5(_NAMES, name).bytes + b"".join(struct.pack(">I", len(one)) + one for one in parts)


def int8(number: int) -> bytes:
    """A bigint as it is sent."""
    return struct.pack(">q", number)


def refused(connection: psycopg.Connection, query: str, *values: object) -> str:
    """The SQLSTATE that a query fails with; empty when it does not."""
    try:
        with connection.transaction():
            connection.execute(query.encode(), values or None)
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return ""


def test_standard_vector(lab: Laboratory) -> None:
    assert seal(PLAIN, KEY, ASSOCIATED, VECTOR) == (CIPHERTEXT, TAG)
    with lab.session() as session:
        row = session.execute(
            "SELECT pgguard.aes_encrypt(%b, %b, %b), substr(pgguard.hmac_sha512(%b, %b), 1, 32),"
            " pgguard.aes_decrypt(%b, %b, %b)",
            (
                *(PLAIN, KEY[32:], VECTOR),
                *(ASSOCIATED + VECTOR + CIPHERTEXT + struct.pack(">Q", 8 * len(ASSOCIATED)), KEY[:32]),
                *(CIPHERTEXT, KEY[32:], VECTOR),
            ),
        ).fetchone()
        assert row == (CIPHERTEXT, TAG, PLAIN)
        # with the head before the associated data, as pgg1 has it
        head = b"\x01" + int8(7)[4:]
        secret, tag = seal(PLAIN, KEY, head + ASSOCIATED, VECTOR)
        stored = head + VECTOR + secret + tag
        row = session.execute(
            "SELECT pgguard.pgg1_open(%b, %b, %b)", (stored, head[1:] + KEY, ASSOCIATED)
        ).fetchone()
        assert row == (PLAIN,)
        made = session.execute(
            "SELECT pgguard.pgg1_seal(%b, %b, %b)", (PLAIN, head[1:] + KEY, ASSOCIATED)
        ).fetchone()
        assert made is not None
        assert unseal(made[0], {head[1:]: KEY}, ASSOCIATED) == PLAIN


def test_stored_values_are_what_the_scheme_says(lab: Laboratory) -> None:
    keys = group_keys(lab, "pgguard.data_main")
    for name, as_bytes in (
        ("nir", str.encode),
        ("phone", str.encode),
        ("born", lambda day: str(day).encode()),
    ):
        clear = lab.kept(name)
        stored = lab.superuser(f"SELECT id, {name}_pgg1 FROM {lab.storage}")
        assert len(stored) == len(clear) > 0
        for number, value in stored:
            context = context_of(lab, "patient", name, int8(number))
            assert unseal(value, keys, context) == as_bytes(clear[number])  # type: ignore[arg-type]
    lengths = {len(value) for (value,) in lab.superuser(f"SELECT phone_pgg1 FROM {lab.storage}")}
    assert len(lengths) == 1


def test_what_is_sealed_elsewhere_opens(lab: Laboratory) -> None:
    ((number, key),) = group_keys(lab, "pgguard.data_main").items()
    head = b"\x01" + number
    said = "sealed elsewhere, é"
    with lab.session() as session:
        for place in (1, -1, 2**63 - 1):
            context = context_of(lab, "patient", "note", int8(place))
            secret, tag = seal(said.encode(), key, head + context, VECTOR)
            row = session.execute(
                "SELECT pgguard.open__lab__patient__note(%b, %s)", (head + VECTOR + secret + tag, place)
            ).fetchone()
            assert row == (said,)


@pytest.mark.parametrize("column", ["nir", "phone"])
def test_nothing_opens_that_was_touched(lab: Laboratory, column: str) -> None:
    ((stored,),) = lab.superuser(f"SELECT {column}_pgg1 FROM {lab.storage} WHERE id = 1")
    call = f"SELECT pgguard.open__lab__patient__{column}(%b, 1)"
    with lab.session("biologist") as session:
        assert refused(session, call, stored) == ""
        for at in range(len(stored)):
            for bit in (0x01, 0x80):
                changed = stored[:at] + bytes([stored[at] ^ bit]) + stored[at + 1 :]
                # bytes 1 to 4 are the number of a key that is not there
                assert refused(session, call, changed) == ("PGG03" if 1 <= at <= 4 else "PGG02"), at
        for size in range(len(stored)):
            assert refused(session, call, stored[:size]) in ("PGG02", "PGG03"), size
        assert refused(session, call, stored + b"\0") == "PGG02"
        # a block of the ciphertext left out, and the version of the other kind of values
        assert refused(session, call, stored[:21] + stored[37:]) == "PGG02"
        assert refused(session, call, bytes([3 - stored[0]]) + stored[1:]) == "PGG02"
        index_key = next(iter(group_keys(lab, "pgguard.index_main")))
        special_key = next(iter(group_keys(lab, "pgguard.data_special")))
        for other in (index_key, special_key):
            assert refused(session, call, stored[:1] + other + stored[5:]) == "PGG03"


def test_a_value_opens_in_its_place_only(lab: Laboratory) -> None:
    storage = lab.storage
    with lab.session() as session:
        for swap in (
            # rows
            f"UPDATE {storage} SET nir_pgg1 = (SELECT nir_pgg1 FROM {storage} WHERE id = 2) WHERE id = 1",
            # columns
            f"UPDATE {storage} SET nir_pgg1 = note_pgg1 WHERE id = 1",
            f"UPDATE {storage} SET nir_pgg1 = born_pgg1 WHERE id = 1",
            # tables
            f"UPDATE {storage} SET nir_pgg1 = (SELECT c0_pgg1 FROM lab.every_pgg1 WHERE id = 1) WHERE id = 1",
            # the blind index is no value
            f"UPDATE {storage} SET nir_pgg1 = nir_find WHERE id = 1",
        ):
            with undone(session):
                assert session.execute(swap.encode()).rowcount == 1
                assert refused(session, "SELECT nir FROM lab.patient WHERE id = 2") == ""
                assert refused(session, "SELECT nir FROM lab.patient WHERE id = 1") == "PGG02", swap
                assert refused(session, "SELECT count(nir) FROM lab.patient") == "PGG02", swap
        with undone(session):
            session.execute(
                f"ALTER TABLE {storage} DISABLE TRIGGER USER;"
                f"UPDATE {storage} SET id = -1 WHERE id = 1".encode()
            )
            assert refused(session, "SELECT nir FROM lab.patient WHERE id = -1") == "PGG02"


def test_the_same_value_is_never_the_same_bytes(lab: Laboratory) -> None:
    with lab.session() as session, undone(session):
        session.execute("UPDATE lab.patient SET note = 'alike'")
        row = session.execute(
            "SELECT count(*), count(DISTINCT note_pgg1), count(DISTINCT substr(note_pgg1, 6, 16))"
            f" FROM {lab.storage}".encode()
        ).fetchone()
    assert row is not None
    assert row[0] == row[1] == row[2] > 1


def test_null_stays_null(lab: Laboratory) -> None:
    stored = ", ".join(f"{name}_pgg1" for name in COLUMNS)
    ((nulls,),) = lab.superuser(f"SELECT num_nulls({stored}) FROM lab.every_pgg1 WHERE id = 0")
    assert nulls == len(COLUMNS)
    ((nulls,),) = lab.superuser(f"SELECT num_nulls({', '.join(COLUMNS)}) FROM lab.every WHERE id = 0")
    assert nulls == len(COLUMNS)
    ((nulls,),) = lab.superuser("SELECT count(*) FROM lab.every_pgg1 WHERE c0_pgg1 IS NULL AND id > 0")
    assert nulls == 0


def _every(lab: Laboratory) -> str:
    """Columns of lab.every in clear, as a list of expressions."""
    if lab.form == "view":
        return ", ".join(COLUMNS)
    return ", ".join(
        f"pgguard.open__lab__every__{name}({name}_pgg1, id)"
        + (f"::{kind}" if "." in kind or "character" in kind else "")
        for name, kind in COLUMNS.items()
    )


def _copied(session: psycopg.Connection, query: str) -> list[bytes]:
    with session.cursor().copy(f"COPY ({query}) TO STDOUT".encode()) as copy:
        return b"".join(bytes(one) for one in copy).splitlines()


@pytest.mark.parametrize("form", ["view", "in-place"])
@pytest.mark.parametrize("odd", list(ODD_SETTINGS))
def test_every_type_comes_back(lab: Laboratory, in_place: Laboratory, form: str, odd: str) -> None:
    """Written before, and written under the odd settings; read under these and under the usual ones."""
    laboratory = lab if form == "view" else in_place
    with laboratory.session(kek=None) as session:
        ((rows,),) = session.execute("SELECT count(*) FROM kept.every").fetchall()
        for name, value in ODD_SETTINGS[odd].items():
            session.execute("SELECT set_config(%s, %s, false)", (name, value))
        # after the settings: unlock has to work under them too
        session.execute("SELECT pgguard.unlock(%b)", (_kek(),))
        listed = _every(laboratory)
        first = _copied(session, f"SELECT id, {listed} FROM lab.every ORDER BY id")
        wanted = _copied(session, f"SELECT id, {', '.join(COLUMNS)} FROM kept.every ORDER BY id")
        assert len(wanted) == rows > 1
        _same(first, wanted)
        with undone(session):
            session.execute(
                f"INSERT INTO lab.every (id, {', '.join(COLUMNS)})"
                f" SELECT 1000 + id, {', '.join(COLUMNS)} FROM kept.every".encode()
            )
            again = f"SELECT id - 1000, {listed} FROM lab.every WHERE id >= 1000 ORDER BY id"
            _same(_copied(session, again), wanted)
            session.execute("RESET ALL")
            session.execute("SELECT pgguard.unlock(%b)", (_kek(),))
            usual = _copied(session, f"SELECT id, {', '.join(COLUMNS)} FROM kept.every ORDER BY id")
            _same(_copied(session, again), usual)
            if form == "view":
                session.execute(
                    f"UPDATE lab.every SET ({', '.join(COLUMNS)}) ="
                    f" (SELECT {', '.join(COLUMNS)} FROM kept.every WHERE id = 2) WHERE id = 1001".encode()
                )
                (changed,) = _copied(session, "SELECT 2, " + listed + " FROM lab.every WHERE id = 1001")
                assert changed == usual[2]


def _kek() -> bytes:
    from tests.encryption.phases import KEK

    return KEK


def _same(found: list[bytes], wanted: list[bytes]) -> None:
    assert len(found) == len(wanted)
    for got, expected in zip(found, wanted, strict=True):
        pairs = zip(got.split(b"\t"), expected.split(b"\t"), ["id", *TYPES], strict=True)
        differing = [(kind, a[:80], b[:80]) for a, b, kind in pairs if a != b]
        assert differing == []


def test_other_client_encoding(lab: Laboratory) -> None:
    with lab.session(client_encoding="LATIN1") as session, undone(session):
        session.execute("UPDATE lab.patient SET note = %s WHERE id = 1", ("Zoé à l'hôpital",))
        session.execute("UPDATE lab.patient SET phone = '06' WHERE note = %s", ("Zoé à l'hôpital",))
        row = session.execute("SELECT note, phone FROM lab.patient WHERE id = 1").fetchone()
        assert row == ("Zoé à l'hôpital", "06")
        session.execute("SET client_encoding = 'UTF8'")
        row = session.execute("SELECT note FROM lab.patient WHERE id = 1").fetchone()
        assert row == ("Zoé à l'hôpital",)


def test_a_codec_that_loses_something_is_noticed(running: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_UNLIMITED", {})
    with pytest.raises(psycopg.Error) as caught:
        encrypted(running, "losing", through="backfill", tables=["lab.every"])
    assert caught.value.sqlstate == "PGG02"


_KEYED = """
    CREATE TABLE lab.keyed (
        a uuid, b text, c timestamptz, d lab.mood, e numeric, f character(4), g date, h smallint,
        i lab.number, j timestamp, k character varying(9), secret text,
        PRIMARY KEY (a, b, c, d, e, f, g, h, i, j, k)
    );
    INSERT INTO lab.keyed
    SELECT md5(n::text)::uuid, 'clé ' || n, '2024-01-01 00:00+00'::timestamptz + n * interval '1 us',
        CASE WHEN n % 2 = 0 THEN 'ok' ELSE 'très bien' END::lab.mood, n / 2.0, 'A' || n,
        date '2000-01-01' + n, n, lpad(n::text, 13, '0'), '2000-01-01'::timestamp + n * interval '1 us',
        'v' || n, 'secret ' || n
    FROM generate_series(1, 9) AS n;
    ALTER TABLE lab.keyed OWNER TO lab_owner;
"""
# what changes one part of the key only
_MOVES = {
    "a": "gen_random_uuid()",
    "b": "b || ' '",
    "c": "c + interval '1 us'",
    "d": "'NULL'",
    "e": "e + 0.01",
    "f": "'A' || h + 10",
    "g": "g + 1",
    "h": "h + 1",
    "i": "i || '0'",
    "j": "j + interval '1 us'",
    "k": "k || 'x'",
}


@pytest.mark.parametrize("form", ["view", "in-place"])
def test_keys_of_every_type(running: Cluster, form: Any) -> None:
    lab = encrypted(running, f"keyed_{form[:2]}", form=form, through="")
    lab.superuser(_KEYED)
    plan = planned(running, lab.database, {"lab.keyed": (EncryptedColumn("secret"),)}, form=form)
    plan.up("expand", "backfill", "verify", *(("switch",) if form == "view" else ()), "soak", "contract")
    stored = "lab.keyed_pgg1" if form == "view" else "lab.keyed"
    ((opener,),) = lab.superuser(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'pgguard'::regnamespace AND pronargs > 3"
        " AND starts_with(proname, 'open__')"
    )
    given = ", ".join("format('%%s', d)" if name == "d" else name for name in _MOVES)
    read = f"SELECT h, pgguard.{opener}(secret_pgg1, {given}) FROM {stored} ORDER BY h"
    wanted = [(number, f"secret {number}") for number in range(1, 10)]
    with lab.session() as session:
        for settings in ODD_SETTINGS.values():
            with session.transaction(force_rollback=True):
                for name, value in settings.items():
                    session.execute("SELECT set_config(%s, %s, true)", (name, value))
                assert session.execute(read.replace("%%", "%").encode()).fetchall() == wanted
        for name, moved in _MOVES.items():
            with undone(session):
                # where the value was written under the key from before, it does not open under the new one
                session.execute(f"ALTER TABLE {stored} DISABLE TRIGGER USER".encode())
                session.execute(f"UPDATE {stored} SET {name} = {moved} WHERE h = 5".encode())
                assert refused(session, read.replace("%%", "%")) == "PGG02", name
            with undone(session):
                session.execute(f"UPDATE lab.keyed SET {name} = {moved} WHERE h = 5".encode())
                found = session.execute(read.replace("%%", "%").encode()).fetchall()
                assert sorted(value for _, value in found) == [value for _, value in wanted], name
        with undone(session):
            # the same key in another spelling
            session.execute("UPDATE lab.keyed SET e = (e::text || '00')::numeric, f = trim(f) WHERE h = 4")
            assert session.execute(read.replace("%%", "%").encode()).fetchall() == wanted


def test_the_key_of_a_row_changes(lab: Laboratory) -> None:
    with lab.session() as session, undone(session):
        session.execute("UPDATE lab.patient SET id = 100000 + id WHERE id <= 3")
        clear = lab.kept()
        found = lab.read(session)
        assert {number % 100000: value for number, value in found.items()} == clear
        session.execute("UPDATE lab.patient SET id = 200001, nir = '999999999999999' WHERE id = 100001")
        session.execute("UPDATE lab.patient SET id = 200002, nir = NULL WHERE id = 100002")
        found = lab.read(session)
        assert (found[200001], found[200002]) == ("999999999999999", None)
        rows = session.execute("SELECT id FROM pgguard.find__lab__patient__nir('999999999999999')").fetchall()
        assert rows == [(200001,)]


_FORMS = {
    "identifier": [("1 85 05 78 006 084 / 36", "185057800608436"), ("2a-b.c", "2ABC")],
    "phone": [("+33 (0)6 12-34", "003361234"), ("06.12.34", "061234"), ("0033 6 12", "+33612")],
    "name": [
        ("Éléonore  d'Arc-Œuf", "eleonore d arc oeuf"),
        ("  MÜLLER ", "muller"),
        ("Straße", "STRASSE"),
        ("O\u2019Brien", "O'BRIEN"),
    ],
    "exact": [("a", "a")],
}
_UNLIKE = {
    "identifier": ("12", "13"),
    "phone": ("06", "0606"),
    "name": ("Marie", "Maria"),
    "exact": ("a", "A"),
}


@pytest.mark.parametrize("form", list(_FORMS))
@pytest.mark.parametrize("scs", ["on", "off"])
def test_normal_forms(lab: Laboratory, form: str, scs: str) -> None:
    with lab.session() as session:
        session.execute(f"SET standard_conforming_strings = {scs}".encode())

        def normal(text: str) -> object:
            row = session.execute(f"SELECT pgguard.normal_{form}(%s)".encode(), (text,)).fetchone()
            assert row is not None
            return row[0]

        for one, other in _FORMS[form]:
            assert normal(one) == normal(other), (one, other)
        assert normal(_UNLIKE[form][0]) != normal(_UNLIKE[form][1])


def test_blind_index(lab: Laboratory) -> None:
    ((number, key),) = group_keys(lab, "pgguard.index_main").items()
    assert number
    clear, phones = lab.kept(), lab.kept("phone")
    for row, nir, phone in lab.superuser(f"SELECT id, nir_find, phone_find FROM {lab.storage}"):
        spelled = str(phones[row]).replace(" ", "")
        for found, column, normal in ((nir, "nir", str(clear[row])), (phone, "phone", spelled)):
            context = context_of(lab, "patient", column)
            assert found == hmac.digest(key, context + normal.encode(), hashlib.sha512)[:16]
    with lab.session("biologist") as session:
        for row, phone in phones.items():
            for between in (" ", ".", ""):
                query = "SELECT id, phone FROM pgguard.find__lab__patient__phone(%s)"
                asked = str(phone).replace(" ", between)
                assert session.execute(query, (asked,)).fetchall() == [(row, phone)]
        assert session.execute("SELECT FROM pgguard.find__lab__patient__nir('1')").fetchall() == []
        assert session.execute("SELECT FROM pgguard.find__lab__patient__nir(NULL)").fetchall() == []


@pytest.mark.parametrize("form", ["view", "in-place"])
def test_constraints_hold_and_say_no_value(lab: Laboratory, in_place: Laboratory, form: str) -> None:
    laboratory = lab if form == "view" else in_place
    taken = laboratory.kept()[1]
    with laboratory.session() as session:
        for query, state in (
            (f"INSERT INTO lab.patient (name, nir) VALUES ('x', '{taken}')", "23505"),
            (f"UPDATE lab.patient SET nir = '{taken}' WHERE id = 2", "23505"),
            ("INSERT INTO lab.patient (name, nir) VALUES ('x', '4711')", "23514"),
            ("UPDATE lab.patient SET nir = '4711' WHERE id = 2", "23514"),
            ("UPDATE lab.patient SET phone = 'tel 4711' WHERE id = 2", "23514"),
            ("INSERT INTO lab.patient (name, phone) VALUES ('x', 'tel 4711')", "23514"),
        ):
            with pytest.raises(psycopg.Error) as caught:
                session.execute(query.encode())
            assert caught.value.sqlstate == state, query
            diag = caught.value.diag
            said = " ".join(filter(None, (diag.message_primary, diag.message_detail, diag.context)))
            assert said
            assert str(taken) not in said
            assert "4711" not in said


def test_checks_of_several_columns_hold(running: Cluster) -> None:
    """Those over columns that are called like variables of the trigger too."""
    lab = encrypted(running, "checks", through="")
    lab.superuser(
        "CREATE TABLE lab.odd (id int PRIMARY KEY,"
        " moved text CONSTRAINT \"50% 'x'\" CHECK (moved IS NOT NULL),"
        " data_main int, keys text, stored text, value text, key_1 date, note text,"
        " CHECK (length(moved) > data_main), CHECK (keys <> stored), CHECK (key_1 > '1900-01-01'),"
        " CHECK (keys IS NOT NULL OR stored IS NOT NULL));"
        "INSERT INTO lab.odd VALUES (1, 'abc', 1, 'k', 's', 'value', '2000-01-01'); ANALYZE lab.odd;"
    )
    columns = tuple(EncryptedColumn(name) for name in ("moved", "keys", "stored", "value", "key_1"))
    plan = planned(running, lab.database, {"lab.odd": columns})
    plan.up("expand", "backfill", "verify", "switch", "soak", "contract")
    good = (
        "INSERT INTO lab.odd VALUES (2, 'abc', 1, 'k', 's', 'value', '2000-01-01')",
        "UPDATE lab.odd SET note = 'x'",
        "UPDATE lab.odd SET value = 'x'",
        "UPDATE lab.odd SET moved = 'abcd', data_main = 3 WHERE id = 2",
        "UPDATE lab.odd SET keys = NULL WHERE id = 2",
        "UPDATE lab.odd SET id = 3 WHERE id = 2",
        "UPDATE lab.odd SET id = 2, data_main = 2 WHERE id = 3",
    )
    refusing = (
        "INSERT INTO lab.odd VALUES (4, 'a', 1, 'k', 's')",
        "INSERT INTO lab.odd VALUES (4, NULL, 1, 'k', 's')",
        "UPDATE lab.odd SET moved = NULL WHERE id = 1",
        "UPDATE lab.odd SET moved = 'a' WHERE id = 1",
        "UPDATE lab.odd SET data_main = 3 WHERE id = 1",
        "UPDATE lab.odd SET id = 4, data_main = 3 WHERE id = 1",
        "UPDATE lab.odd SET keys = stored WHERE id = 1",
        "UPDATE lab.odd SET stored = NULL WHERE id = 2",
        "UPDATE lab.odd SET key_1 = '1800-01-01' WHERE id = 1",
    )
    with lab.session() as session:
        for query in good:
            assert refused(session, query) == "", query
        for query in refusing:
            assert refused(session, query) == "23514", query
        rows = session.execute(
            "SELECT id, moved, data_main, keys, stored FROM lab.odd ORDER BY id"
        ).fetchall()
        assert rows == [(1, "abc", 1, "k", "s"), (2, "abcd", 2, None, "s")]


def test_every_type_that_can_be_encrypted_is_tried(lab: Laboratory, running: Cluster) -> None:
    """A type that the codec takes is among the columns of lab.every."""
    (shape,) = read_shapes(Target(running.dsn()), lab.database, ["lab.every_pgg1"])
    tried = {column.base.removesuffix("[]") for column in shape.columns}
    assert codec._SETTINGS.keys() <= tried
