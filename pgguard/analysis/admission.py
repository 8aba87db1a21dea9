"""Who is let in: pg_hba.conf names a method, and a login also needs what the method and the server ask for.

LOGIN, a database that accepts connections, CONNECT and the connection limits are asked of every login;
a password method also wants a stored verifier of a kind that it takes, and the date VALID UNTIL, which
counts for passwords only (manual, CREATE ROLE and 20.5 Password Authentication).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.access import INVALID, connectors
from pgguard.analysis.addresses import LOOPBACK, parse
from pgguard.analysis.hba.decisions import Entry, decisions, replicates
from pgguard.analysis.hba.index import REPLICATION
from pgguard.analysis.hba.rules import STORED_PASSWORD
from pgguard.analysis.logins import universe
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule, Role
    from pgguard.model.snapshot import Snapshot


def obstacles(snapshot: Snapshot, role: Role, database: str, rule: HbaRule) -> Iterator[str]:
    """What keeps a login out although the rule decides for it, in the order that the server asks.

    Nothing for a login that is let in once it proves who it is; `database` may be REPLICATION.
    """
    if rule.method == "reject":
        yield "the rule rejects"
        return
    lacking = password_obstacle(snapshot, role, rule.method)
    if lacking:
        yield lacking
    if not role.login:
        yield f"{ident(role.name)} is NOLOGIN"
    if database == REPLICATION:
        if not replicates(snapshot, role):
            yield f"{ident(role.name)} has no REPLICATION, or a connection limit of 0"
        return
    if role.connection_limit == 0 and not role.superuser:
        yield f"{ident(role.name)} has a connection limit of 0"
    row = next((one for one in snapshot.databases if one.name == database), None)
    if row is not None and not row.allow_connections:
        yield f"{ident(database)} accepts no connections"
    elif row is not None and row.connection_limit == INVALID:
        yield f"{ident(database)} was left half removed by DROP DATABASE"
    elif row is not None and row.connection_limit == 0 and not role.superuser:
        yield f"{ident(database)} has a connection limit of 0"
    elif role.connection_limit != 0 and role.name not in connectors(snapshot, database):
        yield f"{ident(role.name)} has no CONNECT on {ident(database)}"


def password_obstacle(snapshot: Snapshot, role: Role, method: str) -> str:
    """Why no password of the role can satisfy a method that compares with the stored one; else empty.

    Where verifiers could not be read, each login counts as having one.
    """
    if method not in STORED_PASSWORD:
        return ""
    kind = _verifiers(snapshot).get(role.name, "other")
    if kind == "none":
        return f"{ident(role.name)} has no password"
    if kind == "md5" and method == "scram-sha-256":
        return f"{ident(role.name)} has an md5 verifier, which scram-sha-256 refuses"
    if is_expired(snapshot, role):
        return f"the password of {ident(role.name)} expired on {role.valid_until[:10]}"
    return ""


def has_no_password(snapshot: Snapshot, role: str) -> bool:
    """Whether no verifier is stored for the role.

    Raises `Unread` when verifiers could not be read.
    """
    if "verifiers" in snapshot.missing():
        snapshot.rows("verifiers")
    return _verifiers(snapshot).get(role) == "none"


def is_expired(snapshot: Snapshot, role: Role) -> bool:
    """Whether VALID UNTIL lies before the moment of the snapshot."""
    # a year may have five digits
    until, now = role.valid_until, snapshot.server.now
    return bool(until) and (len(until), until) < (len(now), now)


def admissions(snapshot: Snapshot) -> tuple[Entry, ...]:
    """What is let in, in the file's order: the entries of rules that can be satisfied, with those who can."""
    known: tuple[Entry, ...] | None = snapshot._memo.get("admissions")
    if known is None:
        known = snapshot._memo["admissions"] = tuple(_admitted(snapshot))
    return known


def outside(snapshot: Snapshot, policy: Policy) -> tuple[Entry, ...]:
    """What is let in from outside the policy's internal networks, with those addresses only."""
    inside = parse(policy.networks.internal) | LOOPBACK
    return tuple(
        entry._replace(addresses=entry.addresses - inside)
        for entry in admissions(snapshot)
        if entry.beyond(inside)
    )


def _admitted(snapshot: Snapshot) -> Iterator[Entry]:
    able: dict[str, int] = {}
    for entry in decisions(snapshot):
        method = entry.rule.method
        if method == "reject":
            continue
        if method in STORED_PASSWORD:
            if method not in able:
                able[method] = universe(snapshot).bits(
                    role.name for role in snapshot.roles if not password_obstacle(snapshot, role, method)
                )
            logins = entry.logins.restricted(able[method])
            if logins:
                yield entry._replace(logins=logins)
        else:
            yield entry


def _verifiers(snapshot: Snapshot) -> dict[str, str]:
    known: dict[str, str] | None = snapshot._memo.get("verifier kinds")
    if known is None:
        rows = () if "verifiers" in snapshot.missing() else snapshot.verifiers
        known = snapshot._memo["verifier kinds"] = {row.role: row.kind for row in rows}
    return known
