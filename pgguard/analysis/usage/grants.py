"""From what statements took to the fewest privileges that allow it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.names import relation_name
from pgguard.model.usage import WHOLE, Need

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot
    from pgguard.model.usage import Kind

_LOCK = ("UPDATE", "DELETE", "TRUNCATE")
_ALIKE_SINCE = 16
_MAINTAIN_SINCE = 17
# what no grant gives
OWNER = "OWNER"
COLUMNED = frozenset({"SELECT", "INSERT", "UPDATE", "REFERENCES"})


class Privilege(NamedTuple):
    """A privilege to grant: `column` empty for the object as a whole."""

    role: str
    kind: Kind
    name: str
    column: str
    privilege: str


def allowed_by(operation: str, major: int) -> tuple[str, ...]:
    """The privileges of which any one allows an operation, the one that opens least first.

    Manual: nextval and currval in 9.17, LOCK in its own page; from 16 on a weaker lock takes any privilege
    that a stronger one would.
    """
    maintain = ("MAINTAIN",) if major >= _MAINTAIN_SINCE else ()
    match operation:
        case "NEXTVAL":
            return ("USAGE", "UPDATE")
        case "CURRVAL":
            return ("USAGE", "SELECT")
        case "LOCK ACCESS SHARE":
            return ("SELECT", "INSERT", *_LOCK, *maintain) if major >= _ALIKE_SINCE else ("SELECT",)
        case "LOCK ROW SHARE":
            return ("INSERT", *_LOCK, *maintain) if major >= _ALIKE_SINCE else _LOCK
        case "LOCK ROW EXCLUSIVE":
            return ("INSERT", *_LOCK, *maintain)
        case "LOCK":
            return (*maintain, *_LOCK) if maintain else _LOCK
        case "OWNER":
            return ()
    return (operation,)


def fewest(database: DatabaseSnapshot, needs: Iterable[Need], major: int) -> tuple[Privilege, ...]:
    """Privileges that allow all of `needs`, none of which could be left out.

    Where any column will do it is one that is taken anyway, or else one of the primary key, or the first.
    What only an owner may do is left out.
    """
    found: set[Privilege] = set()
    later: list[Need] = []
    for need in sorted(set(needs)):
        allowed = allowed_by(need.operation, major)
        if len(allowed) > 1 or (not need.column and need.kind == "relation" and need.operation in COLUMNED):
            later.append(need)
        elif allowed:
            column = "" if need.column == WHOLE else need.column
            found.add(Privilege(need.role, need.kind, need.name, column, allowed[0]))
    # fewer choices first, so that what they choose may serve the others
    for need in sorted(later, key=lambda one: (len(allowed_by(one.operation, major)), one)):
        allowed = allowed_by(need.operation, major)
        if need.column == WHOLE or need.kind != "relation":
            if not any(Privilege(need.role, need.kind, need.name, "", one) in found for one in allowed):
                found.add(Privilege(need.role, need.kind, need.name, "", allowed[0]))
        elif not any(
            (one.role, one.name, one.privilege) == (need.role, need.name, need.operation) for one in found
        ):
            found.add(
                Privilege(need.role, need.kind, need.name, _column(database, need.name), need.operation)
            )
    whole = {one[:3] + one[4:] for one in found if not one.column}
    return tuple(sorted(one for one in found if not one.column or one[:3] + one[4:] not in whole))


def _column(database: DatabaseSnapshot, name: str) -> str:
    """The column that gives the least away; empty for a relation without columns."""
    relation = named(database, name)
    if relation is None:
        return ""
    columns = catalog.columns(database, relation.oid)
    keys = [one.columns for one in database.constraints if one.relation == relation.oid and one.kind == "p"]
    chosen = [one.name for one in columns if keys and one.number in keys[0]] or [one.name for one in columns]
    return chosen[0] if chosen else ""


def named(database: DatabaseSnapshot, name: str) -> Relation | None:
    """The relation of that SQL name."""
    known: dict[str, Relation] | None = database._memo.get("relations by SQL name")
    if known is None:
        known = {relation_name(one): one for one in database.relations}
        database._memo["relations by SQL name"] = known
    return known.get(name)
