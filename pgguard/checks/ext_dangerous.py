"""An extension that reaches outside the database is open to logins.

Why it matters: with it a login copies patients' data to another server, or reads and writes the
server's files, in one statement that no grant on the tables and no firewall between people and
database sees.

How to fix: REVOKE what the evidence names, DROP EXTENSION where nothing uses it, or declare it in the
policy ([allow] extensions).

Silent when: superusers and declared administrators alone can use it, as with adminpack before 2.0;
extensions that the policy allows. lo is only low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.able import able, callers
from pgguard.analysis.names import extension_subject, function_name, shorten
from pgguard.analysis.privileges import of_other
from pgguard.changes.privileges import revoke
from pgguard.model.finding import Change, Finding, Severity
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Grant
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.MEDIUM
references = (
    "CIS-PG 4",
    "NIST CM-7",
    "PostgreSQL manual, Appendix F Additional Supplied Modules",
)


class Reach(NamedTuple):
    """What an extension's functions of these names do for whoever can call them."""

    names: frozenset[str]
    effect: str
    severity: Severity


_FUNCTIONS = {
    "dblink": Reach(
        frozenset({"dblink", "dblink_connect", "dblink_connect_u", "dblink_exec"}),
        "sends data to any server that it can reach",
        Severity.MEDIUM,
    ),
    "http": Reach(
        frozenset({"http", "http_get", "http_post", "http_put", "http_patch", "http_delete"}),
        "sends data to any web server",
        Severity.MEDIUM,
    ),
    "pg_net": Reach(
        frozenset({"http_get", "http_post", "http_delete"}), "sends data to any web server", Severity.MEDIUM
    ),
    "adminpack": Reach(
        frozenset({"pg_file_write", "pg_file_rename", "pg_file_unlink", "pg_file_read", "pg_logdir_ls"}),
        "reads, writes and renames the server's files",
        Severity.HIGH,
    ),
    "lo": Reach(frozenset({"lo_manage", "lo_oid"}), "handles large objects", Severity.LOW),
}
_UNCONFINED = frozenset({"plperlu", "plpython3u", "plpython2u", "plpythonu", "pltclu", "plsh", "plr"})


class Use(NamedTuple):
    """One way in which logins can use an extension."""

    extension: str
    what: str
    severity: Severity
    fix: Change


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        uses: dict[str, list[Use]] = {}
        for use in (
            *_functions(snapshot, database, policy),
            *_wrappers(snapshot, database, policy),
            *_languages(snapshot, database, policy),
        ):
            if use.extension and use.extension not in policy.allow.extensions:
                uses.setdefault(use.extension, []).append(use)
        for extension, found in uses.items():
            yield Finding(
                extension_subject(database, extension),
                "; ".join(dict.fromkeys(use.what for use in found)),
                severity=max(use.severity for use in found),
                fix=tuple(dict.fromkeys(use.fix for use in found)),
            )


def _functions(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[Use]:
    # up to 1.1, which 10 installs and pg_upgrade keeps, adminpack asks for a superuser itself
    harmless = {
        row.name for row in database.extensions if row.name == "adminpack" and row.version[:2] == "1."
    }
    for function in database.functions:
        reach = _FUNCTIONS.get(function.extension)
        if reach is None or function.name not in reach.names or function.extension in harmless:
            continue
        logins = callers(snapshot, database, function)
        grants = database.grants(function.acl)
        who = _who(policy, logins, grants)
        if who:
            for name in _grantees(grants, function.owner):
                yield Use(
                    function.extension,
                    f"{who} can call {function.name}(), which {reach.effect}",
                    reach.severity,
                    revoke(["EXECUTE"], f"FUNCTION {function_name(function)}", name, database=database.name),
                )


def _wrappers(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[Use]:
    extensions = {row.name: row.extension for row in database.foreign_data_wrappers}
    things = [
        ("FOREIGN DATA WRAPPER", "foreign data wrapper", row.name, row.owner, row.acl, row.extension)
        for row in database.foreign_data_wrappers
    ]
    things += [
        ("FOREIGN SERVER", "foreign server", row.name, row.owner, row.acl, "file_fdw")
        for row in database.foreign_servers
        if extensions.get(row.wrapper) == "file_fdw"
    ]
    for keyword, kind, name, owner, acl, extension in things:
        logins = able(snapshot, database, of_other(database, kind, ident(name), owner, acl), "USAGE")
        who = _who(policy, logins, database.grants(acl))
        files = extension == "file_fdw"
        effect = "reads the server's files" if files else "connects to servers of its own choice"
        if who:
            for grantee in _grantees(database.grants(acl), owner):
                yield Use(
                    extension,
                    f"{who} can use {kind} {ident(name)}, which {effect}",
                    Severity.MEDIUM,
                    revoke(["USAGE"], f"{keyword} {ident(name)}", grantee, database=database.name),
                )


def _languages(snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy) -> Iterator[Use]:
    for row in database.languages:
        if row.name not in _UNCONFINED or not row.trusted:
            continue
        thing = of_other(database, "language", ident(row.name), row.owner, row.acl)
        who = _who(policy, able(snapshot, database, thing, "USAGE"), database.grants(row.acl))
        if who:
            for grantee in _grantees(database.grants(row.acl), row.owner):
                yield Use(
                    row.extension or row.name,
                    f"{who} can write functions in {ident(row.name)}, which run as the server's own account: "
                    "somebody declared it trusted",
                    Severity.HIGH,
                    revoke(["USAGE"], f"LANGUAGE {ident(row.name)}", grantee, database=database.name),
                )


def _who(policy: Policy, logins: frozenset[str], grants: Sequence[Grant]) -> str:
    """Who it is in words; empty when nobody can but superusers and declared administrators."""
    others = sorted(login for login in logins if not policy.is_administrator(login))
    if not others:
        return ""
    if any(grant.grantee == PUBLIC for grant in grants):
        return "every login"
    return shorten([ident(login) for login in others], 3)


def _grantees(grants: Sequence[Grant], owner: str) -> list[str]:
    return list(dict.fromkeys(grant.grantee for grant in grants if grant.grantee != owner))
