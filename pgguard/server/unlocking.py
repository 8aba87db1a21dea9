"""A session that applies migrations, unlocked for the columns that are encrypted already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.server import keys_session

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from pgguard.store.kek_provider import Kek


def unlock(connection: psycopg.Connection[tuple[str, ...]], kek: Kek, *, say: Callable[[str], None]) -> None:
    """Give the session its keys, where encryption is installed in the database.

    Raises `UsageError` when the key would cross a network in clear or reach the server's log, `psycopg.Error`
    when it is the wrong one.
    """
    if not keys_session.place(connection).installed:
        return
    keys_session.require_private(connection, say)
    keys_session.quieten(connection)
    keys_session.call_with_key(connection, "unlock", kek)
