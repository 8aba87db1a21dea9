"""Destroying keys: what is under them is lost for good, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg import sql

from pgguard.errors import UsageError
from pgguard.server.keys_session import alone, require, rows, session
from pgguard.server.keys_state import (
    MAKING,
    clock,
    count_values,
    key_of,
    read_keys,
    read_persons,
    read_status,
    rewritten,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgguard.server.connect import Target
    from pgguard.server.keys_state import Column, Key, Status

    Connection = psycopg.Connection[tuple[str, ...]]
    Say = Callable[[str], None]

_ID = re.compile(r"[0-9a-f]{8}\Z")


class Destruction(NamedTuple):
    """Which keys are gone and what went with them; `rewritten` tells whether the table holds them no more."""

    keys: tuple[Key, ...]
    values: int
    epoch: int
    sessions: int
    rewritten: bool


def destroy(target: Target, ids: Sequence[str], group: str, *, erase: int | None, say: Say) -> Destruction:
    """Destroy keys for good: those named, or all of a group.

    Refused (`UsageError`) while a key is current, values are under it or older sessions still seal with it,
    unless `erase` is the number of values that are counted, which are lost. Writers of the group's tables
    wait while they are counted for the last time.
    """
    for one in ids:
        if not _ID.match(one):
            msg = f"{one}: the id of a key has 8 hexadecimal digits, as pgguard keys status shows it"
            raise UsageError(msg)
    with session(target, say=say) as (connection, found):
        require(found)
        before = read_status(connection, found, count=True, say=say)
        going, _ = _may_go(connection, before, ids, group, erase)
        with alone(connection):
            counted = _counted_again(connection, before, going)
            if any(one.purpose in ("subject", "name") for one in going):
                connection.execute("LOCK TABLE pgguard.subject_key IN SHARE MODE")
            persons = read_persons(connection)
            now = before._replace(keys=read_keys(connection), columns=counted, persons=persons)
            going, values = _may_go(connection, now, ids, group, erase)
            rows(connection, "destroy", [one.number for one in going])
            rows(connection, "replan")
        epoch = now.current.epoch if now.current else 0
        sessions = len(rows(connection, "sessions", clock(connection)))
        return Destruction(going, values, epoch, sessions, rewritten(connection))


def _may_go(
    connection: Connection, now: Status, ids: Sequence[str], group: str, erase: int | None
) -> tuple[tuple[Key, ...], int]:
    alive = [one for one in now.keys if one.state != "destroyed"]
    going = tuple(one for one in alive if (one.group == group if group else one.id in ids))
    unknown = [one for one in ids if one not in {key.id for key in going}]
    if unknown or not going:
        what = f"key {', '.join(unknown)}" if unknown else f"key of group {group}"
        msg = f"there is no {what} that could be destroyed: pgguard keys status"
        raise UsageError(msg)
    for column in now.columns:
        if column.counts is None:
            msg = f"{column.name} could not be counted ({column.why}), and what is under the key is not known"
            raise UsageError(msg)
    values = sum(now.values_under(one) for one in going)
    current = [one.id for one in going if one.state in ("current", "next")]
    if (values or current) and erase != values:
        held = f"in use: {', '.join(current)}" if current else f"under {', '.join(one.id for one in going)}"
        msg = (
            f"{values} values would be lost for good ({held}): if that is what you want, "
            f"--yes-erase-values {values}"
        )
        raise UsageError(msg)
    numbers = {one.number for one in going}
    bound = [one.name for one in now.columns if {one.index_key, one.second_key} & numbers]
    if bound and erase is None:
        msg = (
            f"the index of {', '.join(bound)} is made with this key: pgguard plan --index-keys moves it to "
            "another"
        )
        raise UsageError(msg)
    if not current and erase is None:
        _nobody_seals(connection, alive, going)
    return going, values


def _counted_again(connection: Connection, before: Status, going: Sequence[Key]) -> tuple[Column, ...]:
    # nobody writes while what is lost is counted; columns of other groups have nothing under these keys
    groups, ids = {one.group for one in going}, {one.id for one in going}
    columns = []
    for one in before.columns:
        if one.relation and (one.group in groups or ids & set(one.counts or ())):
            table = sql.Identifier(*one.relation)
            connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(table))
            one = count_values(connection, one._replace(counts=None))
        columns.append(one)
    return tuple(columns)


def _nobody_seals(connection: Connection, alive: list[Key], going: Sequence[Key]) -> None:
    # a session that got its keys before their successor was made may still seal with the last of them
    for key in going:
        successor = key_of(alive, key.group, key.purpose, "current")
        since = successor.created_at + MAKING if successor else clock(connection)
        if older := rows(connection, "sessions", since):
            pids = ", ".join(str(one[0]) for one in older[:10]) + (", ..." if len(older) > 10 else "")
            msg = (
                f"{len(older)} sessions are older than the key after {key.id}, and may still write with it: "
                f"end them first ({pids})"
            )
            raise UsageError(msg)
