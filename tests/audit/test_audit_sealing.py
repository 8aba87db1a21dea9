"""Values sealed to the auditor's key: what opens them, what does not, and what never shows them."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from pgguard.errors import InputError, UsageError
from pgguard.server.audit_sealing import destroy, set_auditor_key
from pgguard.server.connect import Target
from pgguard.store.openpgp_key import auditor_key
from pgguard.store.unsealing import by_gpg, open_sealed, unseal
from tests.audit.auditor import auditor
from tests.audit.store import install, with_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    from pgguard.demo.cluster import Cluster
    from tests.audit.auditor import Auditor

    Connection = psycopg.Connection[Any]

NOW = datetime.datetime.now(datetime.UTC)
PLANTED = "sealed-but-never-clear"


@pytest.fixture(scope="module")
def holder() -> Iterator[Auditor]:
    # as auditors have them: one subkey that pgcrypto cannot use besides one that it can
    with auditor("ed25519", "cv25519", "rsa2048") as made:
        yield made


@pytest.fixture(scope="module")
def store(running: Cluster, holder: Auditor) -> str:
    """A database whose table lab.patient has a sealed column, written to by the login app_seal."""
    dsn = with_store(running, "sealing")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE app_seal LOGIN")
        connection.execute("CREATE SCHEMA lab")
        connection.execute(
            "CREATE TABLE lab.patient (id bigint PRIMARY KEY, nir text, note text, visits integer, sex text)"
        )
        connection.execute("GRANT USAGE ON SCHEMA lab TO app_seal")
        connection.execute("GRANT ALL ON lab.patient TO app_seal")
        with pytest.raises(psycopg.errors.RaiseException, match="auditor's key is missing"):
            _audit(connection)
        key = auditor_key(holder.public(), NOW)
        assert key.fingerprint == holder.fingerprint
        set_auditor_key(Target(dsn), key.fingerprint, key.material)
        _audit(connection)
    return dsn


def _audit(connection: Connection, **classes: str) -> None:
    wanted = {"nir": "seal", "note": "seal", "visits": "plain", **classes}
    connection.execute("SELECT pgguard_audit.audit('lab.patient', 'id', %s::jsonb)", (json.dumps(wanted),))


@pytest.fixture
def admin(store: str) -> Iterator[Connection]:
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("DELETE FROM lab.patient")
        yield connection


@pytest.fixture
def app(running: Cluster, admin: Connection) -> Iterator[Connection]:
    with psycopg.connect(running.dsn(user="app_seal", dbname="sealing"), autocommit=True) as connection:
        yield connection


def _opened(admin: Connection, holder: Auditor, since: int) -> list[tuple[str, list[str | None]]]:
    """What pgcrypto and the auditor's secret key open, statement's key by statement's key."""
    crypto = admin.execute(
        "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'pgcrypto'"
    ).fetchone()
    assert crypto is not None
    rows = admin.execute(
        sql.SQL(
            "SELECT e.verb, e.sealed, {}.pgp_pub_decrypt_bytea(k.wrapped, %s) FROM pgguard_audit.entry AS e "
            "LEFT JOIN pgguard_audit.sealed_key AS k ON k.id = pgguard_audit.sealed_with(e.sealed) "
            "WHERE e.shape IS NOT NULL AND e.id > %s ORDER BY e.at, e.id"
        ).format(sql.Identifier(crypto[0])),
        (holder.secret(), since),
    ).fetchall()
    return [(verb, open_sealed(value, key) if value else []) for verb, value, key in rows]


def _last(admin: Connection) -> int:
    row = admin.execute("SELECT max(id) FROM pgguard_audit.entry").fetchone()
    assert row is not None
    return int(row[0])


def _keys(admin: Connection) -> int:
    row = admin.execute("SELECT count(*) FROM pgguard_audit.sealed_key").fetchone()
    assert row is not None
    return int(row[0])


