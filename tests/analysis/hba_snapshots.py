"""Snapshots of clusters that exist on paper only: as much of one as the questions about pg_hba.conf need."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from pgguard.model import rows
from pgguard.model.snapshot import Missing, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_ACL = rows.Acl("{=Tc/postgres}", (rows.Grant("public", "CONNECT", False, "postgres"),))
NOW = "2026-01-01T00:00:00.000000Z"


def role(name: str, number: int = 0, **given: Any) -> rows.Role:
    """A role that can log in and nothing more, but for what is given."""
    plain: dict[str, Any] = {
        **dict.fromkeys(rows.Role._fields, False),
        "oid": 20000 + number,
        "name": name,
        "login": True,
        "inherit": True,
        "connection_limit": -1,
        "valid_until": "",
    }
    return rows.Role(**{**plain, **given})


def rule(number: int, text: str) -> rows.HbaRule:
    """A rule from its line; words are not quoted, and masks are prefixes."""
    kind, databases, users, *rest = text.split()
    address = "" if kind == "local" else rest.pop(0)
    netmask = ""
    if "/" in address:
        network = ipaddress.ip_interface(address)
        address, netmask = str(network.ip), str(network.netmask)
    return rows.HbaRule(
        number,
        "",
        number,
        kind,
        tuple(databases.split(",")),
        tuple(users.split(",")),
        address,
        netmask,
        rest[0],
        tuple(sorted(rest[1:])),
        "",
    )


def snapshot(
    lines: Sequence[str],
    *,
    roles: Iterable[str | rows.Role] = (),
    memberships: Mapping[str, Iterable[str]] | None = None,
    databases: Iterable[str] = ("postgres",),
    major: int = 16,
    ssl: bool = True,
    **sections: Any,
) -> Snapshot:
    """A cluster with those rules; `memberships` tells of each group its members."""
    made = [one if isinstance(one, rows.Role) else role(one, number) for number, one in enumerate(roles)]
    known: dict[str, Any] = {
        "server_rows": (
            rows.Server(
                major * 10000, str(major), NOW, NOW, NOW, False, "postgres", True, True, True, "", 5432
            ),
        ),
        "roles": tuple(made),
        "verifiers": tuple(rows.Verifier(one.name, "scram-sha-256", 4096) for one in made if one.login),
        "memberships": tuple(
            rows.Membership(group, member, "postgres", False, True, True)
            for group, some in (memberships or {}).items()
            for member in some
        ),
        "settings": (rows.Setting("ssl", "on" if ssl else "off", "", "", "", "", "", False, False),),
        "hba_rules": tuple(rule(number, line) for number, line in enumerate(lines, 1)),
        "hba_quotes": (),
        "databases": tuple(
            rows.Database(number, name, "postgres", _ACL.key, True, -1, False, "UTF8")
            for number, name in enumerate(databases)
        ),
        "cluster_acls": (_ACL,),
        "config_files": Missing("there is no server"),
        "sessions": (),
    }
    return Snapshot({**known, **sections}, [])
