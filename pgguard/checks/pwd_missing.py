"""A login has no password although a password method is what should let it in.

Why it matters: it gets in only because some other rule asks for nothing, and nobody notices that the
password was never set; a superuser without one waits for the first colleague who sets it.

How to fix: set a password (\\password name in psql), or take LOGIN away if nobody uses the login; for
superusers put a reject rule for the network before the others.

Silent when: no password rule serves the login over the network, it has no other way in either, or it
uses a certificate or a directory; where its other way in is the machine's own account (peer) it is low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.access import connectors
from pgguard.analysis.admission import admissions, has_no_password
from pgguard.analysis.hba.decisions import decisions
from pgguard.analysis.hba.index import index, numbers
from pgguard.analysis.hba.rules import STORED_PASSWORD, authenticates, beyond_loopback, line, require_loaded
from pgguard.analysis.names import cluster_subject, role_subject, shorten
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule, Role
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "HIPAA 164.312(d)",
    "CIS-PG 5",
    "PostgreSQL manual, 20.5 Password Authentication",
)
_MANY = 10


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    without = [role for role in snapshot.roles if role.login and has_no_password(snapshot, role.name)]
    if without:
        found = list(_judged(snapshot, without))
        grave = [finding for finding in found if finding.severity is None]
        yield from grave if len(grave) <= _MANY else [_together(grave)]
        light = [finding for finding in found if finding.severity is not None]
        yield from light if len(light) <= _MANY else [_together(light)]
    require_loaded(snapshot)


def _together(found: list[Finding]) -> Finding:
    listed = shorten([finding.subject.name for finding in found], 8)
    return Finding(
        cluster_subject(),
        f"{len(found)} logins have no password where rules ask for one, and get in otherwise: {listed}",
        severity=found[0].severity,
    )


def _judged(snapshot: Snapshot, without: list[Role]) -> Iterator[Finding]:
    names = {role.name for role in without}
    entering = _by_role(snapshot, names, password=False)
    asked = _by_role(snapshot, names, password=True)
    would_ask = _would_ask(snapshot)
    for role in without:
        rules = entering.get(role.name, [])
        unproved = [rule for rule in rules if not authenticates(rule)]
        proved = [rule for rule in rules if authenticates(rule)]
        named = ident(role.name)
        wanting = would_ask(role.name)
        if unproved and wanting is not None:
            yield Finding(
                role_subject(role.name),
                f"{named} has no password: line {wanting.line} ({line(wanting)}) would ask for one, and "
                f"line {unproved[0].line} ({line(unproved[0])}) lets it in without",
            )
        elif role.superuser and role.name in asked and not any(beyond_loopback(rule) for rule in proved):
            first = asked[role.name][0]
            yield Finding(
                role_subject(role.name),
                f"superuser {named} has no password, and line {first.line} ({line(first)}) asks it for one "
                "from other machines",
            )
        elif wanting is not None and proved and all(rule.type == "local" for rule in proved):
            yield Finding(
                role_subject(role.name),
                f"{named} has no password, which line {wanting.line} ({line(wanting)}) asks for; it gets in "
                f"by line {proved[0].line} ({line(proved[0])})",
                severity=Severity.LOW,
            )


def _by_role(snapshot: Snapshot, names: set[str], *, password: bool) -> dict[str, list[HbaRule]]:
    """The rules by which these logins get in, or those that ask them for a password from other machines."""
    found: dict[str, dict[int, HbaRule]] = {}
    for entry in decisions(snapshot) if password else admissions(snapshot):
        if password and not (entry.remote and entry.rule.method in STORED_PASSWORD):
            continue
        for name in entry.logins.among(names):
            found.setdefault(name, {})[entry.rule.number] = entry.rule
    return {name: [rules[number] for number in sorted(rules)] for name, rules in found.items()}


def _would_ask(snapshot: Snapshot) -> Callable[[str], HbaRule | None]:
    """For a login, the first rule that would ask it for a password if none before it decided."""
    known = index(snapshot)
    asking = sum(
        1 << number
        for number, rule in enumerate(known.rules)
        if rule.method in STORED_PASSWORD and beyond_loopback(rule)
    )
    into: dict[frozenset[str], int] = {}
    for row in snapshot.databases:
        taking = connectors(snapshot, row.name)
        into[taking] = into.get(taking, 0) | (known.of_database(row.name).possible & asking)

    def first(name: str) -> HbaRule | None:
        fitting = known.of_user(name).possible
        bits = 0
        for taking, of_databases in into.items():
            if name in taking:
                bits |= of_databases & fitting
        return known.rules[next(numbers(bits))] if bits else None

    return first
