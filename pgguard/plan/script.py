"""A file of a plan as the statements that are sent one by one, and what may be done with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pgguard.analysis.expression import Unparsable, plpgsql, split, statements
from pgguard.analysis.sqltree import function_calls, walk
from pgguard.errors import InputError
from pgguard.model.quote import dollar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.sqltree import Tree

# the words that a TransactionStmt of PostgreSQL's grammar begins with
_TRANSACTION = frozenset(
    {"abort", "begin", "commit", "end", "prepare", "release", "rollback", "savepoint", "start"}
)
_WORD = re.compile(r"[A-Za-z]*")
# what a statement that is a SELECT may call and have it undone by a rollback, and what no rollback undoes
_UNDONE = frozenset({"pg_clear_attribute_stats", "pg_clear_relation_stats"})
_LASTING = frozenset(
    {"pg_cancel_backend", "pg_reload_conf", "pg_terminate_backend", "pg_drop_replication_slot", "setval"}
)


def script(text: str, name: str, *, transactional: bool) -> tuple[str, ...]:
    """The statements of a file without its BEGIN and COMMIT, which whoever runs it sends.

    Raises `InputError` for a file that does not parse, or whose transaction is not as its manifest says.
    """
    try:
        texts = split(text)
    except Unparsable as error:
        msg = f"{name} is no SQL that can be applied: {error}; nothing was done: make a new plan"
        raise InputError(msg) from None
    wrapped = texts[:1] == ["BEGIN"] and texts[-1:] == ["COMMIT"] and len(texts) > 1
    if transactional and wrapped:
        texts = texts[1:-1]
    if transactional is not wrapped or any(map(_of_transactions, texts)):
        what = "one transaction" if transactional else "free of BEGIN and COMMIT"
        msg = f"{name} is not {what}, as its manifest says; nothing was done: make a new plan"
        raise InputError(msg)
    return tuple(texts)


def trees(text: str) -> Iterator[Tree]:
    """The statements of a file as trees, those inside of DO blocks too, but for what only looks.

    Raises `Unparsable` for what is no SQL.
    """
    for tree in statements(text):
        yield tree
        if "DoStmt" in tree:
            yield from _inner(tree["DoStmt"])


def cannot_be_tried(text: str) -> str:
    """Why a file cannot be run and rolled back again as if nothing had been; empty where it can."""
    calls = {one.name for tree in statements(text) if "SelectStmt" in tree for one in function_calls(tree)}
    calls = (calls - _UNDONE) | {name for name in _LASTING if name in text}
    return f"no rollback takes back {', '.join(sorted(calls))}" if calls else ""


def _of_transactions(statement: str) -> bool:
    # comments before it are left out already
    return (_WORD.match(statement) or [""])[0].lower() in _TRANSACTION


def _inner(block: Any) -> Iterator[Tree]:
    body = next(
        (
            fields["arg"]["String"].get("sval", "")
            for kind, fields in walk(block)
            if kind == "DefElem" and fields.get("defname") == "as"
        ),
        "",
    )
    parsed = plpgsql(f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS {dollar(body)}")
    for kind, fields in walk(parsed):
        # a query INTO a variable looks at the catalogs
        if kind == "PLpgSQL_stmt_execsql" and not fields.get("into"):
            yield from statements(fields["sqlstmt"]["PLpgSQL_expr"]["query"])
