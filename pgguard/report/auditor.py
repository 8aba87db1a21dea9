"""The login that inspections should use: not superuser, and sees what PostgreSQL lets it see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pgguard.model.quote import ident, literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.snapshot import Snapshot

ROLE = "pgguard_auditor"
_OLDEST = 10
_NEWEST = 18
# the databases are not known yet when this is written
_CONNECT_ANYWHERE = """SELECT format('GRANT CONNECT ON DATABASE %I TO %I', datname, {name})
FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate
\\gexec"""
# section -> what shows it, with the first version where that can be granted; pg_monitor gives the rest
_SHOWN_BY = {
    "hba_rules": (("SELECT", "pg_hba_file_rules", 10), ("EXECUTE", "pg_hba_file_rules()", 10)),
    "ident_rules": (("SELECT", "pg_ident_file_mappings", 15), ("EXECUTE", "pg_ident_file_mappings()", 15)),
    "file_settings": (("SELECT", "pg_file_settings", 10), ("EXECUTE", "pg_show_all_file_settings()", 10)),
    "config_files": (("EXECUTE", "pg_stat_file(text, boolean)", 11),),
}
_BY_MONITOR = {
    "sessions": "pg_read_all_stats",
    "statements": "pg_read_all_stats",
    "settings": "pg_read_all_settings",
    "files": "pg_read_all_settings",
}
# section -> why there is no GRANT for it
_NOT_GRANTED = {
    "verifiers": "whoever reads password verifiers (pg_authid) can guess passwords at leisure",
    "password_guesses": "whoever reads password verifiers (pg_authid) can guess passwords at leisure",
    "hba_quotes": "pg_read_binary_file reads every file of the server, the keys among them",
    "user_mappings": "the options of user mappings (pg_user_mapping) hold passwords of other servers",
    "planner_statistics": "the planner's statistics (pg_statistic) hold samples of patients' values",
    "subscriptions": "connection strings of subscriptions (pg_subscription.subconninfo) hold passwords",
}
_DENIED = re.compile(r"permission denied for (table|relation|view|function) (\w+)")
# names that a refusal holds in any language of the server's messages
_TOLD = re.compile(
    r"pg_(authid|hba_file_rules|ident_file_mappings|file_settings|show_all_file_settings|stat_file"
    r"|read_binary_file|read_all_settings|statistic|subscription)\b|user mappings|superuser"
)


def grants(snapshot: Snapshot | None, role: str = ROLE) -> str:
    """The SQL, for psql as superuser, of a login that inspects a cluster; running it again is harmless.

    It fits the snapshot's version and databases; without a snapshot it asks the server for both by
    itself. No password is in it. What is left out, and why, is said in comments; the last ones undo it.
    """
    name = ident(role)
    major = _NEWEST if snapshot is None else snapshot.major
    create = f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 3"
    if snapshot is None:
        connects = [_CONNECT_ANYWHERE.format(name=literal(role))]
        shown = [_by_version(line, since) for line, since in _all_grants(name)]
        member = ""
        undone = [f"REVOKE {line.removeprefix('GRANT ')}" for line, _ in _all_grants(name)]
        undone = [line.replace(f" TO {name};", f" FROM {name};") for line in undone]
        undone.append(f"REVOKE CONNECT ON DATABASE ... FROM {name};")
    else:
        connects = [
            f"GRANT CONNECT ON DATABASE {ident(row.name)} TO {name};"
            for row in snapshot.databases
            if row.allow_connections and row.name not in ("template0", "template1")
        ]
        shown = [line for section in _SHOWN_BY for line in _grants(section, name, snapshot.major)]
        member = " WITH INHERIT TRUE, SET FALSE" if snapshot.major >= 16 else ""
        undone = [_revoked(line, name) for line in (*shown, *connects)]
    which = "10 and later" if snapshot is None else str(snapshot.major)
    return "\n".join(
        (
            f"-- A login for pgguard, for PostgreSQL {which}: it changes nothing, and sees",
            "-- what an inspection needs, as far as PostgreSQL shows it to others than superusers. Run this",
            "-- with psql as superuser, in the database that pgguard connects to first: what is granted on",
            "-- catalogs counts in that database only.",
            "--     psql -X -v ON_ERROR_STOP=1 -d DATABASE -f THIS_FILE",
            "",
            "BEGIN;",
            f"SELECT {literal(create)}",
            f"WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {literal(role)})",
            "\\gexec",
            "",
            "-- All settings, all sessions, all statistics.",
            f"GRANT pg_monitor TO {name}{member};",
            "-- The configuration files as the server reads them, and when they changed.",
            *shown,
            "-- A session in each database, also where PUBLIC may not connect.",
            *connects,
            "COMMIT;",
            "",
            "-- Where pgguard's audit is installed: whether its triggers and seals are as they should be.",
            "-- The role reads no entry; it may seal them.",
            _comment(f"GRANT pgguard_audit_keeper TO {name};"),
            "",
            "-- Give it a password with psql's command, which sends no clear text, then let it in:",
            _comment(f"\\password {name}"),
            _comment(f"pg_hba.conf:  hostssl all {_hba_name(role)} ADDRESS scram-sha-256"),
            "-- and say in pgguard.toml what it is for:",
            "--     [[service]]",
            f"--     role = {_toml(role)}",
            '--     owner = "..."',
            '--     purpose = "security inspection"',
            "",
            "-- Not granted, so that checks which need it answer `unknown`, but when a superuser inspects:",
            *_left_out(major),
            "",
            "-- To undo it, in the same database:",
            *(_comment(line) for line in undone),
            _comment(f"DROP ROLE {name};"),
            "",
        )
    )


def _all_grants(name: str) -> Iterator[tuple[str, int]]:
    for shown in _SHOWN_BY.values():
        for privilege, what, since in shown:
            yield _grant(privilege, what, name), since


def _by_version(grant: str, since: int) -> str:
    if since <= _OLDEST:
        return grant
    version = f"current_setting('server_version_num')::integer >= {since * 10000}"
    return f"SELECT {literal(grant.removesuffix(';'))} WHERE {version} \\gexec"


def hint(section: str, reason: str, inspected_as: str) -> str:
    """What would let the inspecting role read a section that was not read; empty when no GRANT would.

    `reason` is the one that the snapshot gives. Ends without a full stop.
    """
    if "GRANT" in reason:
        return ""
    name = ident(inspected_as)
    if section in _NOT_GRANTED and _TOLD.search(reason):
        return f"inspect as a superuser: {_NOT_GRANTED[section]}, so that it is not to be granted"
    if "must be superuser to" in reason or "absolute path" in reason:
        return "inspect as a superuser: others may not see where this is kept"
    if section in _SHOWN_BY and ("permission denied" in reason or _TOLD.search(reason)):
        monitor = [f"GRANT pg_read_all_settings TO {name}"] if "pg_read_all_settings" in reason else []
        return "; ".join((*monitor, *(line.rstrip(";") for line in _grants(section, name, 99))))
    if section in _BY_MONITOR and "hides" in reason:
        return f"GRANT {_BY_MONITOR[section]} TO {name} (pg_monitor holds it)"
    if refused := _DENIED.search(reason):
        kind, what = refused.groups()
        privilege = "EXECUTE ON FUNCTION" if kind == "function" else "SELECT ON"
        return f"GRANT {privilege} pg_catalog.{what} TO {name}"
    return f"GRANT CONNECT ON this database TO {name}" if "may not connect" in reason else ""


def _comment(text: str) -> str:
    # a line's end in a name must not end the comment
    return "\n".join(f"--     {line}" for line in re.split(r"[\r\n]", text))


def _grants(section: str, name: str, major: int) -> Iterator[str]:
    for privilege, what, since in _SHOWN_BY[section]:
        if since <= major:
            yield _grant(privilege, what, name)


def _grant(privilege: str, what: str, name: str) -> str:
    kind = "FUNCTION " if privilege == "EXECUTE" else ""
    return f"GRANT {privilege} ON {kind}pg_catalog.{what} TO {name};"


def _revoked(grant: str, name: str) -> str:
    return grant.replace("GRANT", "REVOKE", 1).removesuffix(f" TO {name};") + f" FROM {name};"


def _left_out(major: int) -> Iterator[str]:
    for reason in dict.fromkeys(_NOT_GRANTED.values()):
        yield f"--   * {reason};"
    if major < 11:
        yield "--   * only a superuser may look at files before PostgreSQL 11."
    else:
        yield "--   * files outside of the data directory, as on Debian, take pg_read_server_files, which"
        yield "--     reads every file: when the configuration changed stays unknown there."


def _hba_name(role: str) -> str:
    # pg_hba.conf knows keywords and special first characters; double quotes take them away
    return f'"{role}"' if not re.fullmatch(r"[a-z_][a-z0-9_]*", role) or role == "all" else role


def _toml(text: str) -> str:
    escaped = "".join(
        f"\\{one}" if one in '"\\' else one if one.isprintable() else f"\\u{ord(one):04x}" for one in text
    )
    return f'"{escaped}"'
