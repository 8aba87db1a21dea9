"""SQL expressions that tell how the catalog looks: true or false, for any login, changing nothing.

They are what migrations assert before and after. ACLs are spelled out with the defaults that stand for
NULL (manual, aclexplode and acldefault); names are compared as quote_ident writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.quote import dollar, literal
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# keyword of GRANT -> catalog, its condition on the name, ACL, kind for acldefault, owner
_BY_NAME = {
    "SCHEMA": ("pg_namespace", "nspname", "nspacl", "n", "nspowner"),
    "DATABASE": ("pg_database", "datname", "datacl", "d", "datdba"),
    "LANGUAGE": ("pg_language", "lanname", "lanacl", "l", "lanowner"),
    "FOREIGN DATA WRAPPER": ("pg_foreign_data_wrapper", "fdwname", "fdwacl", "F", "fdwowner"),
    "FOREIGN SERVER": ("pg_foreign_server", "srvname", "srvacl", "S", "srvowner"),
    "TABLESPACE": ("pg_tablespace", "spcname", "spcacl", "t", "spcowner"),
}

# a file of a plan has these expressions inside a list inside a block
_BREAK = "\n                "
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
    chosen = f"e.privilege_type = {literal(privilege)}"
    return f"EXISTS (SELECT {_entries(keyword, name, grantee, chosen, column, by_owner, grantable)})"


def has_every_grant(
    keyword: str,
    name: str,
    grantee: str,
    privileges: Sequence[str],
    *,
    column: str = "",
    grantable: bool = False,
) -> str:
    """Whether the owner, and another than the grantee, gave it all these privileges on the object."""
    entries = _entries(keyword, name, grantee, _of(privileges), column, True, grantable)
    owner = _acl(keyword, name, column)[3]
    others = f" AND e.grantee <> {owner}" if owner and grantee != PUBLIC else ""
    number = len(set(privileges))
    if number == 1:
        return f"EXISTS (SELECT {entries}{others})"
    return f"(SELECT pg_catalog.count(DISTINCT e.privilege_type) {entries}{others}) = {number}"


def has_no_grant(
    keyword: str,
    name: str,
    grantee: str,
    privileges: Sequence[str],
    *,
    column: str = "",
    grantable: bool = False,
) -> str:
    """Whether the object is there and its owner gave the grantee none of these privileges on it."""
    if keyword == "PARAMETER":
        # without grants there is no row of it
        entries = _entries(keyword, name, grantee, _of(privileges), column, True, grantable)
        return f"NOT EXISTS (SELECT {entries})"
    acl, source, found, owner = _acl(keyword, name, column)
    more = f" AND e.grantor = {owner}" if owner else ""
    more += " AND e.is_grantable" if grantable else ""
    return (
        f"EXISTS (SELECT FROM {source}{_BREAK}WHERE {found} "
        f"AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode({acl}) AS e{_BREAK}"
        f"WHERE {_who(grantee)} AND {_of(privileges)}{more}))"
    )


def _entries(
    keyword: str, name: str, grantee: str, chosen: str, column: str, by_owner: bool, grantable: bool
) -> str:
    """FROM and WHERE over the entries e of an object's ACL."""
    acl, source, found, owner = _acl(keyword, name, column)
    more = f" AND e.grantor = {owner}" if by_owner and owner else ""
    more += " AND e.is_grantable" if grantable else ""
    return (
        f"FROM {source}, LATERAL pg_catalog.aclexplode({acl}) AS e{_BREAK}"
        f"WHERE {found} AND {_who(grantee)} AND {chosen}{more}"
    )


def _of(privileges: Sequence[str]) -> str:
    names = [literal(one) for one in dict.fromkeys(privileges)]
    if len(names) == 1:
        return f"e.privilege_type = {names[0]}"
    return f"e.privilege_type IN ({', '.join(names)})"


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
    _, source, found, owner = _acl("TABLE" if keyword in _RELATIONS else keyword, name, "")
    return (
        f"EXISTS (SELECT FROM {source} WHERE {found} "
        f"AND pg_catalog.pg_get_userbyid({owner}) = {literal(role)})"
    )


