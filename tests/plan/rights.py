"""The rights of a cluster in the server's own words, to compare before and after; NULL ACLs spelled out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster


def rights(cluster: Cluster, *databases: str, password: str = "") -> dict[str, list[tuple[object, ...]]]:
    """Everything about roles, memberships by grantor, settings, ACLs, default privileges and policies."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for scope, name, query in _queries():
        for database in ("postgres",) if scope == "cluster" else databases:
            with psycopg.connect(cluster.dsn(dbname=database, password=password)) as connection:
                found[f"{database} {name}"] = connection.execute(query.encode()).fetchall()
    return found


def in_words(connection: psycopg.Connection, name: str) -> list[tuple[object, ...]]:
    """One of those, as this session sees it."""
    (query,) = [text for _, one, text in _queries() if one == name]
    return connection.execute(query.encode()).fetchall()


def _queries() -> list[tuple[str, str, str]]:
    text = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    found = []
    for block in text.split("-- ")[1:]:
        head, _, query = block.partition("\n")
        scope, _, name = head.partition(": ")
        found.append((scope, name, query))
    return found
