"""What a statement of a plan is about, read from its tree: its topic, and what it gives, takes and sets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis.expression import statements
from pgguard.analysis.sqltree import function_calls
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.finding import Change

_SETTING = frozenset({"AlterSystemStmt", "AlterRoleSetStmt", "AlterDatabaseSetStmt"})
_TABLE_COMMANDS = {
    "AT_EnableRowSecurity": "row_security",
    "AT_DisableRowSecurity": "row_security",
    "AT_ForceRowSecurity": "row_security",
    "AT_NoForceRowSecurity": "row_security",
    "AT_SetRelOptions": "row_security",
    "AT_EnableTrig": "triggers",
    "AT_EnableAlwaysTrig": "triggers",
    "AT_EnableRule": "triggers",
    "AT_EnableAlwaysRule": "triggers",
    "AT_SetStatistics": "statistics",
    "AT_ColumnDefault": "secrets",
    "AT_ChangeOwner": "ownership",
}
# what a command of ALTER TABLE and its opposite set
_SWITCHES = {
    "AT_EnableRowSecurity": "row security",
    "AT_DisableRowSecurity": "row security",
    "AT_ForceRowSecurity": "force",
    "AT_NoForceRowSecurity": "force",
}
_TOPICS = {
    "AlterSystemStmt": "settings",
    "AlterRoleSetStmt": "role_settings",
    "AlterDatabaseSetStmt": "role_settings",
    "GrantRoleStmt": "memberships",
    "AlterDefaultPrivilegesStmt": "default_privileges",
    "AlterOwnerStmt": "ownership",
    "AlterFunctionStmt": "functions",
    "CreatePolicyStmt": "row_security",
    "AlterPolicyStmt": "row_security",
    "AlterEventTrigStmt": "triggers",
    # what pg_clear_attribute_stats does from 18 on
    "DeleteStmt": "statistics",
    "AlterExtensionStmt": "extensions",
    "CommentStmt": "secrets",
    "AlterDomainStmt": "secrets",
    # the loop that closes large objects to PUBLIC
    "DoStmt": "public",
}
_CALLED = {"pg_clear_attribute_stats": "statistics", "pg_drop_replication_slot": "slots"}
_DROPPED = {"OBJECT_POLICY": "row_security", "OBJECT_INDEX": "indexes", "OBJECT_STATISTIC_EXT": "statistics"}


class Intent(NamedTuple):
    """One statement: `gives` and `takes` are privileges, `sets` what has one value after it.

    `roles` are those it alters or takes from; `on` is what is granted on together with to whom, the same
    for statements that touch the same entry of an ACL. `named` is the relation (schema, name) or database
    whose rights are taken as a whole. Keys are names for comparing, and mean nothing else.
    """

    kind: str
    topic: str
    gives: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    on: str = ""
    parameter: str = ""
    closes_login: bool = False
    drops_superuser: bool = False
    named: tuple[str, ...] = ()
    privileges: frozenset[str] = frozenset()
    option_only: bool = False


def intent(change: Change, database: str = "") -> Intent:
    """What the change's statement is about; `database` is where it runs when it does not say so itself.

    Raises `Unparsable` for what is no SQL; pgguard writes none such.
    """
    where = change.database or database
    ((kind, fields),) = statements(change.sql)[0].items()
    if kind == "GrantStmt":
        return _grant(fields, where)
    if kind == "GrantRoleStmt":
        return _membership(fields)
    if kind == "AlterRoleStmt":
        return _role(fields)
    if kind in _SETTING:
        return _setting(kind, fields)
    if kind == "AlterTableStmt":
        return _table(fields, where)
    if kind == "DropStmt":
        return Intent(kind, _DROPPED.get(fields["removeType"], "drops"))
    topic = _TOPICS.get(kind, "other")
    if kind == "SelectStmt":
        topic = next((_CALLED[one.name] for one in function_calls(fields) if one.name in _CALLED), "other")
    sets: frozenset[str] = frozenset()
    if kind == "AlterFunctionStmt":
        names = [one["DefElem"]["arg"].get("VariableSetStmt", {}).get("name") for one in fields["actions"]]
        sets = frozenset({_key(where, fields["func"], names)})
    elif kind == "AlterOwnerStmt":
        sets = frozenset({_key(where, fields["objectType"], fields["object"])})
    elif kind == "AlterDefaultPrivilegesStmt":
        return _defaults(fields, where)
    return Intent(kind, topic, sets=sets)


def _grant(fields: dict[str, Any], database: str) -> Intent:
    grantees = frozenset(_role_name(one["RoleSpec"]) for one in fields["grantees"])
    objects = [fields["objtype"], fields["objects"]]
    on = _key(database, objects, sorted(grantees))
    atoms = frozenset(_key(on, one) for one in _privileges(fields))
    names = frozenset(one["AccessPriv"].get("priv_name", "").upper() for one in fields.get("privileges", ()))
    if fields.get("is_grant"):
        return Intent("GrantStmt", "grants", gives=atoms, on=on, roles=grantees, privileges=names)
    topic = "public" if PUBLIC in grantees else "rights"
    has_columns = any("cols" in one["AccessPriv"] for one in fields.get("privileges", ()))
    return Intent(
        "GrantStmt",
        topic,
        takes=atoms,
        on=on,
        roles=grantees,
        named=() if has_columns else _named(fields["objects"]),
        privileges=names,
        option_only=bool(fields.get("grant_option")),
    )


def _named(objects: list[Any]) -> tuple[str, ...]:
    first = objects[0]
    if "RangeVar" in first:
        return first["RangeVar"].get("schemaname", ""), first["RangeVar"]["relname"]
    return (first["String"]["sval"],) if "String" in first else ()


def _privileges(fields: dict[str, Any]) -> Iterator[str]:
    option = "grant option " if fields.get("grant_option") else ""
    for one in fields.get("privileges", ()):
        name = one["AccessPriv"].get("priv_name", "")
        for column in one["AccessPriv"].get("cols") or [None]:
            yield option + name + (f" of {column['String']['sval']}" if column else "")


def _defaults(fields: dict[str, Any], database: str) -> Intent:
    action = fields["action"]
    grantees = sorted(_role_name(one["RoleSpec"]) for one in action["grantees"])
    on = _key(database, fields["options"], action["objtype"], grantees)
    atoms = frozenset(_key(on, one) for one in _privileges(action))
    topic = "default_privileges"
    if action.get("is_grant"):
        return Intent("AlterDefaultPrivilegesStmt", topic, gives=atoms, on=on)
    return Intent("AlterDefaultPrivilegesStmt", topic, takes=atoms, on=on)


def _membership(fields: dict[str, Any]) -> Intent:
    granted = sorted(one["AccessPriv"]["priv_name"] for one in fields["granted_roles"])
    members = frozenset(_role_name(one["RoleSpec"]) for one in fields["grantee_roles"])
    by = fields.get("grantor", {}).get("rolename", "")
    on = _key("membership", granted, sorted(members), by)
    option = "option" if fields.get("opt") and not fields.get("is_grant") else ""
    atoms = frozenset({_key(on, option)})
    if fields.get("is_grant"):
        return Intent("GrantRoleStmt", "memberships", gives=atoms, on=on, roles=members)
    return Intent("GrantRoleStmt", "memberships", takes=atoms, on=on, roles=members)


def _role(fields: dict[str, Any]) -> Intent:
    name = _role_name(fields["role"])
    options = {one["DefElem"]["defname"]: one["DefElem"].get("arg") for one in fields["options"]}
    closes = _is_off(options, "canlogin")
    return Intent(
        "AlterRoleStmt",
        "logins" if closes else "roles",
        sets=frozenset(_key("role", name, option) for option in options),
        roles=frozenset({name}),
        closes_login=closes,
        drops_superuser=_is_off(options, "superuser"),
    )


def _is_off(options: dict[str, Any], name: str) -> bool:
    return name in options and not options[name].get("Boolean", {}).get("boolval", False)


def _setting(kind: str, fields: dict[str, Any]) -> Intent:
    name = fields["setstmt"].get("name", "")
    role = _role_name(fields["role"]) if "role" in fields else ""
    database = fields.get("database") or fields.get("dbname") or ""
    return Intent(
        kind,
        _TOPICS[kind],
        sets=frozenset({_key(kind, role, database, name)}),
        roles=frozenset({role} if role else ()),
        parameter=name,
    )


def _table(fields: dict[str, Any], database: str) -> Intent:
    commands = [one["AlterTableCmd"] for one in fields["cmds"]]
    first = commands[0]["subtype"]
    what = _SWITCHES.get(first, _TABLE_COMMANDS.get(first, first))
    names = [one.get("name", "") for one in commands]
    sets = _key(database, fields["relation"], what, names)
    return Intent("AlterTableStmt", _TABLE_COMMANDS.get(first, "other"), sets=frozenset({sets}))


def _role_name(spec: dict[str, Any]) -> str:
    return PUBLIC if spec["roletype"] == "ROLESPEC_PUBLIC" else str(spec.get("rolename", ""))


def _key(*parts: Any) -> str:
    return json.dumps([_placeless(one) for one in parts], sort_keys=True)


def _placeless(node: Any) -> Any:
    """The tree without where things stand in the text."""
    if isinstance(node, dict):
        return {name: _placeless(one) for name, one in node.items() if not name.endswith("location")}
    return [_placeless(one) for one in node] if isinstance(node, list) else node
