"""Every way to write is recorded, once and as it was, by statement triggers, row triggers, and without
event triggers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from tests.audit.oracle import Place
from tests.audit.store import with_store
from tests.audit.writes import ALL, FORMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres

LONG = "PGGUARD_LONG" in os.environ
# that code without event triggers differs by its handler of errors alone is seen in these
GUARDED = (
    "insert values",
    "update of the key",
    "delete",
    "partitions, each by its name",
    "keys as tags",
    "no key",
)
SETTINGS = {"max_prepared_transactions": "4", "wal_level": "logical"}


@pytest.fixture(scope="module")
def running(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres, settings=SETTINGS, listen=["127.0.0.1"]) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE ROLE app LOGIN; CREATE ROLE lab_owner LOGIN; CREATE ROLE other LOGIN")
        yield cluster


@pytest.fixture(scope="module")
def places(running: Cluster) -> Iterator[dict[str, Place]]:
    made = {}
    for variant in ALL:
        with_store(running, variant)
        made[variant] = Place(running, variant, "row" if variant == "row" else "statement")
    with made["guarded"].session("postgres") as connection:
        connection.execute("DROP EVENT TRIGGER pgguard_audit_ddl; DROP EVENT TRIGGER pgguard_audit_drop")
    yield made
    for place in made.values():
        place.looking().close()


def _tried() -> Iterator[tuple[str, str]]:
    """Each form in its variants; but for the long run not every key in all of them."""
    for name, form in FORMS.items():
        for variant in form.variants:
            few = {"statement": True, "row": not name.startswith("key"), "guarded": name in GUARDED}
            if LONG or few[variant]:
                yield name, variant


def _has_icu(place: Place) -> bool:
    try:
        place.superuser("CREATE COLLATION pg_temp.probe (provider = icu, locale = 'und')")
    except psycopg.errors.FeatureNotSupported:
        return False
    place.superuser("DROP COLLATION pg_temp.probe")
    return True


@pytest.mark.parametrize(("name", "variant"), list(_tried()))
def test_every_form_of_writing_is_recorded_once(places: dict[str, Place], name: str, variant: str) -> None:
    form, place = FORMS[name], places[variant]
    if place.cluster.postgres.major < form.since:
        pytest.skip("not in this version")
    if form.icu and not _has_icu(place):
        pytest.skip("this PostgreSQL has no ICU")
    if form.prepare:
        place.superuser(form.prepare.format(database=place.database))
    place.begin(form.tables, form.audited)
    place.audited |= form.also
    with place.session(application_name=f"form {name}"[:63]) as connection:
        if callable(form.act):
            form.act(place, connection)
        else:
            for statement in form.act:
                place.run(connection, statement)
    unchanged = place.compare()
    assert unchanged.total() == form.unchanged, unchanged
    if form.verbs is not None and variant != "row":
        assert place.verbs == form.verbs
    place.all_audited()
