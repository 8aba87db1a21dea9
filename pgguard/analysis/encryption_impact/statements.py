"""What becomes of the statements that programs send when columns of their tables are encrypted.

Read are the statements themselves. What views and functions that they name do inside is told by `dependents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgguard.analysis import expression, plpgsql
from pgguard.analysis.encryption_impact.defining import define, names_any
from pgguard.analysis.encryption_impact.facts import Form, Impact, Verdict
from pgguard.analysis.encryption_impact.introspection import ask
from pgguard.analysis.encryption_impact.kinds import impact, verdict
from pgguard.analysis.encryption_impact.masking import masked, mentions, words_only
from pgguard.analysis.encryption_impact.reading import WRITES, Reading
from pgguard.analysis.encryption_impact.writing import copy
from pgguard.analysis.expression import Unparsable
from pgguard.analysis.plpgsql_source import sources
from pgguard.analysis.spelled import spelled
from pgguard.model.rows import Function

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from pgguard.analysis.encryption_impact.facts import Target
    from pgguard.analysis.sqltree import Tree

UNKNOWN = "not-understood"
UNKNOWN_ELSEWHERE = "not-understood-elsewhere"
_QUERIES = WRITES | {"SelectStmt"}
_WRAPPED = {"ExplainStmt": "query", "PrepareStmt": "query", "DeclareCursorStmt": "query", "ViewStmt": "query"}
_STOPS = frozenset({Verdict.BREAKS, Verdict.SILENTLY_WRONG, Verdict.NOT_UNDERSTOOD})
# these tell more than that values are opened
_SCANS = frozenset({
    "decrypt-scan", "like-search", "join-on-encrypted", "sort-by-encrypted", "group-by-encrypted",
    "clear-copy",
})  # fmt: skip
_PLAIN = frozenset({"read", "plain"})
# these break now and then only
_SOMETIMES = frozenset({"concurrent-update"})


def impacts(
    statements: Iterable[str],
    targets: Sequence[Target],
    *,
    major: int,
    search_path: Sequence[str] | None = None,
) -> tuple[Impact, ...]:
    """What becomes of statements: one or more impacts for each that concerns a table of `targets`, none for
    others.

    Statements that differ in constants alone are one. `search_path` None: a name without a schema may be any
    schema's table. A text that could not be read is NOT_UNDERSTOOD: of the kind `not-understood` where it may
    concern one of the tables, else of `not-understood-elsewhere`.
    """
    analyst = _Analyst(tuple(targets), major, None if search_path is None else tuple(search_path))
    found: dict[Impact, None] = {}
    for text in dict.fromkeys(statements):
        found.update(dict.fromkeys(analyst.read(text)))
    found.update(dict.fromkeys(analyst.not_prepared()))
    return tuple(found)


def acknowledged(impacts: Iterable[Impact], kinds: Collection[str]) -> tuple[Impact, ...]:
    """The impacts that stop a plan because nobody acknowledged their kind: what breaks, what goes wrong
    silently, and what could not be read and may concern the tables."""
    return tuple(
        one
        for one in impacts
        if one.verdict in _STOPS and one.kind not in kinds and one.kind != UNKNOWN_ELSEWHERE
    )


def of_trees(trees: Iterable[Any], reading: Reading, name: str) -> tuple[Impact, ...]:
    """The impacts on statements and expressions that were parsed already, of an object of that name."""
    for tree in trees:
        if isinstance(tree, dict) and len(tree) == 1 and next(iter(tree)).endswith("Stmt"):
            command(reading, tree)
        else:
            reading.use("shown", reading.value(tree, []))
    return told(reading, name)


class _Analyst:
    def __init__(self, targets: tuple[Target, ...], major: int, search_path: tuple[str, ...] | None) -> None:
        self.targets = targets
        self.major = major
        self.search_path = search_path
        self.known = frozenset(
            name for one in targets for name in (one.schema, one.table, *one.columns, *one.keys)
        )
        self.tables = frozenset(one.table for one in targets)
        self.prepared: set[str] = set()
        self.executed: dict[tuple[str, str], None] = {}

    def read(self, text: str) -> Iterator[Impact]:
        """The impacts on one text."""
        reading = Reading(self.targets, self.major, self.search_path)
        try:
            trees = expression.statements(text)
            shown = masked(text, self.known)
        except Unparsable as reason:
            yield self._not_understood(text, str(reason))
            return
        try:
            for tree in trees:
                command(reading, tree)
        except (RecursionError, KeyError, AttributeError, TypeError, ValueError, IndexError):
            # a tree of a shape that is not known here
            yield self._not_understood(text, "it could not be followed")
            return
        self.prepared |= reading.prepared
        self.executed |= {(name, shown): None for name in reading.executed}
        yield from told(reading, shown)
        for unknown in dict.fromkeys(reading.unknown):
            yield Impact(Verdict.NOT_UNDERSTOOD, UNKNOWN, unknown, _READ_IT, shown)

    def not_prepared(self) -> Iterator[Impact]:
        """Each EXECUTE of what no PREPARE among the statements shows."""
        for name, shown in self.executed:
            if name not in self.prepared:
                yield Impact(Verdict.NOT_UNDERSTOOD, UNKNOWN, _NOT_PREPARED, _READ_IT, shown)

    def _not_understood(self, text: str, reason: str) -> Impact:
        may_concern = mentions(text, self.tables)
        why = reason if may_concern else f"{reason}; it names none of the tables"
        return Impact(
            Verdict.NOT_UNDERSTOOD,
            UNKNOWN if may_concern else UNKNOWN_ELSEWHERE,
            why,
            _READ_IT if may_concern else "",
            words_only(text, self.known),
        )


_READ_IT = "somebody has to look at it"
_NOT_PREPARED = "it executes a prepared statement whose PREPARE is not among the statements"


def command(reading: Reading, tree: Tree) -> None:
    """One statement."""
    ((kind, fields),) = tree.items()
    if kind in _QUERIES:
        reading.shown(reading.query(tree, []))
        ask(reading, tree)
    elif kind in _WRAPPED:
        if kind == "PrepareStmt":
            reading.prepared.add(str(fields.get("name", "")))
        command(reading, fields.get(_WRAPPED[kind], {}))
    elif kind == "CreateTableAsStmt":
        query = fields.get("query", {})
        if "ExecuteStmt" in query:
            command(reading, query)
        else:
            reading.shown(reading.query(query, []), "copied")
    elif kind == "CopyStmt":
        copy(reading, fields)
    elif kind == "CallStmt":
        reading.value({"FuncCall": fields.get("funccall", {})}, [])
    elif kind == "DoStmt":
        _block(reading, fields)
    elif kind == "ExecuteStmt":
        reading.executed.append(str(fields.get("name", "")))
    elif not define(reading, kind, fields) and kind not in _HARMLESS and names_any(reading, tree):
        reading.unknown.append("it is a command that is not known here, and it names the table")


# what names a table and leaves it as it is
_HARMLESS = frozenset(
    {"CreateSeqStmt", "AlterSeqStmt", "CreateFunctionStmt", "SecLabelStmt", "RefreshMatViewStmt"}
)


def told(reading: Reading, statement: str) -> tuple[Impact, ...]:
    """What was met, the worst first, without what need not be said beside it."""
    found: list[Impact] = []
    for target in dict.fromkeys(target for _, target in reading.found):
        kinds = {kind: tuple(columns) for (kind, one), columns in reading.found.items() if one is target}
        found += [impact(kind, target, kinds[kind], statement) for kind in _kept(kinds, target.form)]
    return tuple(sorted(found, key=lambda one: _ORDER.index(one.verdict)))


_ORDER = (
    Verdict.BREAKS,
    Verdict.SILENTLY_WRONG,
    Verdict.NOT_UNDERSTOOD,
    Verdict.SLOWER,
    Verdict.WORKS,
)


def _kept(kinds: dict[str, tuple[str, ...]], form: Form) -> list[str]:
    verdicts = {kind: verdict(kind, form) for kind in kinds}
    if any(one is Verdict.BREAKS and kind not in _SOMETIMES for kind, one in verdicts.items()):
        # how slow it would be does not matter
        return [kind for kind, one in verdicts.items() if one in _STOPS]
    telling = [kind for kind, one in verdicts.items() if one is not Verdict.WORKS]
    if telling:
        is_scan = not _SCANS.isdisjoint(telling)
        return [kind for kind in telling if not (is_scan and kind == "decrypt-value")]
    return [kind for kind in kinds if kind not in _PLAIN] or list(kinds)[:1]


def _block(reading: Reading, fields: Tree) -> None:
    """The statements of a DO block in PL/pgSQL."""
    options = {one["DefElem"].get("defname"): one["DefElem"].get("arg", {}) for one in fields.get("args", ())}
    text = options.get("as", {}).get("String", {}).get("sval", "")
    language = options.get("language", {}).get("String", {}).get("sval", "plpgsql")
    program = _program(text) if language == "plpgsql" else None
    if program is None:
        reading.unknown.append("it holds a DO block that could not be read")
        return
    trees = [one.default for one in program.variables if one.default is not None]
    trees += plpgsql.trees(program.steps)
    for step in plpgsql.executed(program.steps):
        sql = spelled(step.text)
        try:
            trees += expression.statements(sql.text) if sql.text else []
        except Unparsable:
            sql = sql._replace(complete=False)
        if not sql.complete:
            reading.unknown.append("it runs SQL that it builds")
    for tree in trees:
        if isinstance(tree, dict) and len(tree) == 1 and next(iter(tree)).endswith("Stmt"):
            command(reading, tree)
        else:
            reading.value(tree, [])


def _program(text: str) -> plpgsql.Program | None:
    block = Function(
        0, "pg_temp", "block", "", (), "void", "f", "", "plpgsql", False, False, "v", (), "", "", False, ()
    )
    try:
        for source in sources(block, text):
            found = expression.plpgsql(source)
            if found is not None:
                return plpgsql.program(found)
    except (Unparsable, RecursionError):
        return None
    return None
