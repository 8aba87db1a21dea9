"""Roles that take data out of a database, as their names say or as they were seen to do."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.membership import all_roles, members, superusers
from pgguard.analysis.names import relation_name
from pgguard.analysis.own import ROLES
from pgguard.analysis.personal.words import words
from pgguard.analysis.register_gaps import reads
from pgguard.analysis.sensitive import sensitive_tables, sensitive_views

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Role
    from pgguard.model.snapshot import Snapshot


class Candidate(NamedTuple):
    """A role that takes data out: why it is thought to, who uses it, and which sensitive tables it reads."""

    role: str
    said: str
    logins: tuple[str, ...]
    tables: tuple[str, ...]


def says_so(name: str) -> bool:
    """Whether a role's name says that it takes data out, by one of its words."""
    return not _listed().isdisjoint(words(name))


def candidates(snapshot: Snapshot, policy: Policy) -> Iterator[Candidate]:
    """The roles that take data out and that nothing in the policy answers for, in order of name.

    Of a group the logins count that nothing answers for. Raises `Unread` when what it takes could not
    be read.
    """
    out = _seen(snapshot, policy)
    exempt = _exempt(snapshot, policy)
    for role in sorted(snapshot.roles, key=lambda one: one.name):
        if role.predefined or role.bootstrap or role.replication or role.name in exempt | ROLES:
            continue
        named = says_so(role.name)
        if not named and role.name not in out:
            continue
        logins = _logins(snapshot, role, exempt)
        tables = _tables(snapshot, policy, logins) if logins else ()
        if tables:
            said = ["is named for taking data out"] if named else []
            said += [out[role.name]] if role.name in out else []
            yield Candidate(role.name, ", ".join(said), logins, tables)


@cache
def _listed() -> frozenset[str]:
    text = resources.files("pgguard").joinpath("data/extraction_words.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)["words"])


def _exempt(snapshot: Snapshot, policy: Policy) -> frozenset[str]:
    """The roles that the policy answers for: an account counts only under a contract or an activity."""
    named = {
        *policy.administrators.roles,
        *(one.role for one in policy.person),
        *(one.role for one in policy.service),
        *(one.role for one in policy.breakglass),
        *(one.role for one in policy.mandate),
    }
    under_contract = {one.processor for one in policy.contract}
    roles = {role for one in policy.contract for role in one.roles}
    roles |= {role for one in policy.activity for role in one.recipient_roles}
    for one in policy.account:
        if one.processor in under_contract or not roles.isdisjoint(all_roles(snapshot, one.role)):
            named.add(one.role)
    return frozenset(named)


def _logins(snapshot: Snapshot, role: Role, exempt: frozenset[str]) -> tuple[str, ...]:
    """Who works as a role: itself where it logs in, and its members that nothing answers for."""
    names = {role.name, *members(snapshot, role.name)} if not role.login else {role.name}
    return tuple(sorted(one.name for one in snapshot.roles if one.login and one.name in names - exempt))


def _tables(snapshot: Snapshot, policy: Policy, logins: tuple[str, ...]) -> tuple[str, ...]:
    """The sensitive tables of which one of the logins can read a sensitive column, by any way."""
    wanted = frozenset(logins)
    if not wanted.isdisjoint(superusers(snapshot)):
        return ("everything, as superuser",)
    found: dict[str, None] = {}
    for database in snapshot.inspected:
        for columns in sensitive_tables(database, policy).values():
            if not columns[0].relation.is_partition and any(
                reads(snapshot, database, one, wanted) for one in columns
            ):
                found[relation_name(columns[0].relation)] = None
    return tuple(found)


def _seen(snapshot: Snapshot, policy: Policy) -> Mapping[str, str]:
    """What logins were seen to take out of sensitive tables and of views of them, in a few words."""
    if snapshot.observations is None:
        return {}
    sensitive = {
        (database.name, relation_name(one))
        for database in snapshot.inspected
        for one in database.relations
        if one.oid in sensitive_tables(database, policy) or one.oid in sensitive_views(database, policy)
    }
    most: dict[tuple[str, str], int] = defaultdict(int)
    copied: dict[str, tuple[str, str]] = {}
    for one in snapshot.observations.reads:
        if (one.database, one.relation) in sensitive:
            most[one.login, one.day] += one.rows
            if one.copies:
                copied[one.login] = max(copied.get(one.login, ("", "")), (one.day, one.relation))
    found = {login: f"copied {relation} out on {day}" for login, (day, relation) in copied.items()}
    for (login, day), rows in sorted(most.items()):
        if rows > policy.thresholds.mass_read_rows and login not in copied:
            found[login] = f"read {rows} rows of sensitive tables on {day}"
    return found
