"""The versions of the register of processing that a database has recorded."""

from __future__ import annotations

from contextlib import closing
from importlib import resources
from typing import TYPE_CHECKING

import psycopg

from pgguard.errors import ConnectError
from pgguard.model.register import Recorded
from pgguard.server.connect import said

if TYPE_CHECKING:
    from pgguard.server.connect import Target


def read_recorded(target: Target) -> Recorded:
    """The last version that the database of the target has recorded, in one read-only transaction.

    Raises `ConnectError` when it cannot be reached, or the versions may not be read.
    """
    with closing(target.connect()) as connection:
        database = connection.info.dbname
        try:
            connection.execute("BEGIN READ ONLY")
            connection.execute("SET LOCAL search_path = ''")
            found = connection.execute(_sql("place")).fetchone()
            there, plain = found or (False, False)
            if not there:
                return Recorded(database)
            if not plain:
                msg = f"pgguard.register_version of the database {database} is no plain table of ours"
                raise ConnectError(msg)
            row = connection.execute(_sql("last")).fetchone()
        except psycopg.Error as error:
            msg = f"the versions of the register in the database {database} may not be read: {said(error)}"
            raise ConnectError(msg) from None
    return Recorded(database, *row) if row else Recorded(database)


def _sql(name: str) -> bytes:
    return resources.files("pgguard").joinpath("sql", "register", f"{name}.sql").read_bytes()
