"""A password or a key of an application stands in stored SQL.

Why it matters: function bodies, views, defaults and comments are open to every login and travel in every
dump; the password opens another system, or this one, to whoever reads it.

How to fix: take it out (CREATE OR REPLACE, ALTER ... DROP DEFAULT, COMMENT ... IS NULL), change it where it
is valid, because it has been seen, and have the application bring it from its secret store.

Silent when: placeholders and parameters. Keys in calls of pgcrypto are told of by enc-key-in-database,
passwords in dblink calls, user mappings and subscriptions by ext-stored-secret. Job tables (pg_cron, pgAgent)
are not read, and functions in other languages than SQL and PL/pgSQL neither, which is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis import catalog
from pgguard.analysis.embedded import (
    SECRET,
    SECRET_PATTERN,
    SECRET_WORDS,
    config_secrets,
    is_key_name,
    secrets,
)
from pgguard.analysis.names import function_name, function_subject, relation_name
from pgguard.analysis.places import place, server_subject
from pgguard.analysis.reading import complete
from pgguard.changes.secrets import (
    drop_comment,
    drop_default,
    drop_domain_default,
    relation_keyword,
    reset_parameter,
)
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.embedded import Secret
    from pgguard.model.finding import Change, Subject
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.CRITICAL
references = (
    "NIST IA-5",
    "CWE-798",
    "PostgreSQL manual, 52.39 pg_proc",
)


class _Told(NamedTuple):
    text: str
    fix: Change | None


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        found: dict[Subject, list[_Told]] = {}
        for secret in secrets(database):
            if secret.check == "embedded":
                subject, what = place(database, secret.definition)
                text = secret.what if secret.definition.kind == "function" else f"{what} holds {secret.what}"
                found.setdefault(subject, []).append(_Told(text, _fix(database, secret, subject)))
        for function, parameter in config_secrets(database):
            if not is_key_name(parameter):
                change = reset_parameter(
                    function_name(function), parameter, procedure=function.kind == "p", database=database.name
                )
                told = _Told(f"its SET clause holds parameter {parameter}", change)
                found.setdefault(function_subject(database, function), []).append(told)
        for server in database.foreign_servers:
            for option in server.options:
                name, _, value = option.partition("=")
                if value == SECRET:
                    told = _Told(f"option {ident(name)} of the foreign server holds a secret", None)
                    found.setdefault(server_subject(database, server.name), []).append(told)
        for subject, some in found.items():
            fixes = tuple(dict.fromkeys(one.fix for one in some if one.fix is not None))
            # a fix that leaves another secret where it is would look like one
            whole = all(one.fix is not None for one in some)
            yield Finding(
                subject, "; ".join(dict.fromkeys(one.text for one in some)), fix=fixes if whole else ()
            )
        complete(database, SECRET_WORDS, SECRET_PATTERN)


def _fix(database: DatabaseSnapshot, secret: Secret, subject: Subject) -> Change | None:
    definition = secret.definition
    if definition.kind == "default":
        relation = catalog.relations(database)[definition.oid]
        for column in catalog.columns(database, relation.oid):
            if column.number == definition.number and not column.generated:
                return drop_default(relation_name(relation), column.name, database=database.name)
    if definition.kind == "domain" and subject.kind == "relation":
        return drop_domain_default(subject.name, database=database.name)
    if definition.kind == "comment":
        if subject.kind == "relation" and definition.catalog == "pg_type":
            return drop_comment(f"TYPE {subject.name}", database=database.name)
        if subject.kind == "relation" and definition.catalog == "pg_class":
            keyword = relation_keyword(catalog.relations(database)[definition.oid].kind)
            return drop_comment(f"{keyword} {subject.name}", database=database.name)
        if subject.kind in ("column", "schema"):
            return drop_comment(f"{subject.kind.upper()} {subject.name}", database=database.name)
        if subject.kind == "function":
            kind = catalog.functions(database)[definition.oid].kind
            keyword = {"p": "PROCEDURE", "a": "AGGREGATE"}.get(kind, "FUNCTION")
            return drop_comment(f"{keyword} {subject.name}", database=database.name)
    return None
