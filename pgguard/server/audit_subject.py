"""What the audit tells of one patient's data, and what it cannot tell."""

from __future__ import annotations

import datetime  # noqa: TC003 - a type of fields
from typing import TYPE_CHECKING, NamedTuple

from pgguard.server.audit_search import entries, rows, session

if TYPE_CHECKING:
    from pgguard.model.audit_entry import Entry, Wanted
    from pgguard.server.connect import Target


class AuditedTable(NamedTuple):
    """A table that is audited now: `subject` its column that tells whose data a row is, empty for none.

    `complete` tells whether every write to it is recorded as the server is now.
    """

    relation: str
    subject: str
    is_tag: bool
    complete: bool


class OwnEvent(NamedTuple):
    """Something done to the audit itself: AUDIT ON, AUDIT OFF, an erasure, a purge, destroyed keys."""

    at: datetime.datetime
    verb: str
    object: str
    login: str


class SubjectHistory(NamedTuple):
    """The entries of one data subject, and what is to be known to judge that they are all.

    `since` is when the store was made, `oldest` what its oldest partition is for; `unplaced` tells that
    entries lie outside the partition of their time.
    """

    database: str
    made_at: datetime.datetime
    wanted: Wanted
    entries: tuple[Entry, ...]
    tables: tuple[AuditedTable, ...]
    events: tuple[OwnEvent, ...]
    since: datetime.datetime | None
    oldest: datetime.datetime | None
    unplaced: bool


def look(target: Target, wanted: Wanted) -> SubjectHistory:
    """Everything the store tells of the subject in the window.

    Raises what `session` does.
    """
    with session(target, private=True) as (connection, place):
        found = tuple(entries(connection, wanted))
        # these are no search by subject: they are found by the table's number, or read
        connection.execute("SET LOCAL enable_seqscan = on")
        since, oldest, unplaced = rows(connection, "reach")[0]
        return SubjectHistory(
            place.database,
            rows(connection, "moment")[0][0],
            wanted,
            found,
            tuple(AuditedTable(*one) for one in rows(connection, "audited_tables")),
            tuple(OwnEvent(*one) for one in rows(connection, "own_events", wanted.first, wanted.last)),
            since,
            oldest,
            bool(unplaced),
        )
