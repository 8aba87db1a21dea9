"""Random schemas, rules and holds: what is counted is what goes, and what a model says."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from pgguard.analysis.erasure_rows import Rows
from pgguard.analysis.erasure_shape import Shape
from pgguard.analysis.expression import statements
from tests.server.erasing_by import (
    NEW,
    OLD,
    admin,
    batches,
    counted,
    hold,
    ids,
    planned,
    policy,
    rule,
    server,
    target,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.server.connect import Target
    from tests.server.erasing_by import Admin

__all__ = ["admin", "server", "target"]
SEEDS = range(60 if os.environ.get("PGGUARD_LONG") else 8)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_schemas_end_as_they_were_counted_and_as_a_model_says(
    seed: int, admin: Admin, target: Target
) -> None:
    world = _World(random.Random(seed))  # noqa: S311
    for statement in world.sql():
        admin.execute(statement.encode())
    chosen = policy(*world.policy())
    erasure = planned(target, chosen)
    counts = {one.table: one for one in counted(target, erasure).counts}
    gone, emptied = world.expected()
    for table in world.ruled:
        assert counts[f"lab.t{table}"].going == sum(1 for one in gone if one[0] == table), counts
    for work in erasure.works:
        for live in (True, False):
            made = Rows(Shape(erasure.catalog), erasure, live=live, points=live)
            goes = made.goes(work, work.leaves[0], "t")
            assert len(statements(f"DELETE FROM ONLY {work.name} AS t WHERE {goes}")) == 1
            # what a hold compares with travels as a parameter
            assert len(made.values) >= goes.count("::pg_catalog.int8")
    batches(target, erasure)
    every = {(table, number) for table in range(world.tables) for number in range(world.rows)}
    left = {(table, number) for table in range(world.tables) for number in ids(admin, f"lab.t{table}")}
    assert not gone & left
    # what only rows that went along had kept may go in the same run, where it is due and nobody holds it
    more = every - left - gone
    assert not more & world.held
    assert all(world.old[one] for one in more if one[0] in world.ruled)
    assert not more or any(what == "CASCADE" for _, _, what in world.edges)
    for (table, number), name in emptied:
        found = admin.execute(f"SELECT {name} FROM lab.t{table} WHERE id = {number}".encode()).fetchone()
        assert found in ((None,), None)


class _World:
    """A few tables whose foreign keys lead to earlier ones or to themselves, and what becomes of them."""

    rows = 12

    def __init__(self, chance: random.Random) -> None:
        self.tables = chance.randint(2, 5)
        self.ruled = [one for one in range(self.tables) if chance.random() < 0.7] or [0]
        # (child, parent, what), what of ON DELETE
        self.edges = []
        for child in range(self.tables):
            parents = [one for one in range(child + 1) if chance.random() < 0.55]
            for parent in parents:
                self.edges.append((child, parent, chance.choice(["NO ACTION", "CASCADE", "SET NULL"])))
        self.old = {(t, n): chance.random() < 0.7 for t in range(self.tables) for n in range(self.rows)}
        self.refs = {}
        for number in range(len(self.edges)):
            for row in range(self.rows):
                if chance.random() < 0.6:
                    self.refs[number, row] = chance.randrange(self.rows)
        held = chance.sample(range(self.tables), k=1) if chance.random() < 0.6 else []
        self.held: set[tuple[int, int]] = set()
        self.holds = {(table, row) for table in held for row in chance.sample(range(self.rows), k=2)}

    def sql(self) -> Iterator[str]:
        for table in range(self.tables):
            columns = "".join(f", f{n} int" for n, edge in enumerate(self.edges) if edge[0] == table)
            yield f"CREATE TABLE lab.t{table} (id int PRIMARY KEY, age date{columns})"
            for row in range(self.rows):
                age = OLD if self.old[table, row] else NEW
                yield f"INSERT INTO lab.t{table} (id, age) VALUES ({row}, '{age}')"
        for number, (child, parent, what) in enumerate(self.edges):
            for row in range(self.rows):
                if (number, row) in self.refs:
                    yield f"UPDATE lab.t{child} SET f{number} = {self.refs[number, row]} WHERE id = {row}"
            key = f"FOREIGN KEY (f{number}) REFERENCES lab.t{parent} ON DELETE {what}"
            yield f"ALTER TABLE lab.t{child} ADD {key}"

    def policy(self) -> Iterator[str]:
        for table in self.ruled:
            yield rule(f"lab.t{table}")
        for table in {one for one, _ in self.holds}:
            rows = ", ".join(str(row) for one, row in sorted(self.holds) if one == table)
            yield hold(f"lab.t{table}", f"id IN ({rows})")

    def expected(self) -> tuple[set[tuple[int, int]], list[tuple[tuple[int, int], str]]]:
        every = [(t, n) for t in range(self.tables) for n in range(self.rows)]
        links = [
            ((self.edges[number][0], row), (self.edges[number][1], to), self.edges[number][2], number)
            for (number, row), to in self.refs.items()
        ]
        above, below = set(self.holds), set(self.holds)
        for _ in every:
            above |= {child for child, parent, _, _ in links if parent in above}
            below |= {parent for child, parent, _, _ in links if child in below}
        held = self.held = above | below
        # the largest set that agrees with itself: rows of a circle go together
        going = {one for one in every if one[0] in self.ruled and self.old[one] and one not in held}
        along = {one for one in every if one[0] not in self.ruled and one not in above}
        while True:
            stopped = set()
            for child, parent, what, _ in links:
                if what == "SET NULL":
                    stays = child in held
                elif child[0] in self.ruled:
                    stays = child not in going
                else:
                    stays = what != "CASCADE" or child not in along
                if stays and child != parent:
                    stopped.add(parent)
            if not stopped & (going | along):
                break
            going -= stopped
            along -= stopped
        gone = set(going)
        for _ in every:
            gone |= {
                child
                for child, parent, what, _ in links
                if parent in gone and what == "CASCADE" and child[0] not in self.ruled
            }
        emptied = [
            (child, f"f{number}")
            for child, parent, what, number in links
            if parent in gone and what == "SET NULL" and child not in gone
        ]
        return gone, emptied
