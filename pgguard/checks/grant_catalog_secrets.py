"""A login that is not superuser can read password verifiers, stored passwords or the server's files.

Why it matters: with the verifiers it guesses or replays every colleague's password; with pg_read_file
it reads the tables of patients as files, past all grants.

How to fix: REVOKE the grant named in the evidence; a monitoring account needs pg_monitor and nothing
else.

Silent when: PostgreSQL's own grants; declared administrators; a declared service is only low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.membership import login_heirs
from pgguard.analysis.names import function_name, shorten
from pgguard.changes.privileges import revoke
from pgguard.model.finding import Change, Finding, Severity, Subject
from pgguard.model.quote import grantee, ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.CRITICAL
references = (
    "NIST AC-6",
    "NIST IA-5",
    "PostgreSQL manual, 52.8 pg_authid",
)
_TABLES = {
    "pg_authid": "password verifiers",
    "pg_shadow": "password verifiers",
    "pg_user_mapping": "passwords for other servers",
    "pg_subscription": "passwords of replication",
    "pg_largeobject": "the content of all large objects",
    "pg_statistic": "samples of every column's values",
    "pg_hba_file_rules": "the rules of pg_hba.conf with their passwords",
    "pg_file_settings": "the server's configuration files",
}
_FUNCTIONS = frozenset(
    {
        "pg_read_file",
        "pg_read_binary_file",
        "pg_ls_dir",
        "lo_import",
        "lo_export",
        "pg_file_read",
        "pg_file_write",
        "pg_hba_file_rules",
        "pg_current_logfile_read",
        "pg_logfile_rotate_v2",
    }
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    held: dict[str, list[str]] = {}
    fixes: dict[str, list[Change]] = {}
    for database in snapshot.inspected:
        columns: dict[int, list[tuple[str, str]]] = {}
        for column in database.columns:
            if column.acl:
                columns.setdefault(column.relation, []).append((column.name, column.acl))
        for relation in database.relations:
            if not relation.system or relation.name not in _TABLES:
                continue
            name = f"pg_catalog.{relation.name}"
            for grant in database.grants(relation.acl):
                if grant.privilege == "SELECT" and grant.grantee != relation.owner:
                    held.setdefault(grant.grantee, []).append(f"{name} ({_TABLES[relation.name]})")
                    fixes.setdefault(grant.grantee, []).append(
                        revoke(["SELECT"], f"TABLE {name}", grant.grantee, database=database.name)
                    )
            for column_name, acl in columns.get(relation.oid, ()):
                for grant in database.grants(acl):
                    if grant.privilege == "SELECT" and column_name in _SECRET_COLUMNS:
                        held.setdefault(grant.grantee, []).append(
                            f"{name}.{column_name} ({_TABLES[relation.name]})"
                        )
                        fixes.setdefault(grant.grantee, []).append(
                            revoke(
                                ["SELECT"],
                                f"TABLE {name}",
                                grant.grantee,
                                database=database.name,
                                columns=[column_name],
                            )
                        )
        for function in database.functions:
            if function.name in _FUNCTIONS and (function.system or function.extension == "adminpack"):
                for grant in database.grants(function.acl):
                    if grant.grantee != function.owner and not _predefined(snapshot, grant.grantee):
                        held.setdefault(grant.grantee, []).append(f"EXECUTE on {function.name}")
                        fixes.setdefault(grant.grantee, []).append(
                            revoke(
                                ["EXECUTE"],
                                f"FUNCTION {function_name(function)}",
                                grant.grantee,
                                database=database.name,
                            )
                        )
    for name, what in sorted(held.items()):
        users = [one for one in login_heirs(snapshot, name) if not policy.is_administrator(one)]
        if name != PUBLIC and not users:
            continue
        by = "" if users == [name] else f", held by {shorten([ident(user) for user in users], 3)}"
        services = bool(users) and all(policy.is_service(one) for one in users)
        yield Finding(
            Subject("role", grantee(name)),
            f"{grantee(name)} can read {shorten(sorted(set(what)), 3)}{by}",
            severity=Severity.LOW if services else None,
            fix=tuple(dict.fromkeys(fixes[name])),
        )


_SECRET_COLUMNS = frozenset({"rolpassword", "passwd", "umoptions", "subconninfo", "data", "options"})


def _predefined(snapshot: Snapshot, name: str) -> bool:
    role = snapshot.role(name)
    return role is not None and role.predefined