def test_the_auditor_opens_what_was_written(admin: Connection, app: Connection, holder: Auditor) -> None:
    since = _last(admin)
    odd = 'quote " backslash \\ line\nend é 漢 \U0001f600'
    app.execute("INSERT INTO lab.patient VALUES (1, %s, NULL, 0), (2, NULL, %s, 0)", ("nir1", odd))
    app.execute("UPDATE lab.patient SET nir = %s, visits = 1 WHERE id = 1", (PLANTED,))
    app.execute("UPDATE lab.patient SET id = 3 WHERE id = 1")
    app.execute("DELETE FROM lab.patient WHERE id = 2")
    assert _opened(admin, holder, since) == [
        ("INSERT", [None, "nir1", None, None]),
        ("INSERT", [None, None, None, odd]),
        ("UPDATE", ["nir1", PLANTED, None, None]),
        ("UPDATE FROM", [PLANTED, None, None, None]),
        ("UPDATE TO", [None, PLANTED, None, None]),
        ("DELETE", [None, None, odd, None]),
    ]
    everything = admin.execute(
        "SELECT string_agg(e::text, '') FROM pgguard_audit.entry AS e UNION ALL "
        "SELECT string_agg(k::text, '') FROM pgguard_audit.sealed_key AS k"
    ).fetchall()
    for (text,) in everything:
        assert PLANTED not in text
        assert PLANTED.encode().hex() not in text


def test_row_triggers_seal_too(admin: Connection, app: Connection, holder: Auditor) -> None:
    admin.execute(
        "SELECT pgguard_audit.audit('lab.patient', 'id', %s::jsonb, level => 'row')",
        ('{"nir": "seal", "note": "seal", "visits": "plain"}',),
    )
    try:
        before, since = _keys(admin), _last(admin)
        app.execute("INSERT INTO lab.patient VALUES (1, 'a', NULL, 0)")
        app.execute("UPDATE lab.patient SET visits = 2")
        assert _keys(admin) == before + 1
        app.execute("UPDATE lab.patient SET nir = 'b'")
        app.execute("UPDATE lab.patient SET id = 2")
        app.execute("DELETE FROM lab.patient")
        assert _opened(admin, holder, since) == [
            ("INSERT", [None, "a", None, None]),
            ("UPDATE", []),
            ("UPDATE", ["a", "b", None, None]),
            ("UPDATE FROM", ["b", None, None, None]),
            ("UPDATE TO", [None, "b", None, None]),
            ("DELETE", ["b", None, None, None]),
        ]
    finally:
        _audit(admin)


def test_one_key_a_statement_and_none_where_nothing_is_sealed(admin: Connection, app: Connection) -> None:
    before = _keys(admin)
    app.execute("INSERT INTO lab.patient SELECT g, 'n' || g, NULL, 0 FROM generate_series(1, 100) AS g")
    assert _keys(admin) == before + 1
    app.execute("UPDATE lab.patient SET visits = visits + 1, nir = nir")
    app.execute("UPDATE lab.patient SET visits = 0 WHERE false")
    app.execute("INSERT INTO lab.patient VALUES (1000, NULL, NULL, 0)")
    assert _keys(admin) == before + 1
    row = admin.execute(
        "SELECT count(DISTINCT substr(sealed, 10, 16)), count(sealed) FROM pgguard_audit.entry "
        "WHERE pgguard_audit.sealed_with(sealed) = (SELECT max(id) FROM pgguard_audit.sealed_key)"
    ).fetchone()
    assert row is not None
    # every row its own IV
    assert row[0] == row[1] > 1


def test_a_long_value_is_bounded_and_does_not_stop_the_write(
    admin: Connection, app: Connection, holder: Auditor
) -> None:
    since = _last(admin)
    long = "x" * 3_000_000
    app.execute("INSERT INTO lab.patient VALUES (1, %s, 'short', 0)", (long,))
    [(_, values)] = _opened(admin, holder, since)
    assert values[3] == "short"
    assert values[1] is not None
    assert f"{len(long)} bytes" in values[1]


