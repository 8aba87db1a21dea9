"""Which columns hold personal or health data: the category of every column, how sure it is, and why."""

from pgguard.analysis.personal.classify import classify, said_once

__all__ = ["classify", "said_once"]
