"""Ways in that moved between two sets of rules, against the rule that decides for each single connection."""

from __future__ import annotations

import os
import random
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from pgguard.analysis.addresses import single
from pgguard.analysis.admission import obstacles
from pgguard.analysis.drift.authentication import Demand, moves
from pgguard.analysis.drift.comparison import compared
from pgguard.analysis.hba.explain import Connection, first_match
from pgguard.analysis.hba.index import REPLICATION
from pgguard.analysis.hba.rules import LOCAL, PLAIN, SOCKET, TLS, proves_certificate, wants_certificate
from pgguard.model.policy import Policy
from tests.analysis.hba_snapshots import role, snapshot

if TYPE_CHECKING:
    from pgguard.model.snapshot import Snapshot

ROUNDS = 400 if os.environ.get("PGGUARD_LONG") else 40
LOGINS = ("ann", "bob", "carl", "dora", "standby")
DATABASES = ("lab", "archive", "postgres")
PLACES = ("10.0.0.1", "10.1.2.3", "10.1.9.9", "192.168.0.1", "203.0.113.5", "::1", "fe80::7")
NETWORKS = ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "192.168.0.1/32", "0.0.0.0/0", "::/0", "all")
METHODS = ("trust", "reject", "md5", "scram-sha-256", "password", "cert", "trust clientcert=verify-full")


def _rule(dice: random.Random) -> str:
    kind = dice.choice(["local", "host", "host", "hostssl", "hostnossl"])
    databases = dice.choice(["all", "all", "lab", "lab,archive", "replication", "sameuser"])
    users = dice.choice(["all", "all", "ann", "bob,carl", "+team", "+night"])
    address = "" if kind == "local" else dice.choice(NETWORKS)
    return " ".join(part for part in (kind, databases, users, address, dice.choice(METHODS)) if part)


def _cluster(lines: list[str], dice: random.Random) -> Snapshot:
    roles = [role(name, number) for number, name in enumerate(LOGINS[:-1])]
    roles.append(role(LOGINS[-1], len(roles), replication=True))
    roles += [role("team", 90, login=False), role("night", 91, login=False)]
    members = {name: dice.sample(LOGINS, 2) for name in ("team", "night")}
    return snapshot(lines, roles=roles, memberships=members, databases=DATABASES)


def _decided(side: Snapshot, connection: Connection) -> Demand | None:
    """What is asked of one connection, None where it is turned away."""
    rule = first_match(side, connection).rule
    who = side.role(connection.user)
    if rule is None or who is None or any(obstacles(side, who, connection.database, rule)):
        return None
    options = tuple(sorted(rule.options))
    return Demand(rule.method, options, proves_certificate(rule), wants_certificate(rule))


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_moved_is_what_is_decided_otherwise(number: int) -> None:
    dice = random.Random(f"drift hba {number}")  # noqa: S311
    lines = [_rule(dice) for _ in range(dice.randint(2, 8))]
    changed = list(lines)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(changed) + 1)
        if dice.random() < 0.5 and changed:
            changed[min(at, len(changed) - 1)] = _rule(dice)
        else:
            changed.insert(at, _rule(dice))
    before = _cluster(lines, dice)
    after = _cluster(changed, dice if dice.random() < 0.5 else random.Random(number))  # noqa: S311
    found = list(moves(compared(before, after, Policy())))
    moved = 0
    for user in LOGINS:
        for database in (*DATABASES, REPLICATION):
            for way, place in [
                (LOCAL, SOCKET),
                *((way, single(at)) for way in (PLAIN, TLS) for at in PLACES),
            ]:
                connection = Connection(user, database, way, place)
                expected = (_decided(before, connection), _decided(after, connection))
                said = [
                    (one.was, one.now)
                    for one in found
                    if user in one.logins
                    and database in one.databases
                    and way in one.ways
                    and place.within(one.addresses)
                ]
                moved += len(said)
                assert said == ([] if expected[0] == expected[1] else [expected]), connection
    print(f"{moved} ways in moved")


def test_most_rounds_move_something() -> None:
    dice = random.Random("drift hba")  # noqa: S311
    sides = [_cluster([_rule(dice) for _ in range(6)], dice) for _ in range(20)]
    moved = [list(moves(compared(*pair, Policy()))) for pair in pairwise(sides)]
    assert sum(1 for one in moved if one) > len(moved) / 2
