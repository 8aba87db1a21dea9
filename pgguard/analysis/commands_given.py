"""Commands that event triggers never see, told from their text: the tag and the object, and nothing else.

The names of roles, databases and parameters, never a value: a password stands right beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis.expression import Unparsable, statements
from pgguard.analysis.sqltree import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.sqltree import Tree

_BEGINNINGS = ("ALTER", "CREATE", "DROP", "GRANT", "REVOKE", "REASSIGN")
_KINDS = {
    "OBJECT_ROLE": "ROLE",
    "OBJECT_DATABASE": "DATABASE",
    "OBJECT_TABLESPACE": "TABLESPACE",
    "OBJECT_EVENT_TRIGGER": "EVENT TRIGGER",
    "OBJECT_PARAMETER_ACL": "PARAMETER",
}
# node of the parser: command tag, kind of object, and the field with its name
_NAMED = {
    "CreateRoleStmt": ("CREATE ROLE", "ROLE", "role"),
    "AlterRoleStmt": ("ALTER ROLE", "ROLE", "role"),
    "AlterRoleSetStmt": ("ALTER ROLE", "ROLE", "role"),
    "DropRoleStmt": ("DROP ROLE", "ROLE", "roles"),
    "ReassignOwnedStmt": ("REASSIGN OWNED", "ROLE", "roles"),
    "DropOwnedStmt": ("DROP OWNED", "ROLE", "roles"),
    "CreatedbStmt": ("CREATE DATABASE", "DATABASE", "dbname"),
    "DropdbStmt": ("DROP DATABASE", "DATABASE", "dbname"),
    "AlterDatabaseStmt": ("ALTER DATABASE", "DATABASE", "dbname"),
    "AlterDatabaseSetStmt": ("ALTER DATABASE", "DATABASE", "dbname"),
    "AlterSystemStmt": ("ALTER SYSTEM", "PARAMETER", "setstmt"),
    "CreateTableSpaceStmt": ("CREATE TABLESPACE", "TABLESPACE", "tablespacename"),
    "DropTableSpaceStmt": ("DROP TABLESPACE", "TABLESPACE", "tablespacename"),
    "CreateEventTrigStmt": ("CREATE EVENT TRIGGER", "EVENT TRIGGER", "trigname"),
    "AlterEventTrigStmt": ("ALTER EVENT TRIGGER", "EVENT TRIGGER", "trigname"),
}


class Given(NamedTuple):
    """A command: its tag as PostgreSQL has it, the kind of its object, and the object's name."""

    command: str
    kind: str
    object: str


def commands_given(text: str) -> Iterator[Given]:
    """The commands about roles, memberships, settings, databases and event triggers in a text.

    A text that cannot be parsed is the command that it begins with, on nothing that is known.
    """
    first = text.lstrip()[:10].upper()
    if not first.startswith(_BEGINNINGS):
        return
    try:
        trees = statements(text)
    except Unparsable:
        yield Given(next(one for one in _BEGINNINGS if first.startswith(one)), "", "")
        return
    for tree in trees:
        ((kind, fields),) = tree.items()
        found = _given(kind, fields)
        if found is not None:
            yield found


def _given(kind: str, fields: Tree) -> Given | None:
    if kind in _NAMED:
        tag, on, name = _NAMED[kind]
        return Given(tag, on, _name(fields.get(name)) or ("ALL" if kind != "AlterEventTrigStmt" else ""))
    match kind:
        case "GrantRoleStmt":
            tag = "GRANT ROLE" if fields.get("is_grant") else "REVOKE ROLE"
            return Given(tag, "ROLE", _name(fields.get("granted_roles")))
        case "GrantStmt" if fields.get("objtype") in _KINDS:
            tag = "GRANT" if fields.get("is_grant") else "REVOKE"
            return Given(tag, _KINDS[fields["objtype"]], _name(fields.get("objects")))
        case "RenameStmt" if fields.get("renameType") in _KINDS:
            on = _KINDS[fields["renameType"]]
            return Given(f"ALTER {on}", on, str(fields.get("subname", "")))
        case "AlterOwnerStmt" if fields.get("objectType") in _KINDS:
            on = _KINDS[fields["objectType"]]
            return Given(f"ALTER {on}", on, _name(fields.get("object")))
        case "DropStmt" if fields.get("removeType") in _KINDS:
            on = _KINDS[fields["removeType"]]
            return Given(f"DROP {on}", on, _name(fields.get("objects")))
    return None


def _name(node: Any) -> str:
    """A name, or several parted by commas."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return ", ".join(one for one in map(_name, node) if one)
    if not isinstance(node, dict):
        return ""
    for key in ("rolename", "priv_name", "sval", "name"):
        if isinstance(node.get(key), str):
            return str(node[key])
    if node.get("roletype", "").startswith("ROLESPEC_") and node["roletype"] != "ROLESPEC_CSTRING":
        return str(node["roletype"]).removeprefix("ROLESPEC_")
    for inner in ("RoleSpec", "AccessPriv", "String"):
        if inner in node:
            return _name(node[inner])
    return ", ".join(words(node["List"].get("items"))) if "List" in node else ""
