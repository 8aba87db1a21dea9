"""What pgguard itself keeps in a database: its schemas, and the trigger functions of its audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pgguard.model.rows import Function

AUDIT = "pgguard_audit"
SCHEMAS = frozenset({"pgguard", AUDIT})
AUDITOR = "pgguard_audit_owner"
# the roles of the audit: what is theirs is no login's
ROLES = frozenset(
    {
        AUDITOR,
        "pgguard_audit_reader",
        "pgguard_audit_keeper",
        "pgguard_audit_eraser",
        "pgguard_audit_erasure",
    }
)
# who owns the store and what writes to it: nobody else should be able to become these
OWNERS = (AUDITOR, "pgguard_audit_erasure")
# what the audit's event triggers call
EVENT_FUNCTIONS = frozenset(
    {("pgguard", "audit_on_ddl"), ("pgguard", "audit_on_drop"), ("pgguard", "audit_on_rewrite")}
)
_PREFIX = "audit_"


def audits(function: Function) -> bool:
    """Whether a function is what an audit trigger of pgguard calls: written by hand, or by the store."""
    return function.schema in SCHEMAS and function.name.startswith(_PREFIX)
