"""Which functions use what, where they matter: definer functions, and all that they call.

Other functions act with their caller's rights and are a way to nothing that the caller has not.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.bodies import accesses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pgguard.model.rows import Function
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# what such functions answer gives no value of a column away
_SILENT_RESULTS = frozenset({"void", "boolean", "trigger", "event_trigger"})
# how pg_get_function_sqlbody begins
_STANDARD = ("BEGIN ATOMIC", "RETURN ")
# read, write or call; the oid of what is used; its column (0: the whole, None: anything of it)
Use = tuple[str, int, int | None]


class Opaque(NamedTuple):
    """A SECURITY DEFINER function that may do more than its body shows, and why."""

    function: Function
    reason: str


def opaque(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Opaque]:
    """The definer functions of which it is not known what they read and write."""
    for function in database.functions:
        if function.definer and not function.extension and not function.system:
            found = accesses(snapshot, database, function)
            if found.unknown or found.dynamic:
                yield Opaque(function, found.unknown or "it builds its statements at run time")


def text_of(database: DatabaseSnapshot, function: Function) -> str:
    """A function's stored text; empty where there is none.

    Raises `Unread` when the definitions could not be read.
    """
    texts: dict[int, str] | None = database._memo.get("function texts")
    if texts is None:
        texts = {one.oid: one.text for one in database.definitions if one.kind == "function"}
        database._memo["function texts"] = texts
    return texts.get(function.oid, "")


def looks_names_up(database: DatabaseSnapshot, function: Function) -> bool:
    """Whether a function looks its names up when it runs, for which it takes USAGE on their schemas.

    A body of the SQL standard (14 and later) has done so when it was created.
    """
    text = text_of(database, function).lstrip()
    return not (function.language == "sql" and text.startswith(_STANDARD))


def uses(snapshot: Snapshot, database: DatabaseSnapshot) -> Mapping[Use, Iterable[Function]]:
    """The definer functions, and those that they call, by what they use.

    A function that answers with no more than yes or no reads nothing for its caller. Raises `Unread`
    when functions, relations, columns or definitions could not be read.
    """
    known: dict[Use, dict[Function, None]] | None = database._memo.get("functions by what they use")
    if known is None:
        known = database._memo["functions by what they use"] = _uses(snapshot, database)
    return known


def using(snapshot: Snapshot, database: DatabaseSnapshot, wanted: Iterable[Use]) -> tuple[Function, ...]:
    """The functions that use one of some things, each once."""
    known = uses(snapshot, database)
    return tuple(dict.fromkeys(function for use in wanted for function in known.get(use, ())))


def _uses(snapshot: Snapshot, database: DatabaseSnapshot) -> dict[Use, dict[Function, None]]:
    index: dict[Use, dict[Function, None]] = {}
    known = catalog.functions(database)
    queue = deque(one for one in database.functions if one.definer and not one.extension)
    seen = {one.oid for one in queue}
    while queue:
        function = queue.popleft()
        found = accesses(snapshot, database, function)
        used = [("write", *one) for one in found.writes] + [("call", oid, 0) for oid in found.calls]
        if function.returns not in _SILENT_RESULTS:
            used += [("read", *one) for one in found.reads]
        for verb, oid, number in used:
            index.setdefault((verb, oid, number), {})[function] = None
            index.setdefault((verb, oid, None), {})[function] = None
        for oid in found.calls:
            if oid in known and oid not in seen and not known[oid].extension:
                seen.add(oid)
                queue.append(known[oid])
    return index
