"""Classification: what each column holds, how sure that is, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from pgguard.model.policy import NOT_SENSITIVE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgguard.model.policy import Category
    from pgguard.model.rows import Column, Relation

Sensitivity = Literal["secret", "special", "high", "personal", "pseudonymous", "none"]

# special: special categories of data (GDPR art. 9); secret: opens something; high: tells who it is, or
# nearly; personal: about the person; pseudonymous: leads to the person with more information (art. 4(5))
SENSITIVITY: Mapping[Category, Sensitivity] = {
    "credential": "secret",
    "genetic": "special",
    "health_observation": "special",
    "special_category": "special",
    "free_text": "special",
    "care_event": "special",
    "national_id": "high",
    "direct_identifier": "high",
    "record_number": "high",
    "contact": "high",
    "date_of_birth": "high",
    "death": "personal",
    "demographic": "personal",
    "insurance_financial": "personal",
    "network_identifier": "personal",
    "staff_identity": "personal",
    "person_key": "pseudonymous",
    "none": "none",
}

# who of the staff wrote a row, and from where: alone they make no table one about patients
TRACES: frozenset[Category] = frozenset({"staff_identity", "network_identifier"})


class Evidence(NamedTuple):
    """One reason for a classification, in words that name no value.

    kind: name, comment, type, label, table, reference, neighbour, statistics, sample, policy.
    `weight` is what it adds to the score before that is brought between 0 and 1; negative speaks against.
    """

    kind: str
    words: str
    weight: float


class Classified(NamedTuple):
    """One column with its category; `score` from 0 to 1 says how sure it is to be sensitive or not to be.

    A column that a person decided has the score 1. `decided_by` is the policy's word: detector, or
    whoever decided.
    """

    database: str
    relation: Relation
    column: Column
    category: Category
    score: float
    evidence: tuple[Evidence, ...]
    decided_by: str = "detector"

    @property
    def sensitive(self) -> bool:
        """Whether the category is one to protect (see docs/policy.md)."""
        return self.category not in NOT_SENSITIVE

    @property
    def sensitivity(self) -> Sensitivity:
        """How much harm a disclosure does, from secret and special to none."""
        return SENSITIVITY[self.category]
