"""A login that is not superuser holds a power that is as good as superuser.

Why it matters: who reads or writes the server's files, runs programs there or hands out roles at will
has every patient's record and every password verifier in one step.

How to fix: REVOKE the membership or grant named in the evidence, or declare the role in the policy
([administrators] roles = [...]).

Silent when: declared administrators, superusers; CREATEROLE from PostgreSQL 16 on, which reaches only
roles that were granted WITH ADMIN OPTION.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.escalation.objects import loosened_languages
from pgguard.analysis.escalation.roles import COMMANDS, revokes
from pgguard.analysis.grouping import together
from pgguard.analysis.membership import inherited_roles, logins, settable_roles
from pgguard.analysis.names import role_subject, shorten
from pgguard.changes.privileges import revoke
from pgguard.changes.roles import alter_role
from pgguard.model.finding import Change, Finding, Severity, Subject
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "NIST AC-6",
    "PostgreSQL manual, 22.5 Predefined Roles",
)
_ROLES = {
    "pg_execute_server_program": "runs programs as the server's account",
    "pg_write_server_files": "writes any file of the server's account",
    "pg_read_server_files": "reads any file of the server's account",
}


class Power(NamedTuple):
    """One power of a login: what it does, the roles from the login to the one that holds it, the cure."""

    effect: str
    path: tuple[str, ...]
    fix: tuple[Change, ...]


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    alter_system = _alter_system(snapshot)
    languages = _languages(snapshot)
    held: list[tuple[str, list[Power]]] = []
    for login in logins(snapshot):
        if login.superuser or policy.is_administrator(login.name):
            continue
        paths = {**settable_roles(snapshot, login.name), **inherited_roles(snapshot, login.name)}
        becoming = settable_roles(snapshot, login.name)
        powers = [
            *(_predefined(snapshot, name, paths[name]) for name in _ROLES if name in paths),
            *(power for name in becoming if (power := _createrole(snapshot, name, becoming[name]))),
            *_by_grant(alter_system, paths),
            *_by_grant(languages, paths),
        ]
        if powers:
            held.append((login.name, powers))
    for group in together(held, lambda one: _cause(*one)):
        names = [ident(name) for name, _ in group]
        powers = group[0][1]
        subject = role_subject(group[0][0])
        who = names[0]
        if len(group) > 1:
            subject = role_subject(powers[0].path[1])
            who = f"each of its {len(group)} members ({shorten(names, 3)})"
        effects = " and ".join(f"{one.effect}{_by(one.path)}" for one in powers)
        fixes = dict.fromkeys(change for _, some in group for power in some for change in power.fix)
        yield Finding(subject, f"{who} {effects}", fix=tuple(fixes))
    if PUBLIC in alter_system or PUBLIC in languages:
        by_public = [*alter_system.get(PUBLIC, ()), *languages.get(PUBLIC, ())]
        effects = " and ".join(effect for effect, _ in by_public)
        yield Finding(
            Subject("role", "PUBLIC"), f"every login {effects}", fix=tuple(fix for _, fix in by_public)
        )


def _cause(login: str, powers: list[Power]) -> Hashable:
    if all(len(power.path) > 1 and power.path[1] == powers[0].path[1] for power in powers):
        return tuple((power.effect, power.path[1:]) for power in powers)
    return login


def _by(path: tuple[str, ...]) -> str:
    return f" ({' -> '.join(ident(name) for name in path)})" if len(path) > 1 else ""


def _predefined(snapshot: Snapshot, name: str, path: tuple[str, ...]) -> Power:
    return Power(_ROLES[name], path, revokes(snapshot, path[-1], path[-2]))


def _createrole(snapshot: Snapshot, name: str, path: tuple[str, ...]) -> Power | None:
    role = snapshot.role(name)
    if snapshot.major >= 16 or role is None or not role.createrole or role.superuser:
        return None
    effect = "gives itself any role but superusers (CREATEROLE)"
    return Power(effect, path, (alter_role(name, "NOCREATEROLE", "CREATEROLE"),))


def _by_grant(
    grants: Mapping[str, list[tuple[str, Change]]], paths: Mapping[str, tuple[str, ...]]
) -> Iterator[Power]:
    for name, path in paths.items():
        for effect, fix in grants.get(name, ()):
            yield Power(effect, path, (fix,))


def _alter_system(snapshot: Snapshot) -> dict[str, list[tuple[str, Change]]]:
    """What ALTER SYSTEM on parameters that name a program or a library gives, by grantee."""
    found: dict[str, list[tuple[str, Change]]] = {}
    for parameter in snapshot.parameter_acls:
        for grant in snapshot.grants(parameter.acl):
            if parameter.name.lower() in COMMANDS and grant.privilege == "ALTER SYSTEM":
                effect = f"chooses by ALTER SYSTEM what {parameter.name} runs or loads"
                fix = revoke(["ALTER SYSTEM"], f"PARAMETER {parameter.name}", grant.grantee)
                found.setdefault(grant.grantee, []).append((effect, fix))
    return found


def _languages(snapshot: Snapshot) -> dict[str, list[tuple[str, Change]]]:
    """Who may write functions in a language without confines, because it was marked trusted, by grantee."""
    found: dict[str, list[tuple[str, Change]]] = {}
    for database in snapshot.inspected:
        for language in loosened_languages(database):
            for grant in database.grants(language.acl):
                if grant.grantee != language.owner:
                    effect = f"writes {language.name} functions, which act as the server's account"
                    on = f"LANGUAGE {ident(language.name)}"
                    fix = revoke(["USAGE"], on, grant.grantee, database=database.name)
                    found.setdefault(grant.grantee, []).append((effect, fix))
    return found
