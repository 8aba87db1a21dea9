"""SQL expressions that tell how the catalog looks: true or false, for any login, changing nothing.

They are what migrations assert before and after. ACLs are spelled out with the defaults that stand for
NULL (manual, aclexplode and acldefault); names are compared as quote_ident writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.quote import dollar, literal

if TYPE_CHECKING:
    from collections.abc import Iterable

# keyword of GRANT -> catalog, its condition on the name, ACL, kind for acldefault, owner
_BY_NAME = {
    "SCHEMA": ("pg_namespace", "nspname", "nspacl", "n", "nspowner"),
    "DATABASE": ("pg_database", "datname", "datacl", "d", "datdba"),
    "LANGUAGE": ("pg_language", "lanname", "lanacl", "l", "lanowner"),
    "FOREIGN DATA WRAPPER": ("pg_foreign_data_wrapper", "fdwname", "fdwacl", "F", "fdwowner"),
    "FOREIGN SERVER": ("pg_foreign_server", "srvname", "srvacl", "S", "srvowner"),
    "TABLESPACE": ("pg_tablespace", "spcname", "spcacl", "t", "spcowner"),
}


_RELATIONS = ("VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE")
_KEYWORDS = (
    "TABLE",
    "SEQUENCE",
    "FUNCTION",
    "PROCEDURE",
    "PARAMETER",
    "LARGE OBJECT",
    *_RELATIONS,
    *_BY_NAME,
)
# what ALTER DEFAULT PRIVILEGES says -> pg_default_acl.defaclobjtype, and the kind for acldefault
_DEFAULT_KINDS = {
    "TABLES": ("r", "r"),
    "SEQUENCES": ("S", "s"),
    "FUNCTIONS": ("f", "f"),
    "ROUTINES": ("f", "f"),
    "TYPES": ("T", "T"),
    "SCHEMAS": ("n", "n"),
    "LARGE OBJECTS": ("L", "L"),
}


def parted(on: str) -> tuple[str, str]:
    """Keyword and name of what GRANT has after ON (TABLE lab.patient).

    Raises `ValueError` for a kind of object that is not known.
    """
    for keyword in _KEYWORDS:
        if on.startswith(f"{keyword} "):
            return keyword, on.removeprefix(f"{keyword} ")
    msg = "no kind of object that has an ACL"
    raise ValueError(msg)


def has_grant(
    keyword: str,
    name: str,
    grantee: str,
    privilege: str,
    *,
    column: str = "",
    by_owner: bool = False,
    grantable: bool = False,
) -> str:
    """Whether the object's own ACL gives the privilege to that grantee.

    `keyword` and `name` are what GRANT says (TABLE lab.patient, FUNCTION lab.f(integer)). `by_owner`: only
    what the owner granted, which is what REVOKE takes back; `grantable`: only with its grant option.
    """
    acl, source, owner = _acl(keyword, name, column)
    more = f" AND e.grantor = {owner}" if by_owner and owner else ""
    more += " AND e.is_grantable" if grantable else ""
    return (
        f"EXISTS (SELECT FROM {source}, LATERAL pg_catalog.aclexplode({acl}) AS e "
        f"WHERE {_who(grantee)} AND e.privilege_type = {literal(privilege)}{more})"
    )


def has_default_grant(role: str, schema: str, kind: str, grantee: str, privilege: str) -> str:
    """Whether new objects of the role come with the privilege; `kind` as in ALTER DEFAULT PRIVILEGES.

    Without a schema the built-in defaults count where nothing else was set (manual, ALTER DEFAULT
    PRIVILEGES).
    """
    code, default = _DEFAULT_KINDS[kind]
    owner = f"(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = {literal(role)})"
    where = "d.defaclnamespace = 0"
    builtin = f"pg_catalog.acldefault('{default}', {owner})"
    if schema:
        found = f"(SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = {literal(schema)})"
        where = f"d.defaclnamespace = {found}"
        builtin = "NULL"
    acl = (
        "coalesce((SELECT d.defaclacl FROM pg_catalog.pg_default_acl AS d "
        f"WHERE d.defaclrole = {owner} AND {where} AND d.defaclobjtype = '{code}'), {builtin})"
    )
    return (
        f"EXISTS (SELECT FROM pg_catalog.aclexplode({acl}) AS e "
        f"WHERE {_who(grantee)} AND e.privilege_type = {literal(privilege)})"
    )


def owner_is(keyword: str, name: str, role: str) -> str:
    """Whether the object belongs to that role."""
    _, source, owner = _acl("TABLE" if keyword in _RELATIONS else keyword, name, "")
    return f"EXISTS (SELECT FROM {source} WHERE pg_catalog.pg_get_userbyid({owner}) = {literal(role)})"


def _who(grantee: str) -> str:
    if grantee == "public":
        return "e.grantee = 0"
    return f"pg_catalog.pg_get_userbyid(e.grantee) = {literal(grantee)}"


def every(expressions: Iterable[str]) -> str:
    """All of them; true without any."""
    return " AND ".join(expressions) or "true"


def role_is(role: str, condition: str = "") -> str:
    """Whether there is such a role; `condition` is about r, a row of pg_roles."""
    more = f" AND {condition}" if condition else ""
    return f"EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = {literal(role)}{more})"


def is_member(role: str, member: str, *, grantor: str = "", condition: str = "") -> str:
    """Whether `member` was granted `role`; `condition` is about m, a row of pg_auth_members."""
    more = f" AND pg_catalog.pg_get_userbyid(m.grantor) = {literal(grantor)}" if grantor else ""
    more += f" AND {condition}" if condition else ""
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m "
        f"WHERE pg_catalog.pg_get_userbyid(m.roleid) = {literal(role)} "
        f"AND pg_catalog.pg_get_userbyid(m.member) = {literal(member)}{more})"
    )


def has_setting(role: str, name: str, value: str | None = None, *, database: str = "") -> str:
    """Whether ALTER ROLE or ALTER DATABASE set the parameter, to that value where one is given.

    An empty `role` stands for every role, an empty `database` for every database.
    """
    database_is, role_is_this = "s.setdatabase = 0", "s.setrole = 0"
    if database:
        known = f"(SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = {literal(database)})"
        database_is = f"s.setdatabase = {known}"
    if role:
        role_is_this = f"pg_catalog.pg_get_userbyid(s.setrole) = {literal(role)} AND s.setrole <> 0"
    return (
        f"EXISTS (SELECT FROM pg_catalog.pg_db_role_setting AS s WHERE {database_is} AND {role_is_this} "
        f"AND {_configured('s.setconfig', name, value)})"
    )


def function_has(function: str, name: str, value: str | None = None) -> str:
    """Whether a function, named with its argument types, sets the parameter for itself."""
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_proc AS p "
        f"WHERE p.oid = pg_catalog.to_regprocedure({literal(function)}) "
        f"AND {_configured('p.proconfig', name, value)})"
    )


def relation_is(relation: str, condition: str) -> str:
    """Whether there is such a relation (its quoted name); `condition` is about c, a row of pg_class."""
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_class AS c "
        f"WHERE c.oid = pg_catalog.to_regclass({literal(relation)}) AND {condition})"
    )


def auto_conf_has(name: str, value: str | None = None) -> str:
    """Whether ALTER SYSTEM set the parameter; only superusers see that file (manual, pg_file_settings)."""
    more = f" AND f.setting = {literal(value)}" if value is not None else ""
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_file_settings AS f "
        "WHERE f.sourcefile LIKE '%postgresql.auto.conf' "
        f"AND lower(f.name) = {literal(name.lower())}{more})"
    )


def _configured(column: str, name: str, value: str | None) -> str:
    if value is not None:
        return f"{literal(f'{name}={value}')} = ANY ({column})"
    start = f"{name}="
    return (
        f"EXISTS (SELECT FROM pg_catalog.unnest({column}) AS u (one) "
        f"WHERE pg_catalog.lower(pg_catalog.left(u.one, {len(start)})) = {literal(start.lower())})"
    )


def policy_names(table: str, policy: str, role: str) -> str:
    """Whether a row security policy of the table (its quoted name) is for that role by name."""
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_policy AS p, LATERAL pg_catalog.unnest(p.polroles) AS u (role) "
        f"WHERE p.polrelid = pg_catalog.to_regclass({literal(table)}) AND p.polname = {literal(policy)} "
        f"AND pg_catalog.pg_get_userbyid(u.role) = {literal(role)})"
    )


def unless(condition: str, statement: str) -> str:
    """A statement that is left out where the condition already holds: what CREATE can be run twice by."""
    return f"DO {dollar(f'BEGIN IF NOT ({condition}) THEN {statement} END IF; END')};"


def negated(expression: str) -> str:
    """The opposite."""
    return f"NOT {expression}"


def _acl(keyword: str, name: str, column: str) -> tuple[str, str, str]:
    """The ACL of o, the FROM item that o is, and its owner (empty where it has none)."""
    if column:
        where = f"a.attrelid = pg_catalog.to_regclass({literal(name)}) AND a.attname = {literal(column)}"
        source = (
            "(SELECT a.attacl, t.relowner FROM pg_catalog.pg_attribute AS a "
            f"JOIN pg_catalog.pg_class AS t ON t.oid = a.attrelid WHERE {where}) AS o"
        )
        return "o.attacl", source, "o.relowner"
    if keyword in ("TABLE", "SEQUENCE"):
        kind = "s" if keyword == "SEQUENCE" else "r"
        where = f"oid = pg_catalog.to_regclass({literal(name)})"
        return (
            f"coalesce(o.relacl, pg_catalog.acldefault('{kind}', o.relowner))",
            f"(SELECT relacl, relowner FROM pg_catalog.pg_class WHERE {where}) AS o",
            "o.relowner",
        )
    if keyword in ("FUNCTION", "PROCEDURE"):
        where = f"oid = pg_catalog.to_regprocedure({literal(name)})"
        return (
            "coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))",
            f"(SELECT proacl, proowner FROM pg_catalog.pg_proc WHERE {where}) AS o",
            "o.proowner",
        )
    if keyword == "PARAMETER":
        source = f"(SELECT paracl FROM pg_catalog.pg_parameter_acl WHERE parname = {literal(name)}) AS o"
        return "o.paracl", source, ""
    if keyword == "LARGE OBJECT":
        source = (
            "(SELECT lomacl, lomowner FROM pg_catalog.pg_largeobject_metadata "
            f"WHERE oid = {literal(name)}::pg_catalog.oid) AS o"
        )
        return "coalesce(o.lomacl, pg_catalog.acldefault('L', o.lomowner))", source, "o.lomowner"
    catalog, named, acl, kind, owner = _BY_NAME[keyword]
    where = f"pg_catalog.quote_ident({named}) = {literal(name)}"
    return (
        f"coalesce(o.{acl}, pg_catalog.acldefault('{kind}', o.{owner}))",
        f"(SELECT {acl}, {owner} FROM pg_catalog.{catalog} WHERE {where}) AS o",
        f"o.{owner}",
    )
