"""Encryption of columns as migrations: expand, backfill, verify, switch, soak, contract, scrub."""

from pgguard.plan.encryption.chosen import Wanted, shaped, wanted
from pgguard.plan.encryption.impact import sections
from pgguard.plan.encryption.reindexing import plan_reindexing
from pgguard.plan.encryption.steps import plan_encryption

__all__ = [
    "Wanted",
    "plan_encryption",
    "plan_reindexing",
    "sections",
    "shaped",
    "wanted",
]
