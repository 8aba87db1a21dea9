"""What the server shows of measures taken since an incident, and what its categories of data can lead to."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from pgguard.analysis.hba.ask import Asked as Question
from pgguard.analysis.hba.ask import explain
from pgguard.errors import Unread, UsageError
from pgguard.model.incident import LOCAL, Consequence
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.model.incident import CommandGroup, SessionGroup
    from pgguard.model.snapshot import Snapshot

_MEASURES = ("ALTER ROLE", "DROP ROLE", "REVOKE", "GRANT", "ALTER SYSTEM", "REVOKE ROLE", "GRANT ROLE")
_MOST = 20


@cache
def _words() -> dict[str, dict[str, str]]:
    text = resources.files("pgguard").joinpath("data/consequences.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)
    return found


def consequences(categories: Iterable[str]) -> tuple[Consequence, ...]:
    """What the categories can lead to, in fixed words."""
    return tuple(
        Consequence(one, _words()[one]["words"], _words()[one]["source"])
        for one in sorted(set(categories))
        if one in _words()
    )


def taken(
    snapshot: Snapshot,
    sessions: Sequence[SessionGroup],
    commands: Iterable[CommandGroup],
    databases: set[str],
) -> Iterator[str]:
    """What the server shows now of the logins: whether they can log in, are connected, are let in.

    Raises `Unread` when roles could not be read.
    """
    logins = list(dict.fromkeys(one.login for one in sessions))
    for login in logins[:_MOST]:
        yield from _role(snapshot, login, databases)
    ways = {(one.login, one.database, one.address, one.tls): None for one in sessions if one.database}
    for login, database, address, tls in list(ways)[:_MOST]:
        yield _let_in(snapshot, login, database, address, tls=tls)
    for one in commands:
        if one.command in _MEASURES and one.object.strip('"') in logins:
            yield f"{one.first}: {one.command} {one.object}, by {ident(one.login)}"
    for number, what in ((len(logins), "logins"), (len(ways), "ways in")):
        if number > _MOST:
            yield f"{number - _MOST} more {what}: narrow the question to see them"


def _role(snapshot: Snapshot, login: str, databases: set[str]) -> Iterator[str]:
    row = snapshot.role(login)
    if row is None:
        yield f"{ident(login)} is no role of the server any more"
        return
    until = f", its password is valid until {row.valid_until}" if row.valid_until else ""
    state = "can log in" if row.login and row.connection_limit != 0 else "cannot log in any more"
    yield f"{ident(login)} {state}{until}"
    if "sessions" in snapshot.missing():
        yield f"whether {ident(login)} is connected is not known: {snapshot.missing()['sessions']}"
        return
    now = [one for one in snapshot.sessions if one.role == login and one.database in databases]
    if now:
        places = ", ".join(sorted({one.address or LOCAL for one in now}))
        yield f"{ident(login)} is connected now, {len(now)} times, from {places}"
    else:
        yield f"{ident(login)} is not connected now"


def _let_in(snapshot: Snapshot, login: str, database: str, address: str, *, tls: bool) -> str:
    where = f"{ident(login)} from {address or LOCAL} into {ident(database)}"
    if snapshot.role(login) is None:
        return f"{where}: not let in, there is no such role"
    try:
        found = explain(snapshot, Question(login, database, address or "local", tls))
    except (Unread, UsageError) as reason:
        return f"whether pg_hba.conf still lets in {where} is not known: {reason}"
    rule = found.match.rule
    if rule is None or rule.method == "reject":
        return f"pg_hba.conf does not let in {where}"
    if found.obstacles:
        return f"{where}: not let in, {'; '.join(found.obstacles)}"
    return f"pg_hba.conf still lets in {where}, by {rule.method}"
