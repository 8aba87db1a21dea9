"""The server agrees to TLS 1.0 or 1.1.

Why it matters: both are broken and withdrawn (RFC 8996): an attacker on the way can talk client and
server down to them.

How to fix: set ssl_min_protocol_version = 'TLSv1.2' and reload. Before PostgreSQL 12, which has no
such setting, set MinProtocol in the machine's OpenSSL configuration or upgrade.

Silent when: TLSv1.2 or TLSv1.3 is the least (before 12: handshakes at 1.0 and 1.1 are refused). Low
where only the machine itself is served, or where ssl is off and the setting waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change, serves_other_machines
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "ANSSI TLS guide",
    "CIS-PG 6",
    "RFC 8996",
    "PostgreSQL manual, 19.3.3 SSL",
)
_NAME = "ssl_min_protocol_version"
_GOOD = "TLSv1.2"
_NEW = frozenset({_GOOD, "TLSv1.3"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    off = snapshot.setting("ssl").value == "off"
    if snapshot.major < 12:
        if off:
            msg = "ssl is off"
            raise NotApplicable(msg)
        yield from _by_handshake(snapshot)
        return
    setting = snapshot.setting(_NAME)
    if off and setting.source == "default":
        msg = "ssl is off"
        raise NotApplicable(msg)
    if setting.value not in _NEW:
        waiting = " and would count as soon as ssl is on" if off else ""
        yield Finding(
            setting_subject(_NAME),
            f"{_NAME} = {setting.value or 'empty (any)'}, below {_GOOD}{waiting}",
            severity=Severity.LOW if off or not serves_other_machines(snapshot) else None,
            fix=(change(snapshot, _NAME, _GOOD),),
        )


def _by_handshake(snapshot: Snapshot) -> Iterator[Finding]:
    agreed = [protocol for one in snapshot.certificates for protocol in one.protocols]
    if agreed:
        yield Finding(
            setting_subject(_NAME),
            f"a handshake at {' and at '.join(agreed)} succeeded",
            severity=None if serves_other_machines(snapshot) else Severity.LOW,
            fix=(
                by_hand("MinProtocol = TLSv1.2 in the server machine's openssl.cnf, then restart the server"),
            ),
        )
