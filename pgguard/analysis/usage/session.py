"""What a session has set that changes what its next statements mean: role, search_path, temporary tables.

A COMMIT ends what was SET LOCAL, a ROLLBACK what was set since the transaction began; savepoints are not
followed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pgguard.analysis.search_path import parse
from pgguard.analysis.sqltree import function_calls, literal, walk

if TYPE_CHECKING:
    from pgguard.analysis.sqltree import Tree

_PREPARED_AT_MOST = 200
_TEMPORARY_AT_MOST = 1_000


@dataclass(frozen=True, slots=True)
class State:
    """`role`: by SET ROLE, empty where it is the login; `authorization`: by SET SESSION AUTHORIZATION;
    `path`: by SET search_path, None where it is the login's own. `is_unsure`: it was set to something that
    the text does not show."""

    role: str = ""
    authorization: str = ""
    path: tuple[str, ...] | None = None
    is_unsure: bool = False


@dataclass(slots=True)
class Session:
    """One session as far as its statements show."""

    state: State = State()
    # as it was when the transaction began; and without what is SET LOCAL
    before: State | None = None
    lasting: State | None = None
    temporary: set[str] = field(default_factory=set)
    # statements by the name that they were prepared under
    prepared: dict[str, Tree] = field(default_factory=dict)

    def executed(self, tree: Tree, given: dict[str, Tree]) -> Tree:
        """The statement itself, or for EXECUTE the one that was prepared, where that is known or given."""
        inner = tree.get("ExplainStmt", {}).get("query") or tree.get("CreateTableAsStmt", {}).get("query")
        name = (inner or tree).get("ExecuteStmt", {}).get("name")
        return tree if name is None else given.get(name) or self.prepared.get(name, tree)

    def follow(self, tree: Tree) -> None:
        """What a statement that was run changes."""
        ((kind, fields),) = tree.items()
        match kind:
            case "VariableSetStmt":
                self._set(fields)
            case "TransactionStmt":
                self._transaction(fields.get("kind", ""))
            case "DiscardStmt" if fields.get("target") == "DISCARD_ALL":
                self.state = State()
                self.temporary.clear()
                self.prepared.clear()
            case "PrepareStmt":
                if len(self.prepared) < _PREPARED_AT_MOST:
                    self.prepared[fields.get("name", "")] = fields.get("query", {})
            case "DeallocateStmt":
                self.prepared.pop(fields.get("name", ""), None)
            case "SelectStmt":
                self._made(fields.get("intoClause", {}).get("rel", {}))
                self._configure(tree)
            case "CreateTableAsStmt":
                self._made(fields.get("into", {}).get("rel", {}))
            case "CreateStmt":
                self._made(fields.get("relation", {}))
            case "ViewStmt":
                self._made(fields.get("view", {}))
            case "CreateSeqStmt":
                self._made(fields.get("sequence", {}))
            case "DoStmt":
                self._in_block(fields)

    def _made(self, named: Tree) -> None:
        is_temporary = named.get("relpersistence") == "t" or named.get("schemaname", "").startswith("pg_temp")
        if is_temporary and len(self.temporary) < _TEMPORARY_AT_MOST:
            self.temporary.add(named.get("relname", ""))

    def _in_block(self, fields: Tree) -> None:
        # what a block sets is not followed, but its words tell that it may
        texts = [str(one.get("sval", "")).lower() for kind, one in walk(fields) if kind == "String"]
        if any("search_path" in text or "set role" in text or "set_config" in text for text in texts):
            self._become(replace(self.state, is_unsure=True))

    def _configure(self, tree: Tree) -> None:
        for call in function_calls(tree):
            if call.name == "set_config" and len(call.arguments) == 3:
                texts = [
                    literal(one["A_Const"]) if isinstance(one, dict) and "A_Const" in one else None
                    for one in call.arguments
                ]
                name, value, is_local = texts
                if name in (None, "search_path", "role", "session_authorization"):
                    new = None if name is None or value is None else value
                    self._value(name or "search_path", new, is_local=is_local == "true")

    def _set(self, fields: Tree) -> None:
        name = fields.get("name", "")
        is_local = bool(fields.get("is_local"))
        if fields.get("kind") == "VAR_RESET_ALL":
            self._become(State(role=self.state.role, authorization=self.state.authorization))
        elif name in ("search_path", "role", "session_authorization"):
            if fields.get("kind") == "VAR_SET_VALUE":
                values = [literal(one.get("A_Const", {})) for one in fields.get("args", ())]
                known = None if None in values else ", ".join(_quoted(one or "") for one in values)
                known = values[0] if name != "search_path" and values else known
                self._value(name, known, is_local=is_local)
            else:
                self._value(name, "", is_local=is_local)

    def _value(self, name: str, value: str | None, *, is_local: bool) -> None:
        """Empty: back to the login's own; None: to something that is not known."""
        state = self.state
        if value is None:
            state = replace(state, is_unsure=True)
        elif name == "search_path":
            state = replace(state, path=parse(value) if value else None, is_unsure=False)
        elif name == "role":
            state = replace(state, role="" if value == "none" else value, is_unsure=False)
        else:
            state = replace(
                state, authorization="" if value == "default" else value, role="", is_unsure=False
            )
        if is_local and self.lasting is None:
            self.lasting = self.state
        self._become(state, is_local=is_local)

    def _become(self, state: State, *, is_local: bool = False) -> None:
        self.state = state
        if self.lasting is not None and not is_local:
            self.lasting = state

    def _transaction(self, kind: str) -> None:
        if kind in ("TRANS_STMT_BEGIN", "TRANS_STMT_START"):
            self.before, self.lasting = self.state, None
        elif kind in ("TRANS_STMT_COMMIT", "TRANS_STMT_PREPARE"):
            self.state = self.lasting or self.state
            self.before = self.lasting = None
        elif kind == "TRANS_STMT_ROLLBACK":
            self.state = self.before or self.state
            self.before = self.lasting = None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
