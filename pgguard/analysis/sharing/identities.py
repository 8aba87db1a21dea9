"""Whose an authenticated identity is: a person's, or a machine's, a program's, an operating system's."""

from __future__ import annotations

import re

from pgguard.analysis.people import is_program

# methods that prove somebody else than the login itself (manual, 20.3)
IDENTIFYING = frozenset({"cert", "gss", "sspi", "ldap", "ident", "peer", "pam", "radius", "bsd", "oauth"})
# accounts of an operating system that nobody sits at
SYSTEM_ACCOUNTS = frozenset(
    {"root", "postgres", "backup", "barman", "www-data", "nagios", "zabbix", "daemon", "nobody", "pgbackrest"}
)
# distinguished names come as RFC 2253 writes them, and with slashes from pg_stat_ssl
_NAME = re.compile(r"(?:^|[,/])\s*(?:cn|uid)\s*=\s*((?:\\.|[^,/\\])+)", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9*-]+(?:\.[a-z0-9-]+){2,}", re.IGNORECASE)
# a machine's account of a directory, and a principal whose instance is a host (RFC 4120, 6.2.1)
_MACHINE_ACCOUNT = re.compile(r"\$(?:@|\Z)|^host/|^[^@=,/]+/[^@/]*\.", re.IGNORECASE)


def person(identity: str, method: str) -> str:
    """The name of the person who authenticated, the same however it is written; empty where it is nobody.

    Machines, services and accounts of the operating system are nobody.
    """
    name = plain(identity)
    if not name or name in SYSTEM_ACCOUNTS or is_program(name) or _MACHINE_ACCOUNT.search(identity):
        return ""
    # users' names may have as many dots as hosts' have; only certificates are given to hosts
    return "" if method == "cert" and _HOST.fullmatch(name) else name


def plain(identity: str) -> str:
    """A principal, a distinguished name or a system user as the name in it, in lower case."""
    found = _NAME.search(identity)
    name = found[1].replace("\\", "") if found else identity.rpartition("\\")[2].partition("/")[0]
    return name.partition("@")[0].strip().lower()
