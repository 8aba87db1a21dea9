"""Classification: what each column holds, how sure that is, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.model.policy import NOT_SENSITIVE

if TYPE_CHECKING:
    from pgguard.model.policy import Category
    from pgguard.model.rows import Column, Relation


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
