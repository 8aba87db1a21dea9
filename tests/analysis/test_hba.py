"""pg_hba.conf on paper: every question answered by trying everything, on universes small enough for that."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.addresses import Addresses, single
from pgguard.analysis.hba import unauthenticated
from pgguard.analysis.hba.decisions import decisions
from pgguard.analysis.hba.explain import Connection, first_match
from pgguard.analysis.hba.index import REPLICATION, index, numbers
from pgguard.analysis.hba.patterns import matches
from pgguard.analysis.hba.rules import LOCAL, PLAIN, SOCKET, WAYS
from pgguard.analysis.hba.shadow import shadowed
from pgguard.analysis.hba.words import _fields
from pgguard.model import rows
from pgguard.model.snapshot import Missing
from tests.analysis.hba_snapshots import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import Snapshot

LONG = bool(os.environ.get("PGGUARD_LONG"))
# for each word that a rule may hold there is somebody whom it fits and no other word does
ROLES = ("a", "b", "of_g", "of_h", "both_g", "both_h", "xa", "y", "z", "g", "h", "fresh")
MEMBERSHIPS = {
    "g": ("a", "of_g", "h", "both_g"),
    "h": ("of_h", "both_h"),
    "fresh": ("z", "b", "xa", "both_g", "both_h"),
}
DATABASES = ("d", "e", "a", "xd", "fresh")
USER_WORDS = ("all", "all", "a", "b", "+g", "+h", "/^x")
DATABASE_WORDS = ("all", "all", "d", "e", "replication", "samerole", "/^x")
ADDRESSES = (
    "10.0.0.0/30",
    "10.0.0.0/31",
    "10.0.0.2/31",
    "10.0.0.1/32",
    "0.0.0.0/0",
    "all",
    "::/0",
    "::1/128",
)
TYPES = ("local", "host", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc")
POINTS = ("9.9.9.9", "10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "11.0.0.0", "::1", "::2")


@pytest.mark.parametrize("seed", range(120 if LONG else 12))
def test_what_everybody_gets_is_what_each_one_gets(seed: int) -> None:
    made = _random(seed, (*DATABASE_WORDS, "sameuser"))
    for asked in _everybody(made):
        found = [
            entry
            for entry in decisions(made)
            if asked.way in entry.ways
            and asked.user in entry.logins
            and asked.database in entry.databases
            and asked.address.within(entry.addresses)
        ]
        match = first_match(made, asked)
        streams = asked.database != REPLICATION
        expected = [match.rule] if match.rule is not None and streams else []
        assert [entry.rule for entry in found] == expected, asked


@pytest.mark.parametrize("seed", range(2000 if LONG else 60))
def test_rules_that_never_decide_are_those_that_nobody_reaches(seed: int) -> None:
    made = _random(seed, DATABASE_WORDS)
    reached = set()
    fitting: set[int] = set()
    known = index(made)
    for asked in _everybody(made):
        match = first_match(made, asked)
        if match.rule is not None:
            reached.add(match.rule.number)
        bits = known.of_user(asked.user) & known.of_database(
            asked.database, own=asked.user == asked.database, by_membership=_is_member(asked)
        )
        for number in numbers((bits & known.of_way(asked.way)).possible):
            if asked.address.within(known.fits[number].possible):
                fitting.add(known.rules[number].number)
    dead = {rule.number: {one.number for one in earlier} for rule, earlier in shadowed(made)}
    assert set(dead) == fitting - reached
    for number, takers in dead.items():
        assert takers
        assert max(takers) < number


def test_a_rule_waits_for_a_login_that_does_not_exist_yet() -> None:
    made = snapshot(
        ["host all later 10.0.0.0/8 scram-sha-256", "host all +none 10.0.0.0/8 trust"], roles=["a"]
    )
    assert shadowed(made) == ()
    assert unauthenticated(made) == ()


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        ('x x "x" x x', [[False], [False], [True], [False], [False]]),
        ('x "x",x, "x"\tx # x', [[False], [True, False, True], [False]]),
        ('x x"x x" x "" x', [[False], [False], [False], [True], [False]]),
        ('x @x,x "@x" @ x', [[False], [None, False], [True], [False], [False]]),
        ('x "x""x,x" x#x x', [[False], [True], [False]]),
        ("# x", []),
    ],
)
def test_quotes_are_seen_as_the_server_sees_them(shape: str, fields: list[list[bool | None]]) -> None:
    assert _fields(shape) == fields


def test_a_quoted_keyword_is_a_name() -> None:
    lines = ["host all all all reject", "host all all all trust"]
    plain = snapshot(lines, roles=["a"])
    assert not unauthenticated(plain)
    quoted = snapshot(lines, roles=["a"], hba_quotes=(rows.HbaQuotes("", 1, 'x x "x" x x'),))
    assert [entry.rule.number for entry in unauthenticated(quoted)] == [2]
    by_name = snapshot(lines, roles=["a"], hba_quotes=(rows.HbaQuotes("", 1, 'x x x "x" x'),))
    assert [entry.rule.number for entry in unauthenticated(by_name)] == [2]


def test_a_keyword_is_one_where_quotes_are_not_seen_unless_somebody_has_its_name() -> None:
    lines = ["host all all all reject", "host all all all trust"]
    unseen = Missing("permission denied")
    assert not unauthenticated(snapshot(lines, roles=["a"], hba_quotes=unseen))
    assert unauthenticated(snapshot(lines, roles=["a", "all"], hba_quotes=unseen))
    databases = ("postgres", "replication")
    streaming = ["host replication a all trust", "host all a all reject"]
    found = unauthenticated(snapshot(streaming, roles=["a"], databases=databases, hba_quotes=unseen))
    assert [(entry.databases, entry.open) for entry in found] == [(("replication",), True)]


def test_continued_lines_are_one_from_14_on() -> None:
    quotes = (rows.HbaQuotes("", 1, "x x \\"), rows.HbaQuotes("", 2, ' "x" x x'))
    lines = ["host all all all reject", "host all all all trust"]
    assert unauthenticated(snapshot(lines, roles=["a"], hba_quotes=quotes, major=14))
    assert not unauthenticated(snapshot(lines, roles=["a"], hba_quotes=quotes, major=13))


def test_what_the_snapshot_cannot_tell_takes_nothing_away() -> None:
    for address in ("samenet", "samehost", "lab.example.org", ".example.org"):
        made = snapshot([f"host all all {address} reject", "host all all 10.0.0.0/8 trust"], roles=["a"])
        assert [entry.rule.number for entry in unauthenticated(made)] == [2]
        match = first_match(made, Connection("a", "postgres", PLAIN, single("10.0.0.1")))
        assert match.rule is not None
        assert match.rule.number == 2
        assert match.outcomes == {"reject", "trust"}


def test_names_before_a_version_that_knows_patterns_are_names() -> None:
    lines = ["host all /^a all reject", "host all all all trust"]
    assert unauthenticated(snapshot(lines, roles=["a"], major=15))
    assert not unauthenticated(snapshot(lines, roles=["a"], major=16))
    assert unauthenticated(snapshot(["host all /(?i)A all reject", lines[1]], roles=["a"], major=16))


def test_without_tls_there_are_no_tls_connections() -> None:
    lines = ["hostnossl all all all reject", "hostgssenc all all all reject", "host all all all trust"]
    assert unauthenticated(snapshot(lines, roles=["a"]))
    assert not unauthenticated(snapshot(lines, roles=["a"], ssl=False))


def test_a_client_by_ipv4_is_one_however_it_is_written() -> None:
    assert single("::ffff:10.0.0.1") == single("10.0.0.1")
    made = snapshot(["host all all ::ffff:10.0.0.0/104 reject", "host all all all trust"], roles=["a"])
    assert [entry.rule.number for entry in unauthenticated(made)] == [2]
    assert shadowed(made) == ()


@pytest.mark.parametrize("seed", range(40 if LONG else 4))
def test_patterns_mean_what_the_server_means(seed: int, cluster: Cluster) -> None:
    numbers_ = random.Random(seed)  # noqa: S311
    pieces = [
        *"ab1_.*+?|()^$-{}[],",
        "{2}",
        "{1,}",
        "[ab]",
        "[^a-b]",
        "[[:digit:]]",
        r"\d",
        r"\.",
        "(?:",
        "*?",
    ]
    names = ["", "a", "b", "ab", "a1", "aab", "b_1", "a.b", "^a$", "x\ny"]
    known = 0
    with psycopg.connect(cluster.dsn()) as connection:
        for _ in range(250):
            pattern = "".join(numbers_.choice(pieces) for _ in range(numbers_.randint(1, 7)))
            try:
                with connection.transaction():
                    cursor = connection.execute(
                        'SELECT array_agg(n ~ (%s COLLATE "C") ORDER BY i) FROM unnest(%s::text[]) '
                        "WITH ORDINALITY AS u (n, i)",
                        (pattern, names),
                    )
                    truth = cursor.fetchone()
            except psycopg.errors.InvalidRegularExpression:
                continue
            assert truth is not None
            ours = [matches(pattern, name) for name in names]
            known += None not in ours
            assert [fits for fits in ours if fits is not None] == [
                fits for fits, told in zip(truth[0], ours, strict=True) if told is not None
            ], pattern
    assert known > 50


def _is_member(asked: Connection) -> bool:
    return asked.database == asked.user or (asked.database == "fresh" and asked.user in MEMBERSHIPS["fresh"])


def _random(seed: int, database_words: tuple[str, ...]) -> Snapshot:
    numbers_ = random.Random(seed)  # noqa: S311
    lines = []
    for _ in range(numbers_.randint(2, 9)):
        kind = numbers_.choice(TYPES)
        databases = ",".join(numbers_.choice(database_words) for _ in range(numbers_.choice((1, 1, 2))))
        users = ",".join(numbers_.choice(USER_WORDS) for _ in range(numbers_.choice((1, 1, 2))))
        address = "" if kind == "local" else numbers_.choice(ADDRESSES)
        method = numbers_.choice(("trust", "reject", "md5", "scram-sha-256"))
        lines.append(f"{kind} {databases} {users} {address} {method}")
    return snapshot(lines, roles=ROLES, memberships=MEMBERSHIPS, databases=DATABASES)


def _everybody(made: Snapshot) -> Iterator[Connection]:
    for role in made.roles:
        for database in (*DATABASES, REPLICATION):
            for way in WAYS:
                for address in [SOCKET] if way == LOCAL else _POINTS:
                    yield Connection(role.name, database, way, address)


_POINTS: list[Addresses] = [single(text) for text in POINTS]
