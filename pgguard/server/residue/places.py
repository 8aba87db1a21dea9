"""What a file of the data directory is: of which relation, or of what else (manual, 73.1 and 73.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pgguard.model.residue import Kind

# a segment's number, a fork, the backend of a temporary table
_OF_RELATION = re.compile(r"(?:t\d+_)?(\d+)(?:_(fsm|vm|init))?(?:\.\d+)?\Z")
_DATABASE = re.compile(r"(?:base|pg_tblspc/\d+/PG_[^/]+)/(\d+)/([^/]+)\Z")
_TOP: Mapping[str, Kind] = {
    "pg_wal": "wal",
    "pg_replslot": "replication",
    "pg_logical": "replication",
    "pg_stat_tmp": "statements",
    "pg_stat": "statements",
}
_STATISTICS = frozenset({"pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data"})


class Relation(NamedTuple):
    """A relation with a file; `of` is the relation whose toast table or index it is, 0 for none.

    `compresses`: values in its rows may be compressed.
    """

    oid: int
    path: str
    name: str
    kind: str
    of: int
    compresses: bool


class Place(NamedTuple):
    """What a file is: whether it consists of pages, and these of the chunks of TOAST or of index entries."""

    kind: Kind
    name: str
    is_paged: bool = False
    is_toast: bool = False
    is_index: bool = False
    compresses: bool = True


class Places:
    """Tells what files are, for one database; `own` are the oids of the encrypted tables and their parts, and
    `databases` the quoted names of all databases by their oids."""

    def __init__(
        self, relations: Iterable[Relation], own: Collection[int], database: int, databases: Mapping[int, str]
    ) -> None:
        self._relations = list(relations)
        self._by_oid = {one.oid: one for one in self._relations}
        self._by_path = {one.path: one for one in self._relations}
        self._own = frozenset(own)
        self._database = database
        self._databases = databases

    def of(self, path: str) -> Place:
        """The place of a file, by its path in the data directory."""
        folder, _, name = path.rpartition("/")
        fits = _OF_RELATION.match(name)
        if fits:
            prefix = name[: fits.start(1)]
            known = self._by_path.get(f"{folder}/{prefix}{fits[1]}")
            if known is not None:
                return self._place(known)
        inside = _DATABASE.match(path)
        top = path.partition("/")[0]
        if inside and fits:
            if int(inside[1]) == self._database:
                return Place("left-over", "", is_paged=True)
            name = self._databases.get(int(inside[1]), "")
            return Place("other-database", f"database {name or 'that is gone'}", is_paged=True)
        if "/pgsql_tmp" in f"/{path}":
            return Place("temporary", "")
        return Place(_TOP.get(top, "other-file"), "")

    def _place(self, relation: Relation) -> Place:
        above = self._above(relation)
        toast, index = relation.kind == "t", relation.kind in ("i", "I")
        kind: Kind = "copy"
        if above.name in _STATISTICS:
            kind = "statistics"
        elif above.oid in self._own:
            kind = "toast" if toast or self._is_toast_index(relation) else "index" if index else "table"
        return Place(
            kind, relation.name, is_paged=True, is_toast=toast, is_index=index, compresses=relation.compresses
        )

    def _above(self, relation: Relation) -> Relation:
        """The table that a relation belongs to, through its toast table."""
        while relation.of in self._by_oid:
            relation = self._by_oid[relation.of]
        return relation

    def _is_toast_index(self, relation: Relation) -> bool:
        above = self._by_oid.get(relation.of)
        return relation.kind == "i" and above is not None and above.kind == "t"
