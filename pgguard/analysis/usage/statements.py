"""From the text of a statement to the privileges that it takes. The text is read and forgotten."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.expression import Unparsable, statements, tokens
from pgguard.analysis.names import relation_name
from pgguard.analysis.search_path import OWN_SCHEMA, parse
from pgguard.analysis.sqltree import function_calls
from pgguard.analysis.usage.commands import command
from pgguard.analysis.usage.grants import COLUMNED, named
from pgguard.analysis.usage.place import As, Place
from pgguard.analysis.usage.reader import Reader
from pgguard.model.usage import NOTHING, WHOLE, Gap, Need

if TYPE_CHECKING:
    from pgguard.analysis.sqltree import Tree
    from pgguard.analysis.usage.session import Session
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
    from pgguard.model.usage import Kind

_KEPT = 5_000
# how the words of SQL that may begin a statement are told in a list of gaps; others are not repeated
_COMMANDS = frozenset({
    "ALTER", "ANALYZE", "BEGIN", "CALL", "CLUSTER", "COMMENT", "COPY", "CREATE", "DECLARE", "DELETE", "DO",
    "DROP", "EXECUTE", "EXPLAIN", "GRANT", "INSERT", "LOCK", "MERGE", "PREPARE", "REFRESH", "REINDEX",
    "RESET", "REVOKE", "SELECT", "SET", "TABLE", "TRUNCATE", "UPDATE", "VACUUM", "VALUES", "WITH",
})  # fmt: skip
_CHANGING = frozenset({
    "VariableSetStmt", "TransactionStmt", "DiscardStmt", "CreateStmt", "CreateTableAsStmt", "ViewStmt",
    "CreateSeqStmt", "DoStmt",
})  # fmt: skip
# A constant of a text with one of these may be a name or SQL; with the others it is not certain where a
# constant ends.
_TELLING = (
    "nextval", "currval", "setval", "pg_get_serial_sequence", "search_path", "role", "authorization",
    "set_config", "_to_xml", "crosstab", "ts_stat", "connectby", "\\", "--", "/*",
)  # fmt: skip
_BLOCK = re.compile(r"\bdo\b(?!\s+(?:nothing|update)\b)")
_TAG = re.compile(r"\$(?![0-9])")
_CONSTANT = re.compile(r""""[^"]*"|'[^']*(?:''[^']*)*'|\b\d[\d.]*\b""")
_AUDITED = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"})


class Found(NamedTuple):
    """What a statement takes, and what of it could not be followed."""

    needs: frozenset[Need] = frozenset()
    gaps: frozenset[Gap] = frozenset()


