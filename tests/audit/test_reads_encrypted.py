"""Reads of encrypted columns: by the name that people use, and by the function that opened them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from tests.audit.reading import COLLECTED, Site, kept, needs_pgaudit
from tests.encryption.encrypting import encrypted

if TYPE_CHECKING:
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

POLICY = "".join(
    f'\n[[column]]\nname = "{table}.{name}"\ncategory = "{category}"\ndatabase = "clinic"\n'
    for table in ("lab.patient_pgg1", "kept.patient")
    for name, category in (("nir", "national_id"), ("note", "free_text"), ("name", "direct_identifier"))
)


@pytest.mark.parametrize("way", ["pgaudit", "log_statement"])
def test_who_opened_an_encrypted_column_is_told(postgres: Postgres, tmp_path: Path, way: str) -> None:
    settings = {**COLLECTED, "log_destination": "csvlog"}
    if way == "pgaudit":
        needs_pgaudit(postgres)
        settings["shared_preload_libraries"] = "pgaudit"
    with Cluster.start(postgres, settings=settings) as cluster:
        lab = encrypted(cluster, tables=("lab.patient",))
        site = Site(cluster, POLICY, database="clinic")
        if way == "pgaudit":
            site.apply(site.steps()[0])
            assert site.steps()[0] == ()
        else:
            # else no session may be unlocked
            cluster.set(log_statement="all", log_parameter_max_length="0")
            cluster.reload()
        for role, query in (
            ("biologist", "SELECT nir FROM lab.patient WHERE id = 1"),
            ("biologist", "SELECT name FROM lab.patient WHERE id = 1"),
            ("biologist", "SELECT id FROM lab.patient"),
            ("clerk", "SELECT note FROM lab.patient WHERE id = 1"),
        ):
            name = query.split()[1]
            with lab.session(role, application_name=name) as connection:
                connection.execute(query.encode()).fetchall()
        if way == "log_statement":
            with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET log_statement = 'none'")
            cluster.reload()
        site.settled(site.log("csvlog"))
        store = tmp_path / "store"
        site.mine(store, site.log("csvlog"))
    found = {
        (one.login, one.application, one.relation, one.columns, one.evidence)
        for one in kept(store)
        if one.application in ("nir", "name", "id", "note")
    }
    opened = {one[:4] for one in found if one[4] == "accessor"}
    read = {one[:4] for one in found if one[4] != "accessor"}
    assert {one[2] for one in found} == {"lab.patient"}
    assert opened >= {("biologist", "nir", "lab.patient", ("nir",))}
    if way == "pgaudit":
        # a view reads what it is made of: the line says that something was read; the call says which was
        # opened, and that the clerk was shown nothing
        assert opened == {("biologist", "nir", "lab.patient", ("nir",))}
        assert {one[:2] for one in read} == {
            ("biologist", "nir"),
            ("biologist", "name"),
            ("biologist", "id"),
            ("clerk", "note"),
        }
    else:
        assert read == {
            ("biologist", "nir", "lab.patient", ("nir",)),
            ("biologist", "name", "lab.patient", ("name",)),
            ("clerk", "note", "lab.patient", ("note",)),
        }
