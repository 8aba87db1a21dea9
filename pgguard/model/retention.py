"""How long personal data are kept, what holds them, and how a person is found (GDPR art. 5(1)(e), 17)."""

from __future__ import annotations

import datetime  # noqa: TC003 - pydantic reads the annotations when the program runs
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows of a table are kept (GDPR art. 5(1)(e)), by the age of one of its columns.

    Older rows are deleted; or, with action = "anonymise", the `columns` of the table are emptied in them:
    NULL, or where a column cannot be NULL the zero of its type. With "crypto-erase" the columns are stored
    encrypted and lose what opens them. `copies` are tables that hold copies of such rows, by the same age
    column, and follow the same rule.
    """

    table: str
    months: int
    age_column: str
    basis: str = ""
    database: str = ""
    action: Literal["delete", "anonymise", "crypto-erase"] = "delete"
    columns: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Rows that must not be erased, whatever the rules say: a lawsuit, a request under art. 18 of the GDPR.

    `rows` compares the table's own columns with constants; without it all rows are held. It holds to the end
    of the day `until`, or until the entry is taken out.
    """

    table: str
    reason: str
    owner: str
    rows: str = ""
    until: datetime.date | None = None
    database: str = ""

    def holds_on(self, day: datetime.date) -> bool:
        """Whether the rows are held on that day."""
        return self.until is None or day <= self.until


@dataclass(frozen=True, slots=True)
class DataSubject:
    """The table with a row for each person, and the column by which a request names one (GDPR art. 17).

    Other tables are reached by their foreign keys, or by the column that [[audit_table]] or
    [[subject_column]] names.
    """

    table: str
    key: str
    database: str = ""


@dataclass(frozen=True, slots=True)
class SubjectColumn:
    """A column that holds the person's key without a foreign key that says so: schema.table.column."""

    column: str
    database: str = ""
