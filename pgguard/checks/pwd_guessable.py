"""A login's password is its own name, the database's name or a word that everybody tries first.

Why it matters: such passwords are tried within the first minute by anybody who reaches the port, and
by every curious colleague.

How to fix: have the password set again (\\password in psql) and load passwordcheck so that it cannot
come back.

Silent when: none of the guesses fits. They are tried against the stored verifier in this program
only; nothing is sent, and the word that fitted is not shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import role_subject, shorten
from pgguard.errors import Unread
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.CRITICAL
references = (
    "CNIL, recommendation on passwords of 2022",
    "NIST SP 800-63B",
    "PostgreSQL manual, 53.2.3 SASL Authentication",
)
_KINDS = {
    "role-name": "is made from the login's own name",
    "database-name": "is a database's name",
    "common-word": "is on the list of passwords that everybody tries first",
    "empty": "is empty",
}


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for guess in snapshot.password_guesses:
        if guess.match:
            yield Finding(
                role_subject(guess.role), f"the password of {ident(guess.role)} {_KINDS[guess.match]}"
            )
    left = [guess.role for guess in snapshot.password_guesses if not guess.tried]
    if left:
        section = "password_guesses"
        raise Unread(section, f"there was no time to try {len(left)} logins: {shorten(sorted(left), 3)}")
