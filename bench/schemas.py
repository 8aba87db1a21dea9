"""Labelled lists of columns as snapshots: what a server that holds these tables would be read as."""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from pgguard.model.rows import Column, Comment, Constraint, Definition, Relation
from pgguard.model.snapshot import DatabaseSnapshot

SHARED = Path(__file__).parent.parent.parent / "shared/schemas"
FIRST_OID = 16384


class Label(NamedTuple):
    """What a person says of a column; `sure` when two readers would agree."""

    category: str
    sensitive: bool
    sure: bool


def names(folder: Path) -> list[str]:
    """The schemas of a folder that have labels."""
    return sorted(path.name.removesuffix(".labels.csv") for path in folder.glob("*.labels.csv"))


def labels(folder: Path, name: str) -> dict[tuple[str, str, str], Label]:
    """The labels by schema, table and column."""
    return {
        (row["schema"], row["table"], row["column"]): Label(
            row["category"], row["sensitive"] == "yes", row["confidence"] == "sure"
        )
        for row in _rows(folder / f"{name}.labels.csv")
    }


def snapshot(folder: Path, name: str) -> DatabaseSnapshot:
    """The list of columns as the snapshot of a database, with its keys and comments."""
    tables: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in _rows(folder / f"{name}.columns.csv"):
        tables.setdefault((row["schema"], row["table"]), []).append(row)
    oids = {table: FIRST_OID + number for number, table in enumerate(tables)}
    relations, columns, constraints, comments = [], [], [], []
    for (schema, table), rows in tables.items():
        oid = oids[schema, table]
        relations.append(
            Relation(oid, schema, table, "r", "o", "", False, False, "p", (), "", 0, False, 0, 0, False)
        )
        numbers = {row["column"]: number for number, row in enumerate(rows, 1)}
        key = tuple(numbers[row["column"]] for row in rows if row["primary_key"] == "yes")
        if key:
            constraints.append(Constraint(0, oid, f"{table}_pkey", "p", key, 0, (), True))
        for row in rows:
            number = numbers[row["column"]]
            columns.append(
                Column(oid, number, row["column"], row["type"], row["not_null"] == "yes", False, "", "", "")
            )
            if row["references"]:
                target = tuple(row["references"].rsplit(".", 2))
                other = oids.get((target[0], target[1]))
                if other is not None:
                    place = [one["column"] for one in tables[target[0], target[1]]].index(target[2]) + 1
                    constraints.append(
                        Constraint(0, oid, f"{table}_{number}", "f", (number,), other, (place,), True)
                    )
            if row["comment"]:
                comments.append(Comment(oid, number, _shown(row["comment"])))
    return DatabaseSnapshot(
        {
            "relations": relations,
            "columns": columns,
            "constraints": constraints,
            "comments": comments,
            "column_labels": [],
            "definitions": list[Definition](),
        },
        name,
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _shown(comment: str) -> str:
    """The words of a comment that sql/snapshot/comments.sql lets out of a server."""
    plain = unicodedata.normalize("NFKD", comment[:2000].lower()).encode("ascii", "ignore").decode()
    known = _known_words()
    return " ".join(word for word in re.split("[^a-z]+", plain) if word in known)[:200]


@cache
def _known_words() -> frozenset[str]:
    text = resources.files("pgguard").joinpath("sql/snapshot/comments.sql").read_text(encoding="utf-8")
    listed = text.partition("string_to_array(")[2].partition("' ')) AS word")[0]
    return frozenset(" ".join(re.findall("'([^']*)'", listed)).split())
