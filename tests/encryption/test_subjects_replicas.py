"""Copies of a database in which each person has a key: a standby, and a subscriber of tables and keys."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from pgguard.demo.cluster import Cluster
from pgguard.errors import UsageError
from pgguard.server import keys_subject
from pgguard.store.kek_provider import Kek
from tests.encryption.persons import Persons, persons
from tests.encryption.phases import KEK
from tests.encryption.test_replicas import _caught_up, _program, _standby

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres


@pytest.fixture(scope="module")
def source(postgres: Postgres) -> Iterator[Persons]:
    with Cluster.start(postgres, settings={"wal_level": "logical"}) as running:
        yield persons(running)


def _copy(source: Persons, cluster: Cluster) -> Persons:
    return replace(source, cluster=cluster, phases=replace(source.phases, cluster=cluster))


def test_a_standby_reads_and_sees_who_is_erased(source: Persons) -> None:
    with _standby(source.cluster) as running:
        standby = _copy(source, running)
        _caught_up(source.cluster, running)
        assert standby.shows() == source.shows()
        with standby.session() as connection:
            assert standby.read("visit", connection)[10] == ("said 10",)
            source.erase(6)
            _caught_up(source.cluster, running)
            # the same session, at once
            assert standby.read("visit", connection)[10] == (None,)
            assert standby.read("visit", connection)[12] == ("said 12",)
        with pytest.raises(UsageError, match="standby"):
            keys_subject.destroy_subject(
                standby.target, Kek(KEK), "lab.patient", "7", erase=None, say=lambda _: None
            )
        # sessions there are not seen from here
        waits = keys_subject.new_epoch(source.target, Kek(KEK), at_once=False, say=lambda _: None)
        assert (waits.used, waits.standbys) == (False, 1)


def test_a_subscriber_of_the_persons_keys_opens_what_arrives_until_they_are_erased(
    source: Persons, new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    other = new_cluster()
    with psycopg.connect(other.dsn(), autocommit=True) as connection:
        for role in ("lab_owner", "biologist", "secretary", "pgguard_keys"):
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        connection.execute("ALTER ROLE pgguard_keys NOLOGIN")
    schema, keys = str(tmp_path / "schema"), str(tmp_path / "keys")
    dsn = source.phases.dsn
    _program(source.cluster, "pg_dump", "-Fc", "-s", "-f", schema, dsn)
    # the keys of persons come by the subscription
    left = "--exclude-table-data=pgguard.subject_key"
    _program(source.cluster, "pg_dump", "-Fc", "-a", "-n", "pgguard", left, "-f", keys, dsn)
    _program(other, "pg_restore", "--exit-on-error", "--create", "-d", other.dsn(), schema)
    subscriber = _copy(source, other)
    _program(other, "pg_restore", "--exit-on-error", "-d", subscriber.phases.dsn, keys)
    source.ask("CREATE PUBLICATION persons FOR TABLE lab.patient_pgg1, lab.visit_pgg1, pgguard.subject_key")
    with psycopg.connect(subscriber.phases.dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE SUBSCRIPTION persons CONNECTION {} PUBLICATION persons").format(sql.Literal(dsn))
        )
        try:
            source.ask("INSERT INTO lab.visit (id, patient_id, said) VALUES (900, 9000, 'new')")
            _arrived(source, subscriber)
            source.erase(8)
            _arrived(source, subscriber)
            assert subscriber.read("visit")[900] == ("new",)
            assert subscriber.read()[8] == (None, None, None)
        finally:
            connection.execute("DROP SUBSCRIPTION persons")
            source.ask("DROP PUBLICATION persons")


def _arrived(source: Persons, subscriber: Persons) -> None:
    """Waits until the subscriber shows what the publisher does."""
    deadline = time.monotonic() + 60
    while True:
        try:
            if subscriber.shows() == source.shows():
                return
        except psycopg.Error:
            # a value whose person's key did not arrive yet
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)
