"""What the header of exported rows tells: which of its columns hold personal data, and of what kind."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pgguard.analysis.sensitive import sensitive_columns
from pgguard.model.rows import Column, Relation
from pgguard.model.snapshot import DatabaseSnapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgguard.model.policy import Policy


def sensitive_header(names: Sequence[str], table: str, policy: Policy) -> list[str]:
    """The categories of those columns of a header that are sensitive.

    They are judged as those of a table of that name and as those of a table whose name says nothing, because
    the name of a file need not tell what is in it; what finds more counts. Raises `PolicyError` for a lexicon
    of the policy with mistakes.
    """
    # what the policy says of a database's columns is not about files
    files = dataclasses.replace(policy, column=())
    return max((_sensitive(names, one, files) for one in (table, "")), key=len)


def _sensitive(names: Sequence[str], table: str, policy: Policy) -> list[str]:
    relation = Relation(1, "", table, "r", "", "", False, False, "p", (), "", 0, False, 0, 0, False)
    columns = [
        Column(1, number, name, "text", False, False, "", "", "") for number, name in enumerate(names, 1)
    ]
    database = DatabaseSnapshot(
        {
            "relations": (relation,),
            "columns": columns,
            "constraints": (),
            "comments": (),
            "column_labels": (),
            "definitions": (),
        }
    )
    return [one.category for one in sensitive_columns(database, policy)]
