"""What statements needed: privileges by role, object and column, as counts; no statement, no value."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["relation", "sequence", "function", "schema", "database"]

# a privilege on the whole relation, where one on columns would not do or the columns are not known
WHOLE = "*"


class Need(NamedTuple):
    """A privilege that a statement takes.

    `role` is whose privileges the server checks. `name` is the object's SQL name (of a function with its
    argument types). Of a relation `column` is a column, empty where any column will do (`SELECT count(*)`,
    `FOR UPDATE`) or the privilege is not one of columns, or `WHOLE`.
    `operation` is what GRANT calls the privilege, or what several privileges allow: NEXTVAL, CURRVAL,
    LOCK with its mode; OWNER for what only owners may do.
    """

    role: str
    kind: Kind
    name: str
    column: str
    operation: str


class Gap(NamedTuple):
    """Something in a statement that could not be followed.

    `command` is the kind of statement (SELECT, CALL ...), `reason` why, without any word of the statement
    but names of objects in the catalog. `touches` is the relation that it is about, empty where that may
    be any, `SEQUENCES` where it is some sequence, `NOTHING` where it is none that is there.
    """

    role: str
    command: str
    reason: str
    touches: str


# how a window in which statements were seen is told from others (see `Coverage.means`)
MEANS = "statements"
# the source that counts by itself since it was reset, and tells the same again each time it is looked at
TRACKED = "pg_stat_statements"
# no object of the database can have such a name
NOTHING = "-"
SEQUENCES = "-sequence"


class Used(NamedTuple):
    """A need in one database as it was seen: first and last time (ISO 8601), how often, and by what.

    source: log, pgaudit, auto_explain, pg_stat_statements.
    """

    database: str
    need: Need
    first_at: str
    last_at: str
    times: int
    source: str


class Unattributed(NamedTuple):
    """A gap in one database as it was seen, as `Used`."""

    database: str
    gap: Gap
    first_at: str
    last_at: str
    times: int
    source: str