def test_without_an_auditor_work_goes_on_and_it_is_said(
    admin: Connection, app: Connection, store: str, pgguard: Callable[..., CompletedProcess[str]]
) -> None:
    said: list[str] = []
    app.add_notice_handler(lambda one: said.append(one.message_primary or ""))
    admin.execute("ALTER TABLE pgguard_audit.auditor_key DISABLE TRIGGER ALL")
    admin.execute("UPDATE pgguard_audit.auditor_key SET current = false")
    try:
        app.execute("INSERT INTO lab.patient VALUES (77, 'never recorded', NULL, 0)")
    finally:
        admin.execute("UPDATE pgguard_audit.auditor_key SET current = true")
        admin.execute("ALTER TABLE pgguard_audit.auditor_key ENABLE ALWAYS TRIGGER pgguard_keep_keys")
    assert any("no key of an auditor" in one for one in said)
    found = pgguard("audit", "search", store, "--subject", "77")
    assert "not sealed: there was no key of an auditor" in found.stdout
    assert "never recorded" not in found.stdout


def test_keys_reach_no_log(admin: Connection, running: Cluster, holder: Auditor) -> None:
    since = _last(admin)
    with psycopg.connect(running.dsn(dbname="sealing"), autocommit=True) as connection:
        for name, value in (
            ("auto_explain.log_min_duration", "0"),
            ("auto_explain.log_nested_statements", "on"),
            ("auto_explain.log_verbose", "on"),
            ("auto_explain.log_analyze", "on"),
            ("log_statement", "all"),
            ("log_min_duration_statement", "0"),
            ("log_parameter_max_length", "-1"),
            ("debug_print_plan", "on"),
            ("client_min_messages", "error"),
        ):
            if name.startswith("auto"):
                connection.execute("LOAD 'auto_explain'")
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        for number in range(8):
            connection.execute("INSERT INTO lab.patient VALUES (%s, 'a', 'b', 0)", (900 + number,))
            connection.execute("UPDATE lab.patient SET nir = 'c' WHERE id = %s", (900 + number,))
    log = running.log.read_text(errors="replace").lower()
    assert "pgguard_audit.sealed_key" in log
    crypto = admin.execute(
        "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'pgcrypto'"
    )
    [(schema,)] = crypto.fetchall()
    keys = admin.execute(
        sql.SQL(
            "SELECT DISTINCT {}.pgp_pub_decrypt_bytea(k.wrapped, %s) FROM pgguard_audit.sealed_key AS k "
            "JOIN pgguard_audit.entry AS e ON pgguard_audit.sealed_with(e.sealed) = k.id WHERE e.id > %s"
        ).format(sql.Identifier(schema)),
        (holder.secret(), since),
    ).fetchall()
    assert keys
    for (key,) in keys:
        # as text, and as the plan's nodes print the bytes of a constant
        assert key[:8].hex() not in log
        assert " ".join(str(one if one < 128 else one - 256) for one in key[:8]) not in log


