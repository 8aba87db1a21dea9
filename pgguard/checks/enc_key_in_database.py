"""A key or passphrase for pgcrypto stands in the database beside the data that it encrypts.

Why it matters: every login reads function bodies and view definitions, every dump and backup holds them:
whoever takes the data takes the key along, and the encryption protects no patient.

How to fix: have the application pass the key as a bound parameter from its own secret store, replace this
key because it was seen, and encrypt the data anew. Reset tracked statements (pg_stat_statements_reset) after
that.

Silent when: keys come in as parameters, from current_setting or from a key table (which other checks look
at). Keys in ALTER ROLE ... SET are told of by role-secret-in-setting. Functions in other languages than SQL
and PL/pgSQL are not read, which is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.crypto import KEYS, key_uses, tracked_keys
from pgguard.analysis.embedded import config_secrets, is_key_name, secrets
from pgguard.analysis.names import extension_subject, function_subject
from pgguard.analysis.places import place
from pgguard.analysis.reading import complete
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.crypto import KeyUse
    from pgguard.model.finding import Subject
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.CRITICAL
references = (
    "NIST SC-12",
    "PostgreSQL manual, F.26.7 pgcrypto, Security Limitations",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        found: dict[Subject, list[str]] = {}
        for use in key_uses(database):
            subject, text = _told(database, use)
            found.setdefault(subject, []).append(text)
        for secret in secrets(database):
            if secret.check == "key":
                found.setdefault(place(database, secret.definition)[0], []).append(secret.what)
        for function, parameter in config_secrets(database):
            if is_key_name(parameter):
                subject = function_subject(database, function)
                found.setdefault(subject, []).append(f"its SET clause holds parameter {parameter}")
        for subject, texts in found.items():
            yield Finding(subject, "; ".join(dict.fromkeys(texts)))
        roles: dict[str, set[str]] = {}
        for role, name in tracked_keys(database):
            roles.setdefault(name, set()).add(role)
        if roles:
            told = [
                f"{name}() by {', '.join(map(ident, sorted(who)))}" for name, who in sorted(roles.items())
            ]
            yield Finding(
                extension_subject(database, "pg_stat_statements"),
                f"tracked statements hold the key given to {'; '.join(told)}",
            )
        complete(database, KEYS)


def _told(database: DatabaseSnapshot, use: KeyUse) -> tuple[Subject, str]:
    call, origin = use.call, use.argument.origin
    subject, what = place(database, call.definition)
    end = f"the key of {call.name}()" + (", which hands it on to pgcrypto" if use.through else "")
    if origin is None:
        empty = use.argument.text == ""
        return subject, f"{what} holds {'an empty text' if empty else 'a literal'} as {end}"
    holder = catalog.functions(database).get(origin.function)
    if origin.kind == "function" and holder is not None:
        return function_subject(database, holder), f"it gives {end} in {subject.name} as a literal"
    if origin.kind == "argument":
        return subject, f"the default of argument {ident(origin.name)} is {end}"
    return subject, f"variable {ident(origin.name)} holds {end} as a literal"
