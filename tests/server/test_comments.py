"""Comments and labels of columns: what of them leaves the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.server.read import read_open

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Date de naissance du patient", "date de naissance du patient"),
        ("Numéro de téléphone; prénom", "numero de telephone prenom"),
        ("surname, like 'Dupont' or \"Durand\"", "surname"),
        ("the ward's phone: 01 42 34 56 78", "the ward phone"),
        ("ask anne.martin@chu.example first", "first"),
        ("password: violette-tango of the patient", "of the patient"),
        ("patientDupont is no word of the list", "of the list"),
    ],
)
def test_a_comment_keeps_its_words_and_loses_values(cluster: Cluster, written: str, shown: str) -> None:
    with psycopg.connect(cluster.dsn()) as connection:
        connection.execute("CREATE TABLE t (c text)")
        literal = psycopg.sql.Literal(written)
        connection.execute(psycopg.sql.SQL("COMMENT ON COLUMN t.c IS {}").format(literal))
        (database,) = read_open(connection).inspected
        connection.rollback()
    assert [one.text for one in database.comments] == [shown]


def test_a_long_comment_is_cut(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn()) as connection:
        connection.execute("CREATE TABLE t (c text)")
        literal = psycopg.sql.Literal("patient " * 1000)
        connection.execute(psycopg.sql.SQL("COMMENT ON TABLE t IS {}").format(literal))
        (database,) = read_open(connection).inspected
        connection.rollback()
    assert [(one.number, len(one.text)) for one in database.comments] == [(0, 200)]


def test_labels_come_from_enumerations_and_short_lists(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn()) as connection:
        connection.execute("CREATE TYPE state AS ENUM ('final', 'preliminary')")
        connection.execute(
            "CREATE TABLE t (a state, b text CHECK (b IN ('M', 'F', 'Dupont')), c state[], "
            "d varchar(3) CHECK (d IN ('O+', 'AB-', '123')), e text)"
        )
        (database,) = read_open(connection).inspected
        connection.rollback()
    assert [(one.number, one.labels) for one in database.column_labels] == [
        (1, ("final", "preliminary")),
        (2, ("M", "F")),
        (3, ("final", "preliminary")),
        (4, ("O+", "AB-")),
    ]
