"""SQL expressions that tell how the catalog looks: true or false, for any login, changing nothing.

They are what migrations assert before and after. ACLs are spelled out with the defaults that stand for
NULL (manual, aclexplode and acldefault); names are compared as quote_ident writes them.
"""

from __future__ import annotations

from pgguard.model.quote import literal

# keyword of GRANT -> catalog, its condition on the name, ACL, kind for acldefault, owner
_BY_NAME = {
    "SCHEMA": ("pg_namespace", "nspname", "nspacl", "n", "nspowner"),
    "DATABASE": ("pg_database", "datname", "datacl", "d", "datdba"),
    "LANGUAGE": ("pg_language", "lanname", "lanacl", "l", "lanowner"),
    "FOREIGN DATA WRAPPER": ("pg_foreign_data_wrapper", "fdwname", "fdwacl", "F", "fdwowner"),
    "FOREIGN SERVER": ("pg_foreign_server", "srvname", "srvacl", "S", "srvowner"),
    "TABLESPACE": ("pg_tablespace", "spcname", "spcacl", "t", "spcowner"),
}


def has_grant(keyword: str, name: str, grantee: str, privilege: str, *, column: str = "") -> str:
    """Whether the object's own ACL gives the privilege to that grantee, whoever granted it.

    `keyword` and `name` are what GRANT says (TABLE lab.patient, FUNCTION lab.f(integer)).
    """
    if grantee == "public":
        who = "e.grantee = 0"
    else:
        who = f"pg_catalog.pg_get_userbyid(e.grantee) = {literal(grantee)}"
    acl, source = _acl(keyword, name, column)
    return (
        f"EXISTS (SELECT FROM {source}, LATERAL pg_catalog.aclexplode({acl}) AS e "
        f"WHERE {who} AND e.privilege_type = {literal(privilege)})"
    )


def has_default_grant(role: str, schema: str, kind: str, grantee: str, privilege: str) -> str:
    """Whether ALTER DEFAULT PRIVILEGES gives the privilege; `kind` as pg_default_acl has it (r, S, f, n)."""
    where = "d.defaclnamespace = 0"
    if schema:
        where = (
            "d.defaclnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n "
            f"WHERE n.nspname = {literal(schema)})"
        )
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_default_acl AS d, LATERAL pg_catalog.aclexplode(d.defaclacl) AS e "
        f"WHERE pg_catalog.pg_get_userbyid(d.defaclrole) = {literal(role)} AND {where} "
        f"AND d.defaclobjtype = {literal(kind)} "
        f"AND pg_catalog.pg_get_userbyid(e.grantee) = {literal(grantee)} "
        f"AND e.privilege_type = {literal(privilege)})"
    )


def role_is(role: str, condition: str = "") -> str:
    """Whether there is such a role; `condition` is about r, a row of pg_roles."""
    more = f" AND {condition}" if condition else ""
    return f"EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = {literal(role)}{more})"


def is_member(role: str, member: str) -> str:
    """Whether `member` was granted `role`, by whomever."""
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m "
        f"WHERE pg_catalog.pg_get_userbyid(m.roleid) = {literal(role)} "
        f"AND pg_catalog.pg_get_userbyid(m.member) = {literal(member)})"
    )


def has_setting(role: str, name: str, value: str, *, database: str = "") -> str:
    """Whether ALTER ROLE ... SET gave the role that value of the parameter."""
    where = "s.setdatabase = 0"
    if database:
        where = (
            "s.setdatabase = (SELECT d.oid FROM pg_catalog.pg_database AS d "
            f"WHERE d.datname = {literal(database)})"
        )
    return (
        f"EXISTS (SELECT FROM pg_catalog.pg_db_role_setting AS s WHERE {where} "
        f"AND pg_catalog.pg_get_userbyid(s.setrole) = {literal(role)} "
        f"AND {literal(f'{name}={value}')} = ANY (s.setconfig))"
    )


def policy_names(table: str, policy: str, role: str) -> str:
    """Whether a row security policy of the table (its quoted name) is for that role by name."""
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_policy AS p, LATERAL pg_catalog.unnest(p.polroles) AS u (role) "
        f"WHERE p.polrelid = pg_catalog.to_regclass({literal(table)}) AND p.polname = {literal(policy)} "
        f"AND pg_catalog.pg_get_userbyid(u.role) = {literal(role)})"
    )


def negated(expression: str) -> str:
    """The opposite."""
    return f"NOT {expression}"


def _acl(keyword: str, name: str, column: str) -> tuple[str, str]:
    """The ACL of o, and the FROM item that o is."""
    if column:
        where = f"a.attrelid = pg_catalog.to_regclass({literal(name)}) AND a.attname = {literal(column)}"
        return "o.attacl", f"(SELECT a.attacl FROM pg_catalog.pg_attribute AS a WHERE {where}) AS o"
    if keyword in ("TABLE", "SEQUENCE"):
        kind = "s" if keyword == "SEQUENCE" else "r"
        return (
            f"coalesce(o.relacl, pg_catalog.acldefault('{kind}', o.relowner))",
            f"(SELECT * FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass({literal(name)})) AS o",
        )
    if keyword in ("FUNCTION", "PROCEDURE"):
        which = f"oid = pg_catalog.to_regprocedure({literal(name)})"
        return (
            "coalesce(o.proacl, pg_catalog.acldefault('f', o.proowner))",
            f"(SELECT * FROM pg_catalog.pg_proc WHERE {which}) AS o",
        )
    if keyword == "PARAMETER":
        return (
            "o.paracl",
            f"(SELECT * FROM pg_catalog.pg_parameter_acl WHERE parname = {literal(name)}) AS o",
        )
    catalog, named, acl, kind, owner = _BY_NAME[keyword]
    return (
        f"coalesce(o.{acl}, pg_catalog.acldefault('{kind}', o.{owner}))",
        f"(SELECT * FROM pg_catalog.{catalog} WHERE pg_catalog.quote_ident({named}) = {literal(name)}) AS o",
    )
