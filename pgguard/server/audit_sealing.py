"""The auditor's key on the server, and the end of keys that sealed values."""

from __future__ import annotations

import contextlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg

from pgguard.errors import ApplyStopped, PgguardError, UsageError
from pgguard.model.quote import ident
from pgguard.server.connect import said
from pgguard.server.refusal import refusal

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from pgguard.server.connect import Target

    Connection = psycopg.Connection[tuple[Any, ...]]

_OURS = "PGA"


def set_auditor_key(target: Target, fingerprint: str, material: bytes) -> str:
    """Seal to this public key from now on; the fingerprint of the one before, empty for the first.

    Raises `UsageError` when there is no audit store or no pgcrypto, or we are no superuser.
    """
    with _session(target) as connection, connection.transaction():
        before = connection.execute(
            "SELECT k.fingerprint FROM pgguard_audit.auditor_key AS k WHERE k.current"
        ).fetchone()
        connection.execute("SELECT pgguard_audit.bind_pgcrypto()")
        connection.execute("SELECT pgguard_audit.set_auditor_key(%s, %s)", (fingerprint, material))
        return str(before[0]) if before else ""


def destroy(target: Target, before: datetime.datetime, agreed: int | None) -> int:
    """Destroy the keys of values that were sealed before a time; how many.

    Raises `UsageError` when `agreed` is not their number, which it then says, and when we may not.
    """
    with _session(target) as connection, connection.transaction():
        row = connection.execute(
            "SELECT pg_catalog.count(*) FROM pgguard_audit.sealed_key AS k "
            "WHERE k.destroyed_at IS NULL AND k.made_at < %s",
            (before,),
        ).fetchone()
        count = int(row[0]) if row else 0
        if count != (agreed or 0):
            msg = (
                f"{count} keys were made before, each of the values that one statement sealed: --yes-destroy "
                f"{count} makes these unreadable for ever, the auditor included"
            )
            raise UsageError(msg)
        connection.execute("SELECT pgguard_audit.destroy_sealed_keys(NULL, %s)", (before,))
        return count


@contextlib.contextmanager
def _session(target: Target) -> Iterator[Connection]:
    with closing(target.connect()) as connection:
        connection.read_only = None
        connection.isolation_level = None
        connection.autocommit = True
        try:
            connection.execute("SET lock_timeout = '5s'")
            yield connection
        except PgguardError:
            raise
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction):
            database = ident(connection.info.dbname)
            msg = f"there is no audit store in {database} that can seal: pgguard plan --audit"
            raise UsageError(msg) from None
        except psycopg.errors.InsufficientPrivilege as error:
            msg = f"{refusal(error)}; nothing was changed: connect as a superuser"
            raise UsageError(msg) from None
        except psycopg.Error as error:
            if (error.sqlstate or "").startswith((_OURS, "39")):
                # 39000: what pgcrypto says of a key that it does not take
                msg = f"{said(error).removeprefix('pgguard: ')}; nothing was changed"
                raise UsageError(msg) from None
            msg = f"the server refused: {refusal(error)}; nothing was changed"
            raise ApplyStopped(msg) from None
