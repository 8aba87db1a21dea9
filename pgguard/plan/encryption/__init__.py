"""Encryption of columns as migrations: expand, backfill, verify, switch, contract, scrub."""

from pgguard.plan.encryption.steps import plan_encryption

__all__ = ["plan_encryption"]
