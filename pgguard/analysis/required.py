"""What rights a statement needs, as far as the statement itself tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis.sqltree import function_calls, walk, words
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.analysis.sqltree import Tree


class Need(NamedTuple):
    """A right by its kind and on what; names are quoted but for those of roles, databases, parameters.

    Kinds: superuser, createrole, parameter (ALTER SYSTEM), call (a function's signature), role (altering
    it), admin (granting it), member (acting for it), table, function, schema, database (owning it), and
    `grant` before one of these (granting on it). `schema` is that of the object, not quoted.
    """

    kind: str
    name: str = ""
    schema: str = ""


# attributes that only those can give who have them, and before 16 only superusers
_POWERFUL = frozenset({"superuser", "isreplication", "bypassrls"})
_RELATION = {
    "AlterTableStmt": "relation",
    "CreatePolicyStmt": "table",
    "AlterPolicyStmt": "table",
    "IndexStmt": "relation",
}
_GRANTED = {
    "OBJECT_TABLE": "grant table",
    "OBJECT_SEQUENCE": "grant table",
    "OBJECT_SCHEMA": "grant schema",
    "OBJECT_DATABASE": "grant database",
    "OBJECT_FUNCTION": "grant function",
    "OBJECT_PROCEDURE": "grant function",
}
# functions that are not everybody's
_CALLED = {"pg_reload_conf": "pg_catalog.pg_reload_conf()"}


def required(trees: Iterable[Tree]) -> tuple[Need, ...]:
    """The rights that the statements need; what is not known of a kind of statement is left out."""
    return tuple(dict.fromkeys(need for tree in trees for need in _of(tree)))


def _of(tree: Tree) -> Iterator[Need]:
    ((kind, fields),) = tree.items()
    match kind:
        case "AlterSystemStmt":
            yield Need("parameter", fields["setstmt"].get("name", ""))
        case "CreateRoleStmt":
            yield Need("createrole")
            yield from _attributes(fields)
        case "AlterRoleStmt":
            yield Need("role", fields["role"].get("rolename", ""))
            yield from _attributes(fields)
        case "AlterRoleSetStmt":
            yield Need("role", fields["role"].get("rolename", "")) if "role" in fields else Need("superuser")
        case "DropRoleStmt":
            for one in fields["roles"]:
                yield Need("role", one["RoleSpec"].get("rolename", ""))
        case "GrantRoleStmt":
            for one in fields["granted_roles"]:
                yield Need("admin", one["AccessPriv"].get("priv_name", ""))
        case "AlterDefaultPrivilegesStmt":
            for inner, spec in walk(fields["options"]):
                if inner == "RoleSpec" and "rolename" in spec:
                    yield Need("member", spec["rolename"])
        case "AlterDatabaseSetStmt":
            yield Need("database", fields["dbname"])
        case "AlterEventTrigStmt":
            yield Need("superuser")
        case "InsertStmt" | "UpdateStmt" | "DeleteStmt":
            if fields["relation"].get("schemaname") == "pg_catalog":
                yield Need("superuser")
        case "GrantStmt":
            yield from _granted(fields)
        case "AlterFunctionStmt":
            yield _function("function", fields["func"])
        case "DropStmt" if fields.get("removeType") == "OBJECT_POLICY":
            for one in fields["objects"]:
                parts = words(one["List"]["items"])[:-1]
                yield Need("table", qualified(*parts), parts[0] if len(parts) > 1 else "")
        case "SelectStmt":
            for call in function_calls(tree):
                if call.name in _CALLED:
                    yield Need("call", _CALLED[call.name])
        case _ if kind in _RELATION:
            yield _relation("table", fields[_RELATION[kind]])


def _attributes(fields: Any) -> Iterator[Need]:
    for inner, option in walk(fields.get("options", ())):
        if inner == "DefElem" and option.get("defname") in _POWERFUL:
            yield Need("superuser")


def _granted(fields: Any) -> Iterator[Need]:
    kind = _GRANTED.get(fields.get("objtype", ""))
    if kind is None or fields.get("targtype") != "ACL_TARGET_OBJECT":
        return
    for one in fields.get("objects", ()):
        if "RangeVar" in one:
            yield _relation(kind, one["RangeVar"])
        elif "ObjectWithArgs" in one:
            yield _function(kind, one["ObjectWithArgs"])
        elif "String" in one:
            name = one["String"]["sval"]
            yield Need(kind, name if kind == "grant database" else ident(name))


def _relation(kind: str, fields: Any) -> Need:
    schema = fields.get("schemaname", "")
    parts = [schema, fields["relname"]] if schema else [fields["relname"]]
    return Need(kind, qualified(*parts), schema)


def _function(kind: str, fields: Any) -> Need:
    arguments = []
    for one in fields.get("objargs", ()):
        written = one["TypeName"]
        arguments.append(qualified(*words(written["names"])) + ("[]" if written.get("arrayBounds") else ""))
    name = words(fields["objname"])
    return Need(kind, f"{qualified(*name)}({', '.join(arguments)})", name[0] if len(name) > 1 else "")