def _who(grantee: str) -> str:
    if grantee == PUBLIC:
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


def fixed_at_start(name: str) -> str:
    """Whether the parameter was given when the server was started, which goes before its files."""
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_settings AS s "
        f"WHERE s.name = {literal(name)} AND s.source = 'command line')"
    )


def has_comment(keyword: str, name: str) -> str:
    """Whether the object has a comment, named as COMMENT ON names it; empty for kinds not known here."""
    if keyword == "COLUMN":
        return (
            "EXISTS (SELECT FROM pg_catalog.pg_description AS d "
            "JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid "
            "JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid "
            "JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid > 0 "
            "AND pg_catalog.concat_ws('.', pg_catalog.quote_ident(n.nspname), "
            "pg_catalog.quote_ident(c.relname), pg_catalog.quote_ident(a.attname)) "
            f"= {literal(name)})"
        )
    if keyword == "SCHEMA":
        catalog = "pg_namespace"
        found = (
            "(SELECT n.oid FROM pg_catalog.pg_namespace AS n "
            f"WHERE pg_catalog.quote_ident(n.nspname) = {literal(name)})"
        )
    elif keyword in _COMMENTED:
        catalog, function = _COMMENTED[keyword]
        found = f"pg_catalog.{function}({literal(name)})"
    else:
        return ""
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_description AS d "
        f"WHERE d.classoid = 'pg_catalog.{catalog}'::pg_catalog.regclass AND d.objsubid = 0 "
        f"AND d.objoid = {found}::pg_catalog.oid)"
    )


_COMMENTED = {
    "TABLE": ("pg_class", "to_regclass"),
    "VIEW": ("pg_class", "to_regclass"),
    "MATERIALIZED VIEW": ("pg_class", "to_regclass"),
    "FOREIGN TABLE": ("pg_class", "to_regclass"),
    "SEQUENCE": ("pg_class", "to_regclass"),
    "TYPE": ("pg_type", "to_regtype"),
    "FUNCTION": ("pg_proc", "to_regprocedure"),
    "PROCEDURE": ("pg_proc", "to_regprocedure"),
}


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


def _acl(keyword: str, name: str, column: str) -> tuple[str, str, str, str]:
    """The ACL of o, the FROM item that o is, the condition that finds it, its owner (empty: it has none)."""
    if column:
        return (
            "a.attacl",
            "pg_catalog.pg_class AS o JOIN pg_catalog.pg_attribute AS a ON a.attrelid = o.oid",
            f"o.oid = pg_catalog.to_regclass({literal(name)}) AND a.attname = {literal(column)}",
            "o.relowner",
        )
    if keyword == "PARAMETER":
        # GRANT names them part by part, each quoted where SQL needs it
        plain = ".".join(part.strip('"') for part in name.split("."))
        return "o.paracl", "pg_catalog.pg_parameter_acl AS o", f"o.parname = {literal(plain)}", ""
    if keyword in ("TABLE", "SEQUENCE"):
        kind = "s" if keyword == "SEQUENCE" else "r"
        catalog, acl, owner = "pg_class", "relacl", "relowner"
        found = f"o.oid = pg_catalog.to_regclass({literal(name)})"
    elif keyword in ("FUNCTION", "PROCEDURE"):
        kind, catalog, acl, owner = "f", "pg_proc", "proacl", "proowner"
        found = f"o.oid = pg_catalog.to_regprocedure({literal(name)})"
    elif keyword == "LARGE OBJECT":
        kind, catalog, acl, owner = "L", "pg_largeobject_metadata", "lomacl", "lomowner"
        found = f"o.oid = {literal(name)}::pg_catalog.oid"
    else:
        catalog, named, acl, kind, owner = _BY_NAME[keyword]
        found = f"pg_catalog.quote_ident(o.{named}) = {literal(name)}"
    return (
        f"coalesce(o.{acl}, pg_catalog.acldefault('{kind}', o.{owner}))",
        f"pg_catalog.{catalog} AS o",
        found,
        f"o.{owner}",
    )