def test_only_the_audit_itself_seals(app: Connection) -> None:
    for query in (
        "SELECT pgguard_audit.sealing_key()",
        "SELECT pgguard_audit.sealed(ARRAY['x'], '\\x00')",
        "SELECT pgguard_audit.set_auditor_key('mine', '\\x00')",
        "SELECT pgguard_audit.destroy_sealed_keys(NULL, now())",
        "SELECT pgguard_audit.random_bytes(8)",
        "SELECT * FROM pgguard_audit.sealed_key",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(query.encode())


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET id = id", "TRUNCATE {}"])
@pytest.mark.parametrize("table", ["auditor_key", "sealed_key"])
def test_keys_are_not_changed_by_hand(admin: Connection, statement: str, table: str) -> None:
    with pytest.raises(psycopg.Error) as refused:
        admin.execute(
            statement.format(f"pgguard_audit.{table}").replace("SET id = id", "SET made_at = now()").encode()
        )
    assert refused.value.sqlstate == "PGA01"


def test_export_unseal_and_shred(
    admin: Connection,
    app: Connection,
    store: str,
    holder: Auditor,
    tmp_path: Path,
    pgguard: Callable[..., CompletedProcess[str]],
) -> None:
    since = datetime.datetime.now(datetime.UTC)
    app.execute("INSERT INTO lab.patient VALUES (5, %s, NULL, 0)", (PLANTED,))
    app.execute("UPDATE lab.patient SET nir = 'later' WHERE id = 5")
    window = ("--subject", "5", "--from", since.isoformat())
    plain = tmp_path / "plain.json"
    assert pgguard("audit", "export", store, *window, "-o", str(plain)).returncode == 0
    assert "wrapped_key" not in plain.read_text()
    file = tmp_path / "sealed.json"
    done = pgguard("audit", "export", store, *window, "--with-sealed", "-o", str(file))
    assert done.returncode == 0, done.stderr
    assert PLANTED not in file.read_text()
    shown = pgguard("audit", "unseal", str(file), "--gpg-home", str(holder.home))
    assert shown.returncode == 0, shown.stderr
    assert f"nir: NULL -> '{PLANTED}'" in shown.stdout
    assert f"nir: '{PLANTED}' -> 'later'" in shown.stdout
    with auditor("rsa2048", "rsa2048") as other:
        refused = pgguard("audit", "unseal", str(file), "--gpg-home", str(other.home))
        assert refused.returncode == InputError.exit_code
        assert "does not open the key" in refused.stderr

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    value = lines[0]["pgguard"]["sealed"]["value"]
    lines[0]["pgguard"]["sealed"]["value"] = value[:-8] + (
        "AAAAAAA=" if value[-8:] != "AAAAAAA=" else "BBBBBBA="
    )
    file.write_text("".join(json.dumps(one) + "\n" for one in lines))
    opened = list(unseal(file, by_gpg("gpg", holder.home)))
    assert "was changed" in opened[0].problem
    assert opened[1].after == "later"

    stored = (
        "SELECT md5(string_agg(record_send(e)::text, '' ORDER BY e.id)) FROM pgguard_audit.entry AS e "
        "WHERE id <= %s"
    )
    until = _last(admin)
    before = admin.execute(stored.encode(), (until,)).fetchone()
    with pytest.raises(UsageError, match=r"--yes-destroy \d+"):
        destroy(Target(store), since, 10**9)
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    asked = pgguard("audit", "shred", store, "--before", later.isoformat())
    count = asked.stderr.split("--yes-destroy ")[1].split()[0]
    assert (
        pgguard("audit", "shred", store, "--before", later.isoformat(), "--yes-destroy", count).returncode
        == 0
    )
    assert admin.execute(stored.encode(), (until,)).fetchone() == before
    again = tmp_path / "again.json"
    pgguard("audit", "export", store, *window, "--with-sealed", "-o", str(again))
    gone = pgguard("audit", "unseal", str(again), "--gpg-home", str(holder.home))
    assert PLANTED not in gone.stdout
    assert gone.stdout.count("the key was destroyed") == len(lines)


def test_a_file_that_is_no_export_is_told_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "cut.json"
    file.write_text('{"pgguard": {}}\n{"pgguard": {"sea')
    with pytest.raises(InputError, match=r"cut\.json:2"):
        list(unseal(file, by_gpg("gpg", None)))


def test_keyed_digests_are_those_of_tag_and_audit_warns(admin: Connection, app: Connection) -> None:
    since = _last(admin)
    said: list[str] = []
    admin.add_notice_handler(lambda one: said.append(one.message_primary or ""))
    _audit(admin, sex="tag")
    try:
        assert any("lab.patient.(sex)" in one and "guess" in one for one in said)
        app.execute("INSERT INTO lab.patient VALUES (6, NULL, NULL, 0, 'female')")
        app.execute("UPDATE lab.patient SET sex = 'male' WHERE id = 6")
        rows = admin.execute(
            "SELECT c.verb, c.old ->> 'sex' = pgguard_audit.tag('female'), "
            "c.new ->> 'sex' = pgguard_audit.tag(CASE c.verb WHEN 'INSERT' THEN 'female' ELSE 'male' END), "
            "c::text LIKE '%%male%%' FROM pgguard_audit.change AS c WHERE c.subject = '6' AND c.id > %s "
            "ORDER BY c.id",
            (since,),
        ).fetchall()
        assert rows == [("INSERT", None, True, False), ("UPDATE", True, True, False)]
    finally:
        _audit(admin)


def test_a_database_of_another_encoding_is_opened_too(
    running: Cluster, holder: Auditor, tmp_path: Path, pgguard: Callable[..., CompletedProcess[str]]
) -> None:
    with psycopg.connect(running.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    dsn = running.dsn(dbname="latin")
    value = "Hélène Müller"
    with psycopg.connect(dsn, autocommit=True, client_encoding="UTF8") as connection:
        install(connection)
        key = auditor_key(holder.public(), NOW)
        set_auditor_key(Target(dsn), key.fingerprint, key.material)
        connection.execute("CREATE TABLE patient (id integer PRIMARY KEY, name text)")
        connection.execute("""SELECT pgguard_audit.audit('public.patient', 'id', '{"name": "seal"}')""")
        connection.execute("INSERT INTO patient VALUES (1, %s)", (value,))
    file = tmp_path / "latin.json"
    done = pgguard("audit", "export", dsn, "--subject", "1", "--with-sealed", "-o", str(file))
    assert done.returncode == 0, done.stderr
    assert [one.after for one in unseal(file, by_gpg("gpg", holder.home))] == [value]


class TestKeyFiles:
    """Which files are taken as an auditor's key."""

    def test_armored_and_binary_are_the_same(self, holder: Auditor) -> None:
        assert auditor_key(holder.public(), NOW) == auditor_key(holder.public(armored=False), NOW)

    def test_the_main_key_and_one_subkey_are_all_that_is_kept(self, holder: Auditor) -> None:
        whole = holder.public(armored=False)
        assert b"auditor@example.org" in whole
        material = auditor_key(whole, NOW).material
        assert b"auditor@example.org" not in material
        assert auditor_key(material, NOW).material == material

    def test_a_secret_key_is_refused(
        self, holder: Auditor, tmp_path: Path, store: str, pgguard: Callable[..., CompletedProcess[str]]
    ) -> None:
        for armored in ((), ("--armor",)):
            with pytest.raises(UsageError, match="secret key"):
                auditor_key(holder.gpg(*armored, "--export-secret-keys", holder.fingerprint), NOW)
        file = tmp_path / "secret.asc"
        file.write_bytes(holder.secret())
        refused = pgguard("audit", "auditor-key", str(file), "-d", store)
        assert refused.returncode == UsageError.exit_code
        assert str(file) in refused.stderr

    def test_pgcrypto_takes_neither_curves_nor_a_key_that_only_signs(self) -> None:
        with auditor("ed25519", "cv25519") as curves, pytest.raises(InputError, match="ECDH"):
            auditor_key(curves.public(), NOW)
        with auditor("rsa2048") as signs, pytest.raises(InputError, match="none"):
            auditor_key(signs.public(), NOW)

    def test_revoked_and_expired_subkeys_are_not_taken(self) -> None:
        with auditor("rsa2048") as one:
            one.gpg("--quick-add-key", one.fingerprint, "rsa2048", "encrypt", "1d")
            auditor_key(one.public(), NOW)
            with pytest.raises(InputError, match="expired"):
                auditor_key(one.public(), NOW + datetime.timedelta(days=2))

    def test_what_was_cut_or_changed_is_told(self, holder: Auditor) -> None:
        text = holder.public()
        lines = text.splitlines(keepends=True)
        body = next(at for at, line in enumerate(lines) if not line.strip()) + 1
        swapped = [*lines[:body], lines[body + 1], lines[body], *lines[body + 2 :]]
        with pytest.raises(InputError, match="checksum"):
            auditor_key(b"".join(swapped), NOW)
        binary = holder.public(armored=False)
        for content in (text[: len(text) // 2], binary[: len(binary) // 2], b"", b"no key at all"):
            with pytest.raises(InputError):
                auditor_key(content, NOW)
        with pytest.raises(InputError, match="there are 2"):
            auditor_key(binary + binary, NOW)

    def test_any_bytes_are_an_error_of_ours_or_a_key(self, holder: Auditor) -> None:
        binary = holder.public(armored=False)
        for place in range(0, len(binary), 7):
            damaged = bytearray(binary)
            damaged[place] ^= 0xFF
            try:
                auditor_key(bytes(damaged), NOW)
            except (InputError, UsageError):
                continue
