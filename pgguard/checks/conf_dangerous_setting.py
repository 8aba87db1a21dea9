"""A setting puts the data's safety or its protections out of force for the whole cluster.

Why it matters: one power cut loses or garbles patients' records with fsync off; damaged pages read as
empty make results vanish without a word; triggers that do not fire leave no audit.

How to fix: set the value that the fix names and reload or restart, as it says.

Silent when: the safe values, or the policy declares the cluster throwaway ([cluster] throwaway = true).
What one role or database has for itself is told by role-setting-override, lo_compat_privileges by
grant-public-large-object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CIS-PG 3",
    "PostgreSQL manual, 19.5 Write Ahead Log",
    "PostgreSQL manual, 19.17 Developer Options",
)
# parameter: the dangerous values, the safe one, what the dangerous ones come to
_DANGERS: dict[str, tuple[frozenset[str], str, str]] = {
    "fsync": (frozenset({"off"}), "on", "a crash of the machine can destroy the whole cluster"),
    "full_page_writes": (frozenset({"off"}), "on", "a crash can leave half-written pages"),
    "zero_damaged_pages": (frozenset({"on"}), "off", "damaged pages are emptied, their rows are gone"),
    "ignore_checksum_failure": (frozenset({"on"}), "off", "pages with a wrong checksum are used as they are"),
    "ignore_invalid_pages": (frozenset({"on"}), "off", "recovery goes on over missing pages"),
    "ignore_system_indexes": (frozenset({"on"}), "off", "the catalog is read without its indexes"),
    "allow_system_table_mods": (frozenset({"on"}), "off", "superusers can alter the catalog itself"),
    "row_security": (frozenset({"off"}), "on", "whoever row security limits gets errors instead of rows"),
    "session_replication_role": (
        frozenset({"replica", "local"}),
        "origin",
        "ordinary triggers and rules, audit included, fire for nobody",
    ),
    "standard_conforming_strings": (
        frozenset({"off"}),
        "on",
        "a backslash in what a user types can end a string: SQL injection",
    ),
    "backslash_quote": (
        frozenset({"on"}),
        "safe_encoding",
        "\\' ends a string in some encodings: SQL injection",
    ),
    "db_user_namespace": (frozenset({"on"}), "off", "user names mean different logins by database"),
}


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if policy.cluster.throwaway:
        msg = "the policy declares this a throwaway cluster"
        raise NotApplicable(msg)
    for name, (dangerous, safe, effect) in _DANGERS.items():
        # some of them exist in some versions only; all that exist are shown to everybody
        if snapshot.has_setting(name):
            value = snapshot.setting(name).value
            if value in dangerous:
                yield Finding(
                    setting_subject(name), f"{name} = {value}: {effect}", fix=(change(snapshot, name, safe),)
                )
