"""From a shared login to one role a person: what to prepare, to watch, to cut over and to clean up."""

from pgguard.plan.personal.phases import plan_personal

__all__ = ["plan_personal"]
