"""A superuser, or a login as good as one, gets in from another machine.

Why it matters: a stolen superuser password is then enough to copy, change or erase every patient's
record from anywhere in the accepted networks, and to remove the traces.

How to fix: put a reject rule for superusers before the rule named, let administrators come to the
machine first (peer on the socket), or declare jump hosts ([networks] jump_hosts) and narrow the rule
to them.

Silent when: rules for superusers accept only the machine itself or the policy's jump hosts, or they
cannot satisfy them (see pwd-missing); declared administrators with encryption are only low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.addresses import LOOPBACK, parse
from pgguard.analysis.admission import admissions
from pgguard.analysis.hba.rules import GSS, TLS, line, require_loaded, ways
from pgguard.analysis.membership import becomers_by_path, heirs_by_path, superusers
from pgguard.analysis.names import cluster_subject, role_subject, shorten
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 4",
    "STIG",
    "PostgreSQL manual, 20.1 The pg_hba.conf File",
)
# who runs programs as the server's account, or reads and writes its files
_AS_GOOD = ("pg_execute_server_program", "pg_write_server_files", "pg_read_server_files")
_ENCRYPTED = frozenset({TLS, GSS})
_MANY = 10


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    near = LOOPBACK | parse(policy.networks.jump_hosts)
    powers = _powers(snapshot)
    reached: dict[str, dict[int, HbaRule]] = {}
    for entry in admissions(snapshot):
        if entry.beyond(near):
            for name in entry.logins.among(powers):
                reached.setdefault(name, {})[entry.rule.number] = entry.rule
    if len(reached) > _MANY:
        names = shorten([ident(name) for name in sorted(reached)], 8)
        yield Finding(
            cluster_subject(),
            f"{len(reached)} superusers and logins as good as them get in from other machines: {names}",
        )
        reached = {}
    for name, through in sorted(reached.items()):
        lines = list(through.values())
        encrypted = all(ways(rule) <= _ENCRYPTED for rule in lines)
        said = shorten([f"line {rule.line} ({line(rule)})" for rule in lines], 2)
        yield Finding(
            role_subject(name),
            f"{powers[name]} gets in from other machines by {said}",
            severity=Severity.LOW if policy.is_administrator(name) and encrypted else None,
            fix=(by_hand(f"pg_hba.conf: host all {ident(name)} all reject, before line {lines[0].line}"),),
        )
    require_loaded(snapshot)


def _powers(snapshot: Snapshot) -> Mapping[str, str]:
    """The superusers, and the logins as good as one, each in words."""
    mighty = superusers(snapshot)
    found: dict[str, str] = {}
    for power in (*_AS_GOOD, *sorted(mighty)):
        if snapshot.role(power) is not None:
            paths = {**becomers_by_path(snapshot, [power]), **heirs_by_path(snapshot, [power])}
            for name in paths:
                found.setdefault(name, f"{ident(name)}, as good as superuser by {ident(power)},")
    return {**found, **{name: f"superuser {ident(name)}" for name in mighty}}
