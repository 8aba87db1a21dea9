"""Indexes on partitions of the audit store whose time is past, where no writer pays for them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg

from pgguard.errors import ConnectError, UsageError
from pgguard.model.quote import ident
from pgguard.server.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.server.connect import Target


def index_past(target: Target) -> Iterator[str]:
    """Makes the missing ones, each in a transaction of its own; their names as they are made.

    Raises `UsageError` when we may not, `ConnectError` when the server refuses; what was made stays.
    """
    with closing(target.connect()) as connection:
        connection.read_only = None
        connection.isolation_level = None
        connection.autocommit = True
        try:
            connection.execute("SET statement_timeout = 0")
            while True:
                row = connection.execute("SELECT pgguard_audit.index_past()").fetchone()
                if row is None or row[0] is None:
                    return
                yield str(row[0])
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName) as error:
            role = ident(connection.info.user)
            msg = f"{refusal(error)}: GRANT pgguard_audit_keeper TO {role} where the store is installed"
            raise UsageError(msg) from None
        except psycopg.Error as error:
            msg = f"the indexes could not be made: {refusal(error)}; those that were made stay"
            raise ConnectError(msg) from None
