"""A rule of pg_hba.conf accepts clients from addresses outside the networks that should reach the
database.

Why it matters: a database of patients that answers the whole internet is tried day and night; the
address range is the first wall, and the only one when a password leaks.

How to fix: narrow the rule to the networks that need it and declare those in the policy ([networks]
internal = [...]), then SELECT pg_reload_conf().

Silent when: the range lies inside the policy's networks; without a policy, inside private address
ranges; the method is reject, earlier rules decide outside those networks, the rule names hosts, or it
is for replication (see hba-replication-open).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.addresses import LOOPBACK, PRIVATE, parse
from pgguard.analysis.hba import in_force, who
from pgguard.analysis.hba.rules import accepted, for_replication_only, is_named, is_network, line
from pgguard.analysis.names import rule_subject
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CNIL SAN-2022-009 (reachable from the internet)",
    "ISO 27001 A.8.20",
    "PostgreSQL manual, 20.1 The pg_hba.conf File",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    networks = policy.networks
    declared = (
        *networks.internal,
        *networks.standbys,
        *networks.poolers,
        *networks.jump_hosts,
        *networks.nat,
    )
    allowed = parse(declared) | LOOPBACK if declared else PRIVATE
    yardstick = "the policy's networks" if declared else "private address ranges"

    def wanted(rule: HbaRule) -> bool:
        if rule.method == "reject" or not is_network(rule) or for_replication_only(rule):
            return False
        by_name = is_named(rule) and rule.address != "samenet"
        return not by_name and not accepted(rule).within(allowed)

    for rule, entries in in_force(snapshot, wanted):
        outside = [entry for entry in entries if entry.beyond(allowed)]
        if entries and not outside:
            continue
        subject = rule_subject(rule)
        if rule.address == "samenet":
            what = "accepts every network the server has an interface in"
        else:
            what = f"accepts clients outside {yardstick}"
        yield Finding(
            subject,
            f"{line(rule)} {what}, for {who(outside)}",
            severity=None if outside else Severity.LOW,
            fix=(by_hand(f"{subject.name}: an address range of your own instead of {rule.address}"),),
        )
