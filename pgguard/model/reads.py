"""Who read what, and who gave which command, as logs tell it: no statement, no parameter, no value."""

from __future__ import annotations

from typing import Literal, NamedTuple

# by what is known that somebody read: pgaudit's reference role, pgaudit's classes of a session, the text of a
# statement in the log, the call of a function that opens encrypted values
Evidence = Literal["pgaudit object", "pgaudit session", "log_statement", "accessor"]
# how sure the columns are: the statement names them; one or more of them; not known
Certainty = Literal["named", "among", "unknown"]
# how a window in which reads were seen is told from others (see `Coverage.means`)
MEANS = "reads"


class AuditLine(NamedTuple):
    """A line of pgaudit: SESSION or OBJECT; READ, WRITE, FUNCTION, ROLE, DDL ...; the command; its object."""

    type: str
    kind: str
    command: str
    object_kind: str
    object: str


class ReadSeen(NamedTuple):
    """A read, or several alike of one session in one second (`times`).

    `at` is ISO 8601 in UTC; `session` the log's session id, as in `SessionSeen`; `login` who logged in;
    `identity` what authenticated, where the log tells; `relation` its SQL name, empty where the log does not
    tell it; `command` SELECT, COPY, UPDATE ...; `rows` how many rows all of them gave or wrote, -1 where that
    is not known.
    """

    at: str
    session: str
    database: str
    login: str
    identity: str
    application: str
    address: str
    relation: str
    columns: tuple[str, ...]
    certainty: Certainty
    command: str
    evidence: Evidence
    rows: int
    times: int


class CommandSeen(NamedTuple):
    """A command about roles, privileges, settings or definitions: its tag, and on what; never its text.

    `kind` and `object` are empty where the log does not tell them. `evidence` is pgaudit or log_statement.
    """

    at: str
    session: str
    database: str
    login: str
    identity: str
    application: str
    address: str
    command: str
    kind: str
    object: str
    evidence: str


class ReadsOfDay(NamedTuple):
    """What one login read of one relation on a day (UTC): statements, the rows they gave as far as they are
    known, and how many of them were COPY."""

    day: str
    database: str
    login: str
    relation: str
    statements: int
    rows: int
    copies: int
