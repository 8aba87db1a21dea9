"""The ledger of migrations, and the advisory locks that keep two who apply apart."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from pgguard.errors import ApplyStopped, Unread
from pgguard.model.quote import ident
from pgguard.plan.standing import Record, number_of

if TYPE_CHECKING:
    from typing import Any

    from pgguard.plan.folder import Entry
    from pgguard.plan.standing import Action, RecordState

    Connection = psycopg.Connection[tuple[str, ...]]

# "PGGU" as a number, and what is locked: a run in the cluster's home database, the files of one database
_LOCK = 0x50474755
RUN, FILES = 1, 2
_TABLE = "pgguard.migration"
_ODD = f"{_TABLE} is no plain table: what hangs on it would run with our rights"


class Holder(NamedTuple):
    """A session that holds one of our locks; what the server hides from us is empty."""

    pid: int
    user: str
    application: str
    address: str
    since: str

    def __str__(self) -> str:
        """It in words."""
        who = f" of {ident(self.user)}" if self.user else ""
        what = f" ({self.application})" if self.application else ""
        where = f" from {self.address}" if self.address else ""
        since = f", there since {self.since}" if self.since else ""
        return f"session {self.pid}{who}{what}{where}{since}"


class Place(NamedTuple):
    """The ledger of a database as it is found.

    `distrusted` tells whose it is when it is not the right owner's; `odd` when triggers, rules or policies
    of somebody's would run.
    """

    schema: bool
    table: bool
    distrusted: str
    odd: bool
    can_create_schema: bool
    can_use: bool
    can_create: bool
    can_read: bool
    can_write: bool


def sql(name: str) -> bytes:
    """A file of sql/apply, without a semicolon at its end."""
    return resources.files("pgguard").joinpath(f"sql/apply/{name}.sql").read_bytes().strip()


def rows(connection: Connection, name: str, *values: object) -> list[tuple[Any, ...]]:
    """What a file of sql/apply returns; its parameters are $1, $2 and so on."""
    return psycopg.RawCursor(connection).execute(sql(name), values or None).fetchall()


def lock(connection: Connection, which: int) -> bool:
    """Take one of the locks for the session, unless somebody else has it."""
    return bool(rows(connection, "lock", _LOCK, which)[0][0])


def holds(connection: Connection, which: int) -> bool:
    """Whether this session still has the lock."""
    return connection.info.backend_pid in {row[0] for row in rows(connection, "holder", _LOCK, which)}


def holder(connection: Connection, which: int) -> Holder | None:
    """Who has the lock; None when nobody has."""
    found = rows(connection, "holder", _LOCK, which)
    return Holder(*found[0]) if found else None


def place(connection: Connection) -> Place:
    """How the ledger is found in the database of the connection."""
    return Place(*rows(connection, "ledger")[0])


def lacking(connection: Connection) -> str:
    """What is missing before the ledger can be kept in the connection's database, and what to do."""
    found = place(connection)
    who, where = ident(connection.info.user), ident(connection.info.dbname)
    if found.distrusted:
        return f"in {where} {found.distrusted}: it has to belong to a superuser or to {who}"
    if found.odd:
        return f"in {where} {_ODD}"
    if not found.schema and not found.can_create_schema:
        return f"{who} cannot make the ledger in {where}: GRANT CREATE ON DATABASE {where} TO {who}"
    if found.schema and not found.can_use:
        return f"{who} cannot use the ledger in {where}: GRANT USAGE ON SCHEMA pgguard TO {who}"
    if found.schema and not found.table and not found.can_create:
        return f"{who} cannot make the ledger in {where}: GRANT CREATE ON SCHEMA pgguard TO {who}"
    if found.table and not (found.can_read and found.can_write):
        return f"{who} cannot write the ledger in {where}: GRANT SELECT, INSERT ON {_TABLE} TO {who}"
    return ""


def unfit(connection: Connection) -> str:
    """Why the ledger that is there cannot be used; empty where it can, or is still to be made."""
    return lacking(connection) if place(connection).schema else ""


def install(connection: Connection) -> None:
    """Make the ledger unless it is there.

    Raises `ApplyStopped` when there is one that must not be written to.
    """
    script = resources.files("pgguard").joinpath("sql/install/001_ledger.sql").read_bytes()
    connection.execute(script)
    if wrong := lacking(connection):
        raise ApplyStopped(wrong)


def records(connection: Connection, plan: str) -> list[Record]:
    """What happened to the files of a plan in the connection's database, in order.

    Raises `Unread` when the ledger does not let us read it.
    """
    database = connection.info.dbname
    found = place(connection)
    if not found.table:
        return []
    if found.odd or not (found.can_use and found.can_read):
        reason = _ODD if found.odd else "SELECT on it is not granted to us"
        raise Unread(_TABLE, reason, database)
    return [
        Record(f"{number:04d}_{slug}", sha256, action, state, by, at, message)
        for number, slug, sha256, action, state, by, at, message in rows(connection, "rows", plan)
    ]


def add(
    connection: Connection, plan: str, entry: Entry, action: Action, state: RecordState, message: str = ""
) -> None:
    """Write what happened to a file, in the connection's transaction where it has one."""
    number, slug = number_of(entry.name), entry.name.partition("_")[2]
    ran = entry.sha256.up if action == "apply" else entry.sha256.down
    rows_of = (plan, number, slug, entry.phase, ran, action, state, message)
    psycopg.RawCursor(connection).execute(sql("add"), rows_of)
