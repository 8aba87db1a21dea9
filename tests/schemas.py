"""Real clinical schemas as databases: the column lists of ../shared/schemas, loaded into a cluster."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster

FOLDER = Path(__file__).parent.parent.parent / "shared/schemas"


def names() -> list[str]:
    """The schemas that are there; none where shared/ is not beside the project."""
    return sorted(path.name.removesuffix(".columns.csv") for path in FOLDER.glob("*.columns.csv"))


def load(cluster: Cluster, name: str, *, keys: bool = False) -> int:
    """Create the database `name` with every table of the list; the number of columns.

    With `keys` the primary keys and the references as well, as far as what is referred to is a key.
    """
    with (FOLDER / f"{name}.columns.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    tables: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        tables.setdefault((row["schema"], row["table"]), []).append(row)
    with psycopg.connect(cluster.dsn(dbname=name), autocommit=True) as connection:
        for schema in {schema for schema, _ in tables}:
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        for written in {row["type"].removesuffix("[]") for row in rows}:
            known = connection.execute("SELECT to_regtype(%s)", [written.partition("(")[0]]).fetchone()
            if known == (None,):
                # the lists do not say what an enumerated type may hold
                connection.execute(sql.SQL("CREATE TYPE {} AS ENUM ()").format(sql.SQL(written)))
        for (schema, table), columns in tables.items():
            listed = sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(one["column"]), sql.SQL(one["type"]))
                for one in columns
            )
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(schema, table), listed))
            for one in columns:
                if one["comment"]:
                    connection.execute(
                        sql.SQL("COMMENT ON COLUMN {} IS {}").format(
                            sql.Identifier(schema, table, one["column"]), sql.Literal(one["comment"])
                        )
                    )
        if keys:
            _add_keys(connection, tables)
    return len(rows)


def _add_keys(
    connection: psycopg.Connection[tuple[object, ...]], tables: dict[tuple[str, str], list[dict[str, str]]]
) -> None:
    primary = {
        table: [one["column"] for one in columns if one["primary_key"] == "yes"]
        for table, columns in tables.items()
    }
    for table, names in primary.items():
        if names:
            listed = sql.SQL(", ").join(map(sql.Identifier, names))
            connection.execute(
                sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(sql.Identifier(*table), listed)
            )
    for table, columns in tables.items():
        for one in columns:
            if one["references"]:
                schema, other, column = one["references"].rsplit(".", 2)
                if primary.get((schema, other)) == [column]:
                    connection.execute(
                        sql.SQL("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({})").format(
                            sql.Identifier(*table),
                            sql.Identifier(one["column"]),
                            sql.Identifier(schema, other),
                            sql.Identifier(column),
                        )
                    )
