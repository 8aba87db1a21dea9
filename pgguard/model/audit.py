"""What is wanted of the audit of a table, and what there is of it in a database."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads the types of the fields
from dataclasses import dataclass, field
from typing import Literal

OLDEST = 14
Recorded = Literal["plain", "mark", "seal", "cipher", "tag"]


@dataclass(frozen=True, slots=True)
class AuditedTable:
    """A table (its name as SQL needs it) and what is recorded of its rows.

    `subject` is the column that tells whose data a row is, empty for none; a key or subject that is personal
    data itself is recorded as a keyed digest (tag). `classes` has the columns of which more is recorded than
    that they changed. `complete` when the triggers in place are those that the table needs.
    """

    name: str
    subject: str = ""
    subject_is_tag: bool = False
    key_is_tag: bool = False
    truncate: bool = False
    classes: Mapping[str, Recorded] = field(default_factory=dict)
    complete: bool = False


@dataclass(frozen=True, slots=True)
class AuditState:
    """The audit of one database as it is set up."""

    period: str
    ahead: int
    follows_ddl: bool
    covered: tuple[str, ...] = ()
    tables: tuple[AuditedTable, ...] = ()
