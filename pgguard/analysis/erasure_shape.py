"""A catalog looked up: tables by name, parts, and the foreign keys of rows."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pgguard.model.erasure import Catalog, Column, Edge, Part, Stored, Table


class Shape:
    """A catalog, looked up by oid and by name."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.tables: dict[int, Table] = {one.oid: one for one in catalog.tables}
        self.names: dict[str, Table] = {}
        for one in catalog.tables:
            self.names[f"{one.schema}.{one.name}"] = one
        # how SQL writes a name counts before how it looks without quotes
        self.names |= {one.sql: one for one in catalog.tables}
        self.columns: dict[int, dict[str, Column]] = defaultdict(dict)
        for column in catalog.columns:
            self.columns[column.relation][column.name] = column
        self.above: dict[int, list[Part]] = defaultdict(list)
        self.below: dict[int, list[int]] = defaultdict(list)
        for part in catalog.parts:
            self.above[part.oid].append(part)
            self.below[part.of].append(part.oid)
        self.into: dict[int, list[Edge]] = defaultdict(list)
        self.out_of: dict[int, list[Edge]] = defaultdict(list)
        for edge in catalog.edges:
            self.into[edge.parent].append(edge)
            self.out_of[edge.child].append(edge)
        self.stored: dict[tuple[int, str], Stored] = {
            (one.storage, one.column): one for one in catalog.stored
        }

    def named(self, name: str) -> Table | None:
        """The table of a name in the policy; of an encrypted table the one that stores its rows."""
        found = self.names.get(name)
        if found is None:
            return None
        for one in self.catalog.stored:
            if (one.schema, one.table) == (found.schema, found.name):
                return self.tables.get(one.storage, found)
        return found

    def whole(self, oid: int) -> list[int]:
        """A table and all its parts, at any depth."""
        found = [oid]
        for one in found:
            found += [part for part in self.below[one] if part not in found]
        return found

    def leaves(self, oid: int) -> list[int]:
        """Those of a table and its parts that hold rows."""
        return [one for one in self.whole(oid) if one in self.tables and self.tables[one].kind != "p"]

    def roots(self, oid: int, *, partitions_only: bool = False) -> list[int]:
        """A table and everything that it is a part of."""
        found = [oid]
        for one in found:
            found += [
                part.of
                for part in self.above[one]
                if part.of not in found and (part.partition or not partitions_only)
            ]
        return found

    def incoming(self, oid: int) -> list[Edge]:
        """Foreign keys that reference rows of a table: its own, and those of the tables it is a partition
        of.
        """
        return [edge for one in self.roots(oid, partitions_only=True) for edge in self.into[one]]

    def outgoing(self, oid: int) -> list[Edge]:
        """Foreign keys of the rows of a table, likewise."""
        return [edge for one in self.roots(oid, partitions_only=True) for edge in self.out_of[one]]
