"""The server's certificate is expired or will be soon, is weak, or is signed by nobody but itself.

Why it matters: clients that verify are locked out the day it ends, and clients that cannot verify it
talk to whoever answers in the server's place.

How to fix: have the hospital's authority issue a certificate with an RSA key of 2048 bits or more, or
an EC key, signed with SHA-256; put it into ssl_cert_file and ssl_key_file and reload.

Silent when: another authority signed it with SHA-256 or better, its key is long enough, and it lasts
longer than [thresholds] certificate_days (30).
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pgguard.analysis.settings import listeners
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, NotApplicable, Severity, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Certificate
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = (
    "ANSSI TLS guide",
    "PostgreSQL manual, 18.9.5 Creating Certificates",
)
_WEAK_HASHES = frozenset({"md5", "sha1"})
_LEAST_BITS = 2048


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if snapshot.setting("ssl").value == "off" or not listeners(snapshot):
        msg = "the server presents no certificate: ssl is off, or there is no TCP listener"
        raise NotApplicable(msg)
    now = datetime.datetime.fromisoformat(snapshot.server.now)
    for one in snapshot.certificates:
        problems = [*_dates(one, now, policy.thresholds.certificate_days), *_weaknesses(one)]
        if problems:
            yield Finding(
                Subject("certificate", one.subject or "the server's certificate"),
                ", ".join(problems),
                fix=(by_hand("replace ssl_cert_file and ssl_key_file, then SELECT pg_reload_conf();"),),
            )


def _dates(one: Certificate, now: datetime.datetime, least_days: int) -> Iterator[str]:
    begins = datetime.datetime.fromisoformat(one.not_before)
    ends = datetime.datetime.fromisoformat(one.not_after)
    days = (ends - now).days
    if now < begins:
        yield f"not valid before {begins:%Y-%m-%d}"
    if ends <= now:
        yield f"expired on {ends:%Y-%m-%d}"
    elif days < least_days:
        yield f"expires on {ends:%Y-%m-%d}, in {days} day{'' if days == 1 else 's'}"


def _weaknesses(one: Certificate) -> Iterator[str]:
    if one.key_type == "RSA" and one.key_bits < _LEAST_BITS:
        yield f"RSA key of {one.key_bits} bits, below {_LEAST_BITS}"
    if one.signature_hash in _WEAK_HASHES:
        yield f"signed with {one.signature_hash.upper()}"
    if one.self_signed:
        yield "signed by itself, so that clients have nothing to verify it by"
