"""Steps back into the server from itself: dblink's function that asks for no password, and pg_hba.conf.

dblink_connect_u connects as the server's own account. By default nobody but superusers may call it
(manual, F.12 dblink_connect_u); who may, is whoever pg_hba.conf lets in from there without a password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.addresses import parse
from pgguard.analysis.escalation.functions import sql_name
from pgguard.analysis.escalation.graph import SUPERUSER
from pgguard.analysis.escalation.holders import granted
from pgguard.analysis.hba.explain import Connection, first_match
from pgguard.analysis.hba.rules import LOCAL, PLAIN, SOCKET
from pgguard.analysis.settings import listeners
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.escalation.graph import Edge
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

_FUNCTION = "dblink_connect_u"


def edges(snapshot: Snapshot, database: DatabaseSnapshot) -> Iterator[Edge]:
    """The steps of those who were granted dblink_connect_u.

    Raises `Unread` when there is such a grant and pg_hba.conf could not be read.
    """
    for function in database.functions:
        if function.name != _FUNCTION or function.extension != "dblink":
            continue
        grants = [one for one in database.grants(function.acl) if one.grantee != function.owner]
        victim = _let_in(snapshot, database.name) if grants else ""
        if victim:
            yield from granted(
                snapshot,
                database,
                grants,
                "EXECUTE",
                sql_name(function),
                function.owner,
                function.schema,
                SUPERUSER,
                kind="loopback",
                what=f", and superuser {ident(victim)} gets in from the server itself without a password",
            )


def _let_in(snapshot: Snapshot, database: str) -> str:
    """A superuser whom the server's account logs in as, the one that initdb made first; empty for none."""
    for role in sorted(snapshot.roles, key=lambda one: (not one.bootstrap, one.name)):
        if not (role.superuser and role.login):
            continue
        methods = {"trust", "peer"} if role.bootstrap else {"trust"}
        ways = [(LOCAL, SOCKET)]
        if listeners(snapshot):
            ways.append((PLAIN, parse(["127.0.0.1"])))
        for way, address in ways:
            match = first_match(snapshot, Connection(role.name, database, way, address))
            if match.rule is not None and match.rule.method in methods:
                return role.name
    return ""
