"""The blind indexes of a database, and the tables that those with an old key are in."""

from __future__ import annotations

from contextlib import closing
from importlib import resources
from typing import TYPE_CHECKING, Any

from pgguard.model.encryption import BlindIndex
from pgguard.server import keys_session

if TYPE_CHECKING:
    from pgguard.server.connect import Target


def read_blind_indexes(target: Target, database: str) -> tuple[BlindIndex, ...]:
    """What the register of a database says of its blind indexes; nothing where encryption is not installed.

    Raises `ConnectError`, and `UsageError` for a role that may not read the register.
    """
    query = resources.files("pgguard").joinpath("sql", "encrypt", "indexed.sql").read_bytes()
    with closing(target.connect(database)) as connection, keys_session.told():
        found = keys_session.place(connection)
        if not found.installed:
            return ()
        keys_session.require(found, writes=False)
        rows: list[Any] = connection.execute(query).fetchall()
        return tuple(BlindIndex(*one) for one in rows)
