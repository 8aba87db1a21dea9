"""The server listens on every address of the machine.

Why it matters: it answers on the guests' and the vendors' network too, and on each one that is plugged
in later; pg_hba.conf is then all that stands between them and the patients' data.

How to fix: name the addresses that clients use in listen_addresses, such as the one in the clinical
network and localhost, and restart.

Silent when: named addresses, localhost, or no TCP listener at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import listeners
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "CIS-PG 3",
    "PostgreSQL manual, 19.3.1 Connection Settings",
)
_ALL = frozenset({"*", "0.0.0.0", "::"})  # noqa: S104 - what is looked for


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    named = [part for part in listeners(snapshot) if part in _ALL]
    if named:
        yield Finding(
            setting_subject("listen_addresses"),
            f"listen_addresses holds {' and '.join(named)}: port {snapshot.server.port} is open everywhere",
            fix=(by_hand("listen_addresses = 'ADDRESS OF THE CLINICAL NETWORK, localhost', then restart"),),
        )
