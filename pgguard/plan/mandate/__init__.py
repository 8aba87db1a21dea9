"""Mandates as migrations: a role, and for each table a view or row policies."""

from pgguard.plan.mandate.sections import sections
from pgguard.plan.mandate.steps import steps_of

__all__ = ["sections", "steps_of"]
