"""The password of another server is stored in this database.

Why it matters: who reads it gets into the other server, past everything that guards the data there; dumps
carry it along.

How to fix: authenticate by certificate, GSSAPI or a password file of the server's account (passfile) where
the other side allows it; else keep the mapping for a role that no one logs in as, take USAGE on the server
from everybody else, and change the password. For dblink use a foreign server in place of a connection string.

Silent when: nothing of the kind is stored. Low where none but superusers can read it, as the connection
string of a subscription.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pgguard.analysis.able import able, acting_as
from pgguard.analysis.embedded import secrets
from pgguard.analysis.names import shorten
from pgguard.analysis.places import place, server_subject
from pgguard.analysis.privileges import of_other
from pgguard.analysis.reading import complete
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.rows import UserMapping
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.CRITICAL
references = (
    "NIST IA-5",
    "PostgreSQL manual, CREATE USER MAPPING",
    "PostgreSQL manual, F.12 dblink",
)
_OPTION = re.compile(r"passw|passphrase|passcode|pwd|secret|token|^pass$|api_?key", re.IGNORECASE)
_PUBLIC_OPTIONS = frozenset({"password_required"})


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    for database in snapshot.inspected:
        found: dict[Subject, list[str]] = {}
        for secret in secrets(database):
            if secret.check == "stored":
                found.setdefault(place(database, secret.definition)[0], []).append(secret.what)
        for subject, texts in found.items():
            yield Finding(subject, f"{'; '.join(dict.fromkeys(texts))}, which every login can read")
        yield from _mappings(snapshot, database)
        for subscription in database.subscriptions:
            if subscription.has_password:
                yield Finding(
                    Subject("publication", ident(subscription.name), database.name),
                    f"the connection string of subscription {ident(subscription.name)} holds a password; "
                    "superusers and dumps show it",
                    severity=Severity.LOW,
                )
        complete(database, ("dblink",))


def _mappings(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Finding]:
    by_server: dict[str, list[tuple[UserMapping, list[str]]]] = {}
    for mapping in database.user_mappings:
        stored = [
            name for name in mapping.option_names if _OPTION.search(name) and name not in _PUBLIC_OPTIONS
        ]
        if stored:
            by_server.setdefault(mapping.server, []).append((mapping, stored))
    for server, mappings in by_server.items():
        readers = [
            reader for mapping, _ in mappings for reader in sorted(_readers(snapshot, database, mapping))
        ]
        names = shorten([_mapped(mapping) for mapping, _ in mappings], 3)
        options = shorten(sorted({one for _, stored in mappings for one in stored}), 3)
        evidence = f"the user mapping of {names} stores {options}"
        if readers:
            shown = shorten(list(dict.fromkeys(map(ident, readers))), 3)
            yield Finding(server_subject(database, server), f"{evidence}, which {shown} can read")
        else:
            yield Finding(
                server_subject(database, server),
                f"{evidence}; only superusers and dumps show it",
                severity=Severity.LOW,
            )


def _readers(snapshot: Snapshot, database: DatabaseSnapshot, mapping: UserMapping) -> frozenset[str]:
    """Who sees the options in pg_user_mappings: the mapped role with USAGE on the server or its ownership;
    of the mapping for PUBLIC the server's owner (manual, 53.36 pg_user_mappings)."""
    for server in database.foreign_servers:
        if server.name == mapping.server:
            owners = acting_as(snapshot, database, server.owner)
            if mapping.role == PUBLIC:
                return owners
            thing = of_other(database, "foreign server", ident(server.name), server.owner, server.acl)
            users = able(snapshot, database, thing, "USAGE") | owners
            # the view compares the role's own name, which a member takes by SET ROLE
            return users & acting_as(snapshot, database, mapping.role)
    return frozenset()


def _mapped(mapping: UserMapping) -> str:
    return "PUBLIC" if mapping.role == PUBLIC else ident(mapping.role)
