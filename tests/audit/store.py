"""A database with the audit store in it, by its install files."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster

OLDEST = 14


def install_files() -> list[str]:
    """The names of the install files of the audit, in their order."""
    folder = resources.files("pgguard").joinpath("sql", "install")
    names = (one.name for one in folder.iterdir())
    return sorted(one for one in names if one.startswith("02") and not one.endswith(".down.sql"))


def install(connection: psycopg.Connection) -> None:
    """Runs the install files, each as a transaction of its own."""
    folder = resources.files("pgguard").joinpath("sql", "install")
    for name in install_files():
        with connection.transaction():
            text = folder.joinpath(name).read_text(encoding="utf-8")
            connection.execute(text.encode())


def with_store(cluster: Cluster, database: str) -> str:
    """Makes a database that has the store; its connection string, as the superuser."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    dsn = cluster.dsn(dbname=database)
    with psycopg.connect(dsn, autocommit=True) as connection:
        install(connection)
    return dsn
