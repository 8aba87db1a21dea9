"""A login that reads patients' data gets in from outside the house with a password alone.

Why it matters: a password that was caught by a false page or tried out is then all it takes to read
health data from anywhere; the CNIL asks for a second factor wherever a large database is reached from
outside.

How to fix: add clientcert=verify-full to the rule (hostssl), or use gss, cert or a directory that asks
for a second factor; or let people come through the house's VPN and declare it ([networks] internal).

Silent when: the login comes from the policy's internal networks, reads no sensitive data, or the rule
wants a client certificate, Kerberos or a directory; without [networks] internal it is not applicable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.able import able
from pgguard.analysis.admission import outside
from pgguard.analysis.grouping import together
from pgguard.analysis.hba.rules import STORED_PASSWORD, line, proves_certificate, require_loaded
from pgguard.analysis.membership import superusers
from pgguard.analysis.names import role_subject, rule_subject, shorten
from pgguard.analysis.privileges import of_column
from pgguard.analysis.sensitive import sensitive_columns
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.LOW
references = (
    "CNIL, recommendation of 2025 on large databases",
    "NIST IA-2",
    "PostgreSQL manual, 20.12 Certificate Authentication",
)
# methods that ask for one thing only; those that ask for nothing have checks of their own
_ONE_FACTOR = STORED_PASSWORD | {"ident"}


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.networks.internal:
        msg = "the policy does not say which networks are the house's own ([networks] internal = [...])"
        raise NotApplicable(msg)
    by_name = {database.name: database for database in snapshot.inspected}
    rules: dict[str, HbaRule] = {}
    for entry in outside(snapshot, policy):
        if entry.rule.method in _ONE_FACTOR and not proves_certificate(entry.rule):
            readers: set[str] = set()
            for name in by_name.keys() & set(entry.databases):
                readers |= _readers(snapshot, by_name[name], policy)
            for role in entry.logins.among(readers):
                known = rules.setdefault(role, entry.rule)
                if entry.rule.number < known.number:
                    rules[role] = entry.rule
    for roles in together(sorted(rules), lambda role: rules[role].number):
        rule = rules[roles[0]]
        named = [ident(role) for role in roles]
        who = named[0] if len(roles) == 1 else f"{len(roles)} logins ({shorten(named, 4)})"
        yield Finding(
            role_subject(roles[0]) if len(roles) == 1 else rule_subject(rule),
            f"{who} may read sensitive data and needs a password only, also from outside the policy's "
            f"networks, by line {rule.line} ({line(rule)})",
            fix=(by_hand(f"{rule_subject(rule).name}: hostssl with clientcert=verify-full"),),
        )
    require_loaded(snapshot)


def _readers(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> frozenset[str]:
    key = ("readers of sensitive data", policy.column)
    known: frozenset[str] | None = database._memo.get(key)
    if known is None:
        names: set[str] = set()
        for relation, column, *_ in sensitive_columns(database, policy):
            names |= able(snapshot, database, of_column(database, relation, column), "SELECT")
            names |= superusers(snapshot)
        known = database._memo[key] = frozenset(names)
    return known
