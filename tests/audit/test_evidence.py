"""Whatever a superuser does to the store is found, and the first entry that it was done to is named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg
import pytest
from psycopg import sql

from pgguard.errors import ConnectError, UsageError
from pgguard.server.audit_seal import seal_once
from pgguard.server.audit_verify import verify
from pgguard.server.connect import Target
from tests.audit.evidence import copy_of, last_anchor, superuser, value, verified, write, written_store

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from pgguard.model.evidence import Anchor

# another value of each type
OTHER = {
    "bigint": "{0} + 1",
    "integer": "coalesce({0}, 0) + 1",
    "text": "coalesce({0}, '') || 'x'",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 microsecond'",
    "inet": "coalesce({0} + 1, '10.0.0.1')",
    "boolean[]": "coalesce({0}, '{{}}') || true",
    "text[]": "coalesce({0}, '{{}}') || 'x'::text",
    "bytea": "coalesce({0}, '') || '\\x00'::bytea",
    "boolean": "NOT {0}",
}
OF_SEALS = OTHER | {"bytea": "sha256({0})"}
NAMED = {"number": "{0} + 100", "encoding": "'LATIN1'", "edge": "{0} || sha256('')"}
NEVER_NULL = {"id", "at", "began", "xid", "pid", "verb", "login", "role"}


class Tampering(NamedTuple):
    """A block of tamperings.sql."""

    does: str
    named: str
    said: str
    sql: str


def _blocks() -> tuple[str, list[Tampering]]:
    before, *blocks = (
        Path(__file__).with_name("tamperings.sql").read_text(encoding="utf-8").split("\n-- does: ")
    )
    found = []
    for one in blocks:
        does, named, said, text = one.split("\n", 3)
        found.append(Tampering(does, named.removeprefix("-- named: "), said.removeprefix("-- said: "), text))
    return before, found


BEFORE, TAMPERINGS = _blocks()


@pytest.fixture(scope="module")
def sealed(running: Cluster) -> str:
    return written_store(running, "sealed")


@pytest.fixture(scope="module")
def anchor(sealed: str) -> Anchor:
    return last_anchor(sealed)


@pytest.fixture
def store(running: Cluster, sealed: str) -> str:
    return copy_of(running, "tampered", sealed)


def test_what_nobody_touched_is_in_order(sealed: str, anchor: Anchor) -> None:
    found = verified(sealed, [anchor])
    assert found.ok
    assert found.anchored == found.last_seal == anchor.seal
    with psycopg.connect(sealed) as connection:
        assert found.entries == value(connection, "SELECT sum(entries) FROM pgguard_audit.seal")
        assert found.entries + found.unsealed == value(connection, "SELECT count(*) FROM pgguard_audit.entry")
        assert found.last_seal > 2


def test_a_change_of_any_field_of_an_entry_is_found(store: str) -> None:
    with superuser(store) as connection:
        one = value(
            connection,
            "SELECT id FROM pgguard_audit.entry WHERE verb = 'UPDATE' AND old IS NOT NULL "
            "ORDER BY id OFFSET 3 LIMIT 1",
        )
        connection.execute(b"CREATE TABLE saved AS SELECT * FROM pgguard_audit.entry WHERE id = %d" % one)
        for name, kind in _columns(connection, "pgguard_audit.entry"):
            _set(connection, "entry", name, OTHER[kind], f"id = {one}")
            assert one in {bad.entry for bad in verified(store).bad}, name
            _put_back(connection)
            assert verified(store).ok, name
            emptied = f"UPDATE pgguard_audit.entry SET {name} = NULL WHERE id = {one} AND {name} IS NOT NULL"
            if name not in NEVER_NULL and connection.execute(emptied.encode()).rowcount:
                assert one in {bad.entry for bad in verified(store).bad}, name
                _put_back(connection)


def test_a_change_of_any_field_of_a_seal_is_found(store: str) -> None:
    with superuser(store) as connection:
        connection.execute("CREATE TABLE saved AS SELECT * FROM pgguard_audit.seal")
        middle = value(connection, "SELECT max(number) - 1 FROM pgguard_audit.seal")
        for name, kind in _columns(connection, "pgguard_audit.seal"):
            _set(connection, "seal", name, NAMED.get(name, OF_SEALS[kind]), f"number = {middle}")
            found = verified(store)
            assert not found.ok, name
            # a number that is missing is missed at the next one
            assert found.bad[0].seal in (middle, middle + 1), (name, found.bad)
            connection.execute("DELETE FROM pgguard_audit.seal")
            connection.execute("INSERT INTO pgguard_audit.seal SELECT * FROM saved")
        assert verified(store).ok


def _set(connection: psycopg.Connection, table: str, name: str, other: str, where: str) -> None:
    query = f"UPDATE pgguard_audit.{table} SET {name} = {other.format(name)} WHERE {where}"
    assert connection.execute(query.encode()).rowcount == 1


def _put_back(connection: psycopg.Connection) -> None:
    # whatever one of its fields is now, the others are still the same
    connection.execute(
        "DELETE FROM pgguard_audit.entry AS e USING saved AS s WHERE (e.id = s.id)::int + (e.at = s.at)::int "
        "+ (e.key IS NOT DISTINCT FROM s.key)::int + (e.verb = s.verb)::int >= 3"
    )
    connection.execute("INSERT INTO pgguard_audit.entry SELECT * FROM saved")


def _columns(connection: psycopg.Connection, table: str) -> list[tuple[str, str]]:
    found = connection.execute(
        "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [table],
    ).fetchall()
    return [(name, kind) for name, kind in found]


@pytest.mark.parametrize("one", TAMPERINGS, ids=lambda one: one.does)
def test_what_a_superuser_does_is_found_and_named(store: str, one: Tampering) -> None:
    with superuser(store) as connection:
        connection.execute(BEFORE.encode())
        named = value(connection, f"SELECT {one.named}")
        connection.execute(one.sql.encode())
    found = verified(store)
    assert not found.ok
    assert found.bad_count >= len(found.bad) > 0
    first = found.bad[0] if named else next((bad for bad in found.bad if one.said in bad.what), found.bad[0])
    assert one.said in first.what, found.bad
    assert first.entry == named, found.bad
    assert any("was detached" in said for said in found.remarks) is ("detaches" in one.does)


def _reseal(dsn: str) -> None:
    """What somebody does who has everything in the database: new seals over entries that he changed."""
    with superuser(dsn) as connection:
        connection.execute("UPDATE pgguard_audit.entry SET login = 'somebody' WHERE login = 'postgres'")
        for table in ("seal", "seal_leaf", "generation", "verification"):
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier("pgguard_audit", table)))
    seal_once(Target(dsn))


def test_seals_that_were_made_anew_are_found_by_the_anchor(store: str, anchor: Anchor) -> None:
    _reseal(store)
    assert verified(store).ok
    with psycopg.connect(store, autocommit=True) as connection:
        while verified(store).last_seal < anchor.seal:
            write(connection, 1000 * verified(store).last_seal)
            seal_once(Target(store))
    found = verified(store, [anchor])
    assert not found.ok
    assert (found.bad[0].seal, found.bad[0].what) == (
        anchor.seal,
        "is not the one that was anchored: it, or one before it, was rewritten",
    )


def test_seals_that_were_cut_off_are_found_by_the_anchor(store: str, anchor: Anchor) -> None:
    with superuser(store) as connection:
        connection.execute("DELETE FROM pgguard_audit.seal WHERE number = %s", [anchor.seal])
        connection.execute("DELETE FROM pgguard_audit.seal_leaf WHERE seal = %s", [anchor.seal])
        connection.execute(
            "DELETE FROM pgguard_audit.entry WHERE xid >= (SELECT max(xid_to) FROM pgguard_audit.seal)"
        )
    assert verified(store).ok
    found = verified(store, [anchor])
    assert not found.ok
    assert found.bad[0].seal == anchor.seal
    assert "cut off" in found.bad[0].what


def test_what_was_verified_is_an_anchor_for_the_next_time(store: str) -> None:
    target = Target(store)
    state = verified(store).checkpoint
    assert state is not None
    with psycopg.connect(store, autocommit=True) as connection:
        write(connection, 500)
    sealed = sum(one.entries for one in seal_once(target))
    found = verify(target, (), state)
    assert found.ok
    # what was read before is not read again
    assert (found.first_seal, found.entries) == (state.seal + 1, sealed)
    assert found.checkpoint is not None
    assert verify(target, (), found.checkpoint).ok
    with superuser(store) as connection:
        connection.execute(
            "UPDATE pgguard_audit.entry SET login = 'somebody' "
            "WHERE id = (SELECT max(last_id) FROM pgguard_audit.seal)"
        )
    assert [bad.what for bad in verify(target, (), state).bad] == ["was changed after it was sealed"]
    _reseal(store)
    assert verify(target, (), found.checkpoint).bad[0].what == "is missing: the last seals were cut off"


def test_a_store_that_was_dropped_is_missed(store: str, anchor: Anchor) -> None:
    with superuser(store) as connection:
        connection.execute("DROP EVENT TRIGGER pgguard_audit_ddl")
        connection.execute("DROP EVENT TRIGGER pgguard_audit_drop")
        connection.execute("DROP SCHEMA pgguard_audit CASCADE")
    with pytest.raises(UsageError, match="no audit store"):
        verified(store)
    found = verified(store, [anchor])
    assert not found.ok
    assert "the store is gone" in found.bad[0].what


def test_anchors_of_another_store_are_told(store: str, anchor: Anchor) -> None:
    with pytest.raises(UsageError, match="another store"):
        verified(store, [anchor._replace(installation="00000000-0000-0000-0000-000000000000")])


def test_nothing_sealed_is_not_all_in_order(running: Cluster) -> None:
    from tests.audit.store import with_store

    dsn = with_store(running, "unsealed")
    with pytest.raises(ConnectError, match="nothing is sealed yet"):
        verified(dsn)


def test_a_verification_is_recorded_for_the_next_inspection(store: str) -> None:
    from pgguard.checks import audit_chain_broken
    from pgguard.model.policy import Policy
    from pgguard.server.read import read_snapshot

    name = psycopg.conninfo.conninfo_to_dict(store)["dbname"]

    def findings() -> list[str]:
        snapshot = read_snapshot(Target(store), [str(name)])
        return [one.evidence for one in audit_chain_broken.find(snapshot, Policy())]

    assert verified(store).ok
    assert findings() == []
    with superuser(store) as connection:
        bad = value(connection, "SELECT min(id) FROM pgguard_audit.entry WHERE verb = 'INSERT'")
        connection.execute(b"UPDATE pgguard_audit.entry SET verb = 'DELETE' WHERE id = %d" % bad)
    assert findings() == []
    assert not verified(store).ok
    (said,) = findings()
    assert f"entry {bad} was changed after it was sealed" in said
