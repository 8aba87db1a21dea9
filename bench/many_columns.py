"""A database of 200,000 columns, mixed from words as real ones are, to time the detector on."""

from __future__ import annotations

import random
from zlib import crc32

from pgguard.model.rows import Column, Constraint, Relation
from pgguard.model.snapshot import DatabaseSnapshot

TABLES = 20_000
COLUMNS_A_TABLE = 10
# different names of columns, besides those that are in one table only
_NAMES = 5_000
_TABLE_WORDS = (
    "patient", "result", "order", "stock", "invoice", "user", "location", "visit", "sample", "drug",
    "config", "audit", "ledger", "machine", "shift", "parcel", "meal", "ward", "bed", "theatre",
    "supplier", "delivery", "import", "export", "message", "queue", "tarif", "acte", "sejour", "examen",
    "rendez", "vous",
)  # fmt: skip
_COLUMN_WORDS = (
    "id", "name", "code", "date", "value", "status", "type", "created", "updated", "patient", "birth",
    "first", "last", "address", "city", "phone", "email", "comment", "unit", "low", "high", "start",
    "end", "amount", "quantity", "number", "reason", "source", "flag", "sort", "order", "label",
    "description", "parent", "total", "libelle", "montant", "debut", "fin", "nom", "prenom",
    "naissance", "motif", "conclusion", "remarque",
)  # fmt: skip
_TYPES = ("bigint", "integer", "text", "character varying(50)", "date", "timestamp with time zone", "boolean",
          "numeric(10,2)", "jsonb")  # fmt: skip


def many_columns(seed: int = 1) -> DatabaseSnapshot:
    """The snapshot; a seventh of the tables has names that nothing else shares."""
    chance = random.Random(seed)  # noqa: S311
    names = ["_".join(chance.sample(_COLUMN_WORDS, chance.choice((1, 2, 2, 3)))) for _ in range(_NAMES)]
    relations, columns, constraints = [], [], []
    for number in range(TABLES):
        oid = 16384 + number
        name = "_".join(chance.sample(_TABLE_WORDS, 2)) + f"_{number}"
        relations.append(
            Relation(oid, "app", name, "r", "o", "", False, False, "p", (), "", 0, False, 0, 0, False)
        )
        constraints.append(Constraint(0, oid, f"{name}_pkey", "p", (1,), 0, (), True))
        for place in range(1, COLUMNS_A_TABLE + 1):
            word = "id" if place == 1 else chance.choice(names)
            if number % 7 == 0:
                word += "_" + "".join(chance.choice("bcdfglmnprstvaeiou") for _ in range(7))
            # a name mostly has the same type everywhere
            usual = _TYPES[crc32(word.encode()) % len(_TYPES)]
            kind = usual if chance.random() < 0.9 else chance.choice(_TYPES)
            columns.append(Column(oid, place, word, kind, False, False, "", "", ""))
        if number > 100 and chance.random() < 0.5:
            other = 16384 + chance.randrange(number)
            constraints.append(Constraint(0, oid, f"{name}_fk", "f", (2,), other, (1,), True))
    return DatabaseSnapshot(
        {"relations": relations, "columns": columns, "constraints": constraints, "comments": [],
         "column_labels": [], "definitions": []},
        "many",
    )  # fmt: skip
