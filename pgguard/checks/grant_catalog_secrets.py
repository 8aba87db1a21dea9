"""A login that is not superuser can read password verifiers, stored passwords or the server's files.

Why it matters: with the verifiers it guesses or replays every colleague's password; with pg_read_file
it reads the tables of patients as files, past all grants.

How to fix: REVOKE the grant named in the evidence, or drop the view; a monitoring account needs
pg_monitor and nothing else.

Silent when: PostgreSQL's own grants; declared administrators; what an inspection needs (the rules of
pg_hba.conf, names in configuration files) for a declared service. Other secrets are only low there,
and the configuration is only low for everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.bearers import Holding, bearers
from pgguard.analysis.catalog import columns
from pgguard.analysis.granted import of_column, of_function, of_relation
from pgguard.analysis.names import shorten
from pgguard.analysis.secret_views import secret_views
from pgguard.model.finding import Finding, Severity, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.CRITICAL
references = (
    "NIST AC-6",
    "NIST IA-5",
    "PostgreSQL manual, 52.8 pg_authid",
)
# table or view of pg_catalog -> what it shows, and the columns that show it (none: all of them)
_SECRETS: dict[str, tuple[str, frozenset[str]]] = {
    "pg_authid": ("password verifiers", frozenset({"rolpassword"})),
    "pg_shadow": ("password verifiers", frozenset({"passwd"})),
    "pg_user_mapping": ("passwords for other servers", frozenset({"umoptions"})),
    "pg_subscription": ("passwords of replication", frozenset({"subconninfo"})),
    "pg_largeobject": ("the content of all large objects", frozenset({"data"})),
    "pg_statistic": (
        "samples of every column's values",
        frozenset({f"stavalues{number}" for number in range(1, 6)}),
    ),
    "pg_statistic_ext_data": ("samples of columns' values", frozenset({"stxdmcv", "stxdexpr"})),
}
_CONFIGURATION: dict[str, tuple[str, frozenset[str]]] = {
    "pg_hba_file_rules": ("the rules of pg_hba.conf", frozenset({"options"})),
    "pg_file_settings": ("the configuration files", frozenset({"setting"})),
}
# of these PostgreSQL 10 judges the caller itself, and grants change nothing
_FILES = frozenset({"pg_read_file", "pg_read_binary_file", "lo_import", "lo_export"})
_LISTINGS = frozenset({"pg_ls_dir"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    secrets: list[Holding] = []
    configuration: list[Holding] = []
    for database in snapshot.inspected:
        for relation in database.relations:
            if relation.system and relation.name in _SECRETS:
                secrets += _readers(database, relation, *_SECRETS[relation.name])
            elif relation.system and relation.name in _CONFIGURATION:
                configuration += _readers(database, relation, *_CONFIGURATION[relation.name])
        for view, handed in secret_views(
            snapshot, database, {name: of for name, (_, of) in _SECRETS.items()}
        ):
            tables = sorted(frozenset().union(*handed.values()))
            what = shorten([_SECRETS[name][0] for name in tables])
            secrets += _readers(database, view, f"a view of {what}", frozenset(handed))
        if snapshot.major >= 11:
            secrets += _callers(snapshot, database, _FILES)
            configuration += _callers(snapshot, database, _LISTINGS)
    told = set()
    for bearer in bearers(snapshot, secrets, policy.is_administrator):
        told.add(bearer.name)
        services = bool(bearer.logins) and all(policy.is_service(login) for login in bearer.logins)
        yield Finding(
            Subject("role", bearer.name),
            f"{bearer.name} can read {bearer.told()}",
            severity=Severity.LOW if services else None,
            fix=bearer.fix(),
        )
    for bearer in bearers(snapshot, configuration, policy.is_declared):
        if bearer.name not in told:
            yield Finding(
                Subject("role", bearer.name),
                f"{bearer.name} can read {bearer.told()}",
                severity=Severity.LOW,
                fix=bearer.fix(),
            )


def _readers(
    database: DatabaseSnapshot, relation: Relation, what: str, secret: frozenset[str]
) -> Iterator[Holding]:
    whole = of_relation(database, relation)
    parts = [
        of_column(database, relation, column)
        for column in columns(database, relation.oid)
        if column.acl and column.name in secret
    ]
    for thing in (whole, *parts):
        for grant in thing.grants:
            if grant.privilege == "SELECT" and grant.grantee != relation.owner:
                fix = thing.take_back(grant.grantee, ["SELECT"], database=database.name)
                yield Holding(grant.grantee, f"{thing.told} ({what})", fix)


def _callers(snapshot: Snapshot, database: DatabaseSnapshot, names: frozenset[str]) -> Iterator[Holding]:
    for function in database.functions:
        if not function.system or function.name not in names:
            continue
        thing = of_function(database, function)
        for grant in thing.grants:
            # what PostgreSQL grants its own predefined roles is theirs
            role = snapshot.role(grant.grantee)
            if grant.grantee == function.owner or (role is not None and role.predefined):
                continue
            fix = thing.take_back(grant.grantee, ["EXECUTE"], database=database.name)
            yield Holding(grant.grantee, f"files of the server ({function.name})", fix)
