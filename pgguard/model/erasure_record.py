"""An erasure on paper: the plan that a person reads before it, and the record of what a run did.

Both are files. Nothing here holds a value of a row, nor the key of a person.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from pgguard.model.erasure import Along, Claim, Dependent, Done, Dry  # noqa: TC001 - msgspec reads them

FORMAT = 1


@dataclass(frozen=True, slots=True)
class ErasurePlan:
    """What was counted, and what it was counted from.

    `cutoffs` are the server's times by months: a run of this plan takes no row that has come of age since.
    `digest` stands for the catalog and the rules. `person`: it is for one person, whose key is given anew;
    `mark` tells another's key apart, in 255 of 256 cases (see `mark_of`).
    """

    format: int
    target: str
    database: str
    made_at: str
    zone: str
    policy_sha256: str
    digest: str
    person: bool
    tables: tuple[str, ...]
    checked: tuple[str, ...]
    cutoffs: dict[str, str]
    holds: tuple[tuple[str, str, str], ...]
    dry: Dry
    dependents: tuple[Dependent, ...]
    notes: tuple[str, ...]
    mark: str = ""


def mark_of(person: str, salt: str) -> str:
    """Salt and a byte of a digest of a person's key: enough to notice a slip, too little to tell who."""
    return f"{salt}:{hashlib.sha256(f'{salt} {person}'.encode()).hexdigest()[:2]}"


class Before(NamedTuple):
    """A table before the first run of a plan: its rows, and its files as (nodes, heap, toast, indexes)."""

    table: str
    rows: int
    nodes: tuple[int, ...]
    heap: int
    toast: int
    indexes: int


@dataclass(frozen=True, slots=True)
class ErasureRecord:
    """What became of a plan: table by table, and of what lies beside the tables.

    `lsn` is where WAL was when all was on disk; what is older holds what was erased. `keepers` kept old rows
    from VACUUM. `audit_erased` and `audit_unsealed` are entries of the audit store, None without one.
    `not_erased` says what is still there, and why.
    """

    format: int
    target: str
    database: str
    began_at: str
    ended_at: str
    person: bool
    lsn: str
    xid: str
    done: tuple[Done, ...]
    along: tuple[Along, ...]
    whole: int
    keepers: tuple[str, ...]
    checkpointed: bool
    statistics_rewritten: bool
    refreshed: tuple[str, ...]
    audit_erased: int | None
    audit_unsealed: int | None
    longest_ms: float
    dependents: tuple[Dependent, ...]
    not_erased: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """4: something that was due is still there for a reason other than a hold; 0 otherwise."""
        left = any(one.left or one.blocked for one in self.done)
        return 4 if left or self.audit_unsealed else 0


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """The record, and what is known, as of now, of every place that may hold what was erased."""

    record: ErasureRecord
    looked_at: str
    claims: tuple[Claim, ...]
    beside: tuple[Claim, ...]
    journal: str = ""
