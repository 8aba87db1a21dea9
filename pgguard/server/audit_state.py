"""The audit of a database as it is set up now."""

from __future__ import annotations

from contextlib import closing
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import psycopg

from pgguard.errors import ConnectError
from pgguard.model.audit import AuditState
from pgguard.server.connect import said

if TYPE_CHECKING:
    from pgguard.server.connect import Target


class Seen(NamedTuple):
    """The state, None where the audit is not installed, and whether this login is a superuser."""

    state: AuditState | None
    superuser: bool


def read_state(target: Target, database: str) -> Seen:
    """How the audit of a database is set up, read in one read-only transaction.

    Raises `ConnectError` when it cannot be reached, or the audit is there and may not be looked at.
    """
    query = resources.files("pgguard").joinpath("sql", "audit", "state.sql").read_bytes()
    with closing(target.connect(database)) as connection:
        try:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute("SET LOCAL search_path = ''")
            row = connection.execute(
                "SELECT pg_catalog.to_regclass('pgguard_audit.audited') IS NOT NULL, r.rolsuper "
                "FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user"
            ).fetchone()
            installed, superuser = row or (False, False)
            if not installed:
                return Seen(None, superuser=bool(superuser))
            found = psycopg.RawCursor(connection).execute(query).fetchone()
        except psycopg.Error as error:
            msg = f"the audit of the database {database} may not be looked at: {said(error)}"
            raise ConnectError(msg) from None
        return Seen(msgspec.convert(found[0] if found else {}, AuditState), bool(superuser))
