"""The audit as migrations: the store, the triggers of each table, and what records reads."""

from pgguard.plan.audit.chosen import Chosen, chosen
from pgguard.plan.audit.reads import read_steps
from pgguard.plan.audit.steps import plan_audit

__all__ = ["Chosen", "chosen", "plan_audit", "read_steps"]
