"""A rule of pg_hba.conf can never decide, because earlier rules cover it.

Why it matters: the first rule that fits decides; a reject or a scram-sha-256 line further down
protects nobody, and people who read it believe that it does.

How to fix: move the rule above the one named in the evidence, or delete it, then SELECT
pg_reload_conf().

Silent when: every rule decides for somebody; it is only low where the earlier rules ask for as much as
the one that is not reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.hba.rules import PLAIN, authenticates, line, require_loaded, wants_certificate, ways
from pgguard.analysis.hba.shadow import shadowed
from pgguard.analysis.names import rule_subject, shorten
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = ("PostgreSQL manual, 20.1 The pg_hba.conf File",)
# what each method asks of a client, the more the higher; all others lie between ident and reject
_DEMANDS = {"trust": 0, "ident": 1, "password": 2, "md5": 3, "scram-sha-256": 5, "reject": 9}
_OTHER_METHOD = 4


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for rule, earlier in shadowed(snapshot):
        comfort = any(_demands(rule) > _demands(one) for one in earlier)
        takers = shorten([f"line {one.line} ({line(one)})" for one in earlier], 3)
        verb = "decides" if len(earlier) == 1 else "decide"
        yield Finding(
            rule_subject(rule),
            f"{line(rule)} is never reached: {takers} {verb} before it",
            severity=None if comfort else Severity.LOW,
            fix=(by_hand(f"{rule_subject(rule).name}: move above line {earlier[0].line} or delete"),),
        )
    require_loaded(snapshot)


def _demands(rule: HbaRule) -> tuple[int, bool, bool]:
    method = _DEMANDS.get(rule.method, _OTHER_METHOD)
    return (
        method if authenticates(rule) else 0,
        wants_certificate(rule),
        rule.method == "reject" or PLAIN not in ways(rule),
    )
