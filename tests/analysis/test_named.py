"""How people name objects, and what they are told when there is none of that name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.named import parts, privilege, target
from pgguard.errors import UsageError
from pgguard.server.read import read_open

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import Snapshot

_SQL = """
CREATE SCHEMA lab;
CREATE SCHEMA "Lab Two";
CREATE TABLE lab.patient (nir text, last_name text);
CREATE TABLE lab.visit (id integer);
CREATE TABLE "Lab Two"."Pa.tient" ("N""ir" text);
CREATE TABLE "Lab Two".visit (id integer);
CREATE SEQUENCE lab.numbers;
CREATE VIEW lab.v AS SELECT nir FROM lab.patient;
CREATE FUNCTION lab.f(integer, timestamptz) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION lab.f(text) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION lab.g() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER far FOREIGN DATA WRAPPER w;
"""


@pytest.fixture(scope="module")
def snapshot(cluster: Cluster) -> Iterator[Snapshot]:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        connection.execute(_SQL.encode())
        yield read_open(connection)
        connection.rollback()


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("lab.patient.nir", "SELECT", "column lab.patient.nir"),
        ("lab.patient", "SELECT", "table lab.patient"),
        ("patient", "SELECT", "table lab.patient"),
        ("patient.nir", "UPDATE", "column lab.patient.nir"),
        ("LAB.Patient.NIR", "SELECT", "column lab.patient.nir"),
        ("lab.lab.patient.nir", "SELECT", "column lab.patient.nir"),
        ("lab.lab.patient", "SELECT", "table lab.patient"),
        ("table lab.patient", "DELETE", "table lab.patient"),
        ("column lab.patient.nir", "SELECT", "column lab.patient.nir"),
        ('"Lab Two"."Pa.tient"."N""ir"', "SELECT", 'column "Lab Two"."Pa.tient"."N""ir"'),
        ("lab.numbers", "USAGE", "sequence lab.numbers"),
        ("sequence numbers", "SELECT", "sequence lab.numbers"),
        ("lab", "USAGE", "schema lab"),
        ("schema lab", "CREATE", "schema lab"),
        ("lab", "CONNECT", "database lab"),
        ("database lab", "CREATE", "database lab"),
        ("lab.f(int, timestamptz)", "EXECUTE", "function lab.f(integer, timestamp with time zone)"),
        ("lab.f( TEXT )", "EXECUTE", "function lab.f(text)"),
        ("g()", "EXECUTE", "function lab.g()"),
        ("function lab.g", "EXECUTE", "function lab.g()"),
        ("plpgsql", "USAGE", "language plpgsql"),
        ("server far", "USAGE", "foreign server far"),
        ("foreign data wrapper w", "USAGE", "foreign data wrapper w"),
        ("pg_default", "CREATE", "tablespace pg_default"),
        ("Work_Mem", "SET", "parameter work_mem"),
    ],
)
def test_names(snapshot: Snapshot, text: str, wanted: str, found: str) -> None:
    if wanted == "SET" and snapshot.major < 15:
        with pytest.raises(UsageError, match="from version 15 on"):
            target(snapshot, text, wanted)
        return
    thing = target(snapshot, text, wanted).thing
    assert f"{thing.kind} {thing.name}" == found


@pytest.mark.parametrize(
    ("text", "wanted", "message"),
    [
        (
            "lab.patient.nri",
            "SELECT",
            "no table, column or sequence lab.patient.nri: did you mean lab.patient.nir",
        ),
        ("lab.pateint", "SELECT", "did you mean lab.patient?"),
        ("lba.patient", "SELECT", "did you mean lab.patient"),
        ("lab.zzz", "SELECT", 'the schemas are "Lab Two", lab, public'),
        ("lab.f", "EXECUTE", "lab.f may be function lab.f(integer, timestamp with time zone), "),
        ("lab.f(bigint)", "EXECUTE", "did you mean lab.f(integer, timestamp with time zone), lab.f(text)?"),
        ("lab.ff()", "EXECUTE", "did you mean lab.f(integer"),
        ("visit", "SELECT", 'visit may be table "Lab Two".visit, table lab.visit'),
        ("lba", "CONNECT", "there is no database lba: did you mean lab?"),
        ("lab.patient.nir", "DELETE", "there is no table lab.patient.nir: did you mean lab.patient?"),
        ("schema lab", "SELECT", "a schema has no privilege SELECT"),
        ('lab."patient', "SELECT", 'lab."patient is not a name'),
        ("lab..patient", "SELECT", "lab..patient is not a name"),
        ("", "SELECT", "is not a name"),
    ],
)
def test_what_is_not_there(snapshot: Snapshot, text: str, wanted: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        target(snapshot, text, wanted)
    assert message in str(raised.value)


def test_privileges() -> None:
    assert privilege("read") == "SELECT"
    assert privilege("Select") == "SELECT"
    assert privilege("temp") == "TEMPORARY"
    assert privilege("alter-system") == "ALTER SYSTEM"
    with pytest.raises(UsageError, match="did you mean insert"):
        privilege("insrt")
    with pytest.raises(UsageError, match="there are alter system, connect"):
        privilege("zzz")


def test_parts() -> None:
    assert [one.text for one in parts('a."b.c""d".e')] == ["a", 'b.c"d', "e"]
    assert [one.quoted for one in parts('a."b.c""d".e')] == [False, True, False]
