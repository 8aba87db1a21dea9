"""Objects that hand out a sensitive table's values as they are: all its rows, in clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.function_use import text_of
from pgguard.analysis.lineage import of_query, parse
from pgguard.analysis.names import function_subject, relation_subject
from pgguard.analysis.privileges import Securable, of_function, of_relation
from pgguard.analysis.sensitive import Sensitive, sensitive_tables
from pgguard.analysis.views import VIEWS, find_table, is_invoker, shows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.model.finding import Subject
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Function, Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
_PERSON = frozenset({"direct_identifier", "national_id", "record_number"})
_HEALTH = frozenset({"health_observation", "special_category", "genetic"})


class Copy(NamedTuple):
    """One object that shows every row of a sensitive table, and which of its sensitive columns.

    `privilege` on `thing` opens it; `whole` tells that it leaves no sensitive column out; `names_ill`
    that it shows who a person is beside what is known of their health; `reads_as`
    is the role whose rights on the table it needs, empty for what is stored elsewhere; `is_door` that
    it may be meant as the way to the table, so that it is no copy when nobody reads the table itself.
    """

    subject: Subject
    thing: Securable
    privilege: str
    table: Relation
    columns: tuple[Sensitive, ...]
    whole: bool
    names_ill: bool
    reads_as: str
    is_door: bool


def copies(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[Copy]:
    """The views, definer functions and foreign tables that show every row of a sensitive table.

    Views that choose rows or group them are none, nor are security_invoker views. Of functions only
    SQL without arguments is understood well enough. Raises `Unread` when relations, columns, functions,
    definitions or the views' dependencies could not be read.
    """
    sensitive = sensitive_tables(database, policy)
    if not sensitive:
        return
    for relation in database.relations:
        if relation.extension or relation.system:
            continue
        if relation.kind in VIEWS and not is_invoker(relation):
            yield from _view(database, sensitive, relation)
        elif relation.kind == "f":
            yield from _foreign_table(database, sensitive, relation)
    for function in database.functions:
        if function.definer and not function.extension and not function.system:
            yield from _function(database, sensitive, function)


def _view(
    database: DatabaseSnapshot, sensitive: Mapping[int, tuple[Sensitive, ...]], view: Relation
) -> Iterator[Copy]:
    shown = shows(database, view)
    if shown.filtered or shown.grouped:
        return
    origins = {origin for column in shown.columns for origin in column}
    for oid, columns in _handed(sensitive, origins):
        yield Copy(
            subject=relation_subject(database, view),
            thing=of_relation(database, view),
            privilege="SELECT",
            table=columns[0].relation,
            columns=columns,
            whole=_is_whole(columns, sensitive[oid]),
            names_ill=_names_ill(sensitive, origins),
            reads_as="" if view.kind == "m" else view.owner,
            is_door=view.kind == "v",
        )


def _foreign_table(
    database: DatabaseSnapshot, sensitive: Mapping[int, tuple[Sensitive, ...]], table: Relation
) -> Iterator[Copy]:
    """A foreign table of the name of a sensitive table, with all of its sensitive columns."""
    names = {one.name for one in catalog.columns(database, table.oid)}
    for oid, columns in sensitive.items():
        original = columns[0].relation
        same = tuple(one for one in columns if one.column.name in names)
        if oid != table.oid and original.name == table.name and original.kind in "rp" and same == columns:
            yield Copy(
                subject=relation_subject(database, table),
                thing=of_relation(database, table),
                privilege="SELECT",
                table=original,
                columns=same,
                whole=_is_whole(same, columns),
                names_ill=False,
                reads_as="",
                is_door=False,
            )


def _function(
    database: DatabaseSnapshot, sensitive: Mapping[int, tuple[Sensitive, ...]], function: Function
) -> Iterator[Copy]:
    if function.language != "sql" or function.arguments:
        return
    tree = parse(text_of(database, function))
    if tree is None:
        return
    try:
        shown = of_query(tree, lambda schema, name: find_table(database, schema, name))
    except (ValueError, RecursionError):
        # too deep to follow
        return
    if shown.filtered or shown.grouped:
        return
    origins = {origin for output in shown.outputs for origin in output.origins}
    for oid, columns in _handed(sensitive, origins):
        yield Copy(
            subject=function_subject(database, function),
            thing=of_function(database, function),
            privilege="EXECUTE",
            table=columns[0].relation,
            columns=columns,
            whole=_is_whole(columns, sensitive[oid]),
            names_ill=_names_ill(sensitive, origins),
            reads_as=function.owner,
            is_door=True,
        )


def _handed(
    sensitive: Mapping[int, tuple[Sensitive, ...]], origins: set[tuple[int, int]]
) -> Iterator[tuple[int, tuple[Sensitive, ...]]]:
    for oid in sorted({oid for oid, _ in origins}):
        columns = tuple(one for one in sensitive.get(oid, ()) if (oid, one.column.number) in origins)
        if columns and columns[0].relation.kind not in VIEWS:
            yield oid, columns


def _is_whole(columns: tuple[Sensitive, ...], of: tuple[Sensitive, ...]) -> bool:
    return len(columns) == len(of) > 1


def _names_ill(sensitive: Mapping[int, tuple[Sensitive, ...]], origins: set[tuple[int, int]]) -> bool:
    shown = {
        one.category
        for oid in {oid for oid, _ in origins}
        for one in sensitive.get(oid, ())
        if (oid, one.column.number) in origins
    }
    return not shown.isdisjoint(_PERSON) and not shown.isdisjoint(_HEALTH)