class Analyst:
    """Reads statements against a snapshot.

    The snapshot is of now: names of what has been dropped since are gaps. Raises `Unread` when roles,
    relations, columns, functions, definitions or settings could not be read.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._databases = {one.name: one for one in snapshot.inspected}
        self._paths: dict[tuple[str, str], tuple[str, ...]] = {}
        self._known: OrderedDict[tuple[object, ...], tuple[list[Tree], Found]] = OrderedDict()

    def read(
        self,
        text: str,
        role: str,
        database: str,
        session: Session,
        prepared: str = "",
        *,
        is_nested: bool = False,
    ) -> Found:
        """What the statements of a text take when `role` runs them; `prepared` is the PREPARE that goes with
        an EXECUTE. What they change for the next ones is kept in the session. `is_nested`: a function ran
        them, so that names may be those of its variables.
        """
        if database not in self._databases:
            return _gap(role, "", "its database was not inspected", NOTHING)
        key = (_digest(text), _digest(prepared), role, database, session.state, is_nested)
        is_plain = not session.temporary and not session.prepared
        if is_plain and key in self._known:
            self._known.move_to_end(key)
            trees, found = self._known[key]
            for tree in trees:
                session.follow(tree)
            return found
        try:
            trees = statements(text)
            given = {
                one["PrepareStmt"].get("name", ""): one["PrepareStmt"].get("query", {})
                for one in (statements(prepared) if prepared else ())
                if "PrepareStmt" in one
            }
        except Unparsable as reason:
            return self._unparsed(text, role, self._databases[database], str(reason))
        needs: set[Need] = set()
        gaps: set[Gap] = set()
        for tree in trees:
            one = self._one(session.executed(tree, given), role, database, session, is_nested)
            needs |= one.needs
            gaps |= one.gaps
            session.follow(tree)
        found = Found(frozenset(needs), frozenset(gaps))
        if is_plain and not any("PrepareStmt" in tree for tree in trees):
            self._known[key] = ([tree for tree in trees if _changes(tree)], found)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def audited(self, role: str, database: str, command: str, name: str) -> Found:
        """What a line of pgaudit without the statement's text tells: a command and the name of a relation."""
        if database not in self._databases:
            return _gap(role, "", "its database was not inspected", NOTHING)
        relation = named(self._databases[database], name)
        if command not in _AUDITED or relation is None:
            told = command if command in _COMMANDS else ""
            reason = "the log tells neither its text nor a relation"
            return _gap(role, told, reason, name if relation else "")
        # which columns is not known, and what the relation brings with it neither
        unknown = Gap(role, command, "the log does not show its text", name)
        kind: Kind = "sequence" if relation.kind == "S" else "relation"
        column = WHOLE if command in COLUMNED and kind == "relation" else ""
        return Found(frozenset({Need(role, kind, name, column, command)}), frozenset({unknown}))

    def path(self, role: str, database: str) -> tuple[str, ...]:
        """The search_path that a login begins with (manual, ALTER ROLE: which setting goes before which)."""
        known = self._paths.get((role, database))
        if known is None:
            values = {
                (one.role, one.database): one.value
                for one in self.snapshot.role_settings
                if one.name == "search_path"
            }
            for where in ((role, database), (role, ""), ("", database), ("", "")):
                if where in values:
                    value = values[where]
                    break
            else:
                value = self.snapshot.setting("search_path").value
            known = self._paths[role, database] = parse(value)
        return known

    def _one(self, tree: Tree, role: str, database: str, session: Session, is_nested: bool) -> Found:
        state = session.state
        acting = state.role or state.authorization or role
        path = state.path if state.path is not None else self.path(role, database)
        who = As(
            acting, acting, tuple(acting if one == OWN_SCHEMA else one for one in path), variables=is_nested
        )
        name = command_name(next(iter(tree)))
        place = Place(self.snapshot, self._databases[database], name, frozenset(session.temporary))
        if state.is_unsure:
            place.gap(acting, "the session set its role or search_path to something that is not shown")
        try:
            command(Reader(place, who), tree)
        except (RecursionError, KeyError, AttributeError, TypeError, ValueError, IndexError):
            # a tree of a shape that is not known here
            place.gap(acting, "it could not be followed")
        return Found(_without_any(place.needs), frozenset(place.gaps))

    def _unparsed(self, text: str, role: str, database: DatabaseSnapshot, reason: str) -> Found:
        """A text that is no SQL to the parser may touch what it names, or anything if it cannot be cut up."""
        try:
            cut = tokens(text)
        except Unparsable:
            return _gap(role, "", reason, "")
        first = cut[0].text.upper() if cut else ""
        command_ = first if first in _COMMANDS else ""
        names = {one.name for one in cut if one.name}
        if any(one.name in names for one in database.functions if not one.system):
            # what a function does may be anything
            return _gap(role, command_, reason, "")
        touched = [relation_name(one) for one in database.relations if one.name in names]
        return Found(gaps=frozenset(Gap(role, command_, reason, one) for one in touched or [NOTHING]))


def command_name(kind: str) -> str:
    """How SQL calls a node of the parser: InsertStmt is INSERT."""
    return kind.removesuffix("Stmt").upper() if kind != "TransactionStmt" else "TRANSACTION"


def _without_any(needs: set[Need]) -> frozenset[Need]:
    """A privilege on any column is nothing more where one on a column is taken."""
    named = {one[:3] + one[4:] for one in needs if one.column}
    columned = ("SELECT", "INSERT", "UPDATE")
    return frozenset(
        one for one in needs if one.column or one.operation not in columned or one[:3] + one[4:] not in named
    )


def _gap(role: str, command: str, reason: str, touches: str) -> Found:
    return Found(gaps=frozenset({Gap(role, command, reason, touches)}))


def _changes(tree: Tree) -> bool:
    """Whether a statement changes what later ones of its session mean."""
    ((kind, fields),) = tree.items()
    if kind == "SelectStmt":
        return "intoClause" in fields or any(one.name == "set_config" for one in function_calls(tree))
    return kind in _CHANGING


def _digest(text: str) -> bytes:
    """The same for texts that take the same: constants are left out where none of them is a name."""
    lower = text.lower()
    is_telling = any(word in lower for word in _TELLING) or ("do" in lower and _BLOCK.search(lower))
    if not is_telling and not ("$" in text and _TAG.search(text)):
        text = _CONSTANT.sub(_blank, text)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _blank(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith('"') else "?"
