"""What the encryption of columns does to the statements and objects that use their tables."""

from pgguard.analysis.encryption_impact.dependents import dependents
from pgguard.analysis.encryption_impact.facts import Dependent, Form, Impact, Target, Verdict
from pgguard.analysis.encryption_impact.statements import acknowledged, impacts

__all__ = ["Dependent", "Form", "Impact", "Target", "Verdict", "acknowledged", "dependents", "impacts"]
