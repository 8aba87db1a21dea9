"""pg_hba.conf against the server itself: random files, and what real connections come to.

PGGUARD_LONG=1 makes more than 4,000 connections, else a few hundred.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.addresses import single
from pgguard.analysis.admission import admissions, obstacles
from pgguard.analysis.hba.decisions import decisions
from pgguard.analysis.hba.explain import Connection, Match, first_match
from pgguard.analysis.hba.index import REPLICATION
from pgguard.analysis.hba.rules import LOCAL, PLAIN, SOCKET, TLS, doubt
from pgguard.server.read import read_open
from tests.analysis.hba_client import Answer, Question, ask
from tests.analysis.random_hba import CLIENTS, DATABASES, SQL, SQL_16, Maker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import Snapshot

METHODS = (
    "trust",
    "scram-sha-256",
    *(("md5", "password", "reject") if os.environ.get("PGGUARD_LONG") else ()),
)
FILES, QUESTIONS = (70, 30) if os.environ.get("PGGUARD_LONG") else (8, 15)


@pytest.mark.parametrize("tls", [True, False])
def test_engine_answers_as_the_server_does(tls: bool, new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(listen=["127.0.0.1", *_ipv6()], tls=tls, settings={"log_connections": "on"})
    clients = [*CLIENTS, *_ipv6()]
    with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        admin.execute(SQL.encode())
        if cluster.postgres.major >= 16:
            admin.execute(SQL_16.encode())
        for name in DATABASES:
            admin.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        wrong: list[str] = []
        asked = lines = vague = 0
        for number in range(FILES):
            seed = f"hba {cluster.postgres.major} {tls} {number}"
            numbers = random.Random(seed)  # noqa: S311
            maker = Maker(numbers, cluster.postgres.major, names=_names_are_quick())
            files = maker.files()
            for name, text in files.items():
                (cluster.data_directory / name).write_text(text, encoding="utf-8")
            cluster.reload()
            with admin.transaction():
                snapshot = read_open(admin)
            assert doubt(snapshot) == ""
            for _ in range(QUESTIONS):
                question = maker.question(clients, tls=tls)
                answer = ask(cluster, question)
                match = first_match(snapshot, _connection(question))
                asked += 1
                lines += answer.line is not None
                vague += bool(match.perhaps)
                if not _agree(answer, match) or not _is_decided(snapshot, question, match):
                    wrong.append(f"{seed}\n{files['pg_hba.conf']}{question}: {answer}, not {match}")
    print(
        f"{asked} connections, {lines} with the line, {vague} that hang on a name, {len(wrong)} disagreements"
    )
    assert wrong == [], "\n\n".join(wrong[:3])
    assert vague < asked / 2
    assert lines > asked / 8


def test_who_is_let_in_is_who_the_server_lets_in(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(settings={"wal_level": "replica", "max_wal_senders": "4"})
    wrong = []
    with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        for statement in _LET_IN.split(";\n"):
            admin.execute(statement.encode())
        if cluster.postgres.major >= 14:
            admin.execute("GRANT CONNECT ON DATABASE owned TO pg_database_owner")
        for method in METHODS:
            hba = f"local all postgres trust\nlocal replication all {method}\nlocal all all {method}\n"
            (cluster.data_directory / "pg_hba.conf").write_text(hba, encoding="utf-8")
            cluster.reload()
            with admin.transaction():
                snapshot = read_open(admin)
            wrong += [(method, *one) for one in _wrongly_judged(cluster, snapshot)]
    assert wrong == []


def _wrongly_judged(cluster: Cluster, snapshot: Snapshot) -> Iterator[tuple[object, ...]]:
    logins = [role for role in snapshot.roles if not role.predefined and role.name != "postgres"]
    databases = [row.name for row in snapshot.databases if not row.is_template]
    for role in logins:
        for database in [*databases, REPLICATION]:
            got = _gets_in(cluster, role.name, database)
            rule = first_match(snapshot, Connection(role.name, database, LOCAL, SOCKET)).rule
            assert rule is not None
            why = list(obstacles(snapshot, role, database, rule))
            told = any(
                role.name in entry.logins and database in entry.databases for entry in admissions(snapshot)
            )
            if got != (not why) or got != told:
                yield role.name, database, got, why, told


_LET_IN = """
CREATE ROLE g NOLOGIN;
CREATE ROLE plain LOGIN PASSWORD 'pw';
CREATE ROLE member LOGIN PASSWORD 'pw' IN ROLE g;
CREATE ROLE stranger LOGIN NOINHERIT PASSWORD 'pw' IN ROLE g;
CREATE ROLE owner LOGIN PASSWORD 'pw';
CREATE ROLE without LOGIN;
CREATE ROLE expired LOGIN PASSWORD 'pw' VALID UNTIL '2001-01-01';
CREATE ROLE far LOGIN PASSWORD 'pw' VALID UNTIL '12001-01-01';
CREATE ROLE parked NOLOGIN PASSWORD 'pw';
CREATE ROLE limited LOGIN PASSWORD 'pw' CONNECTION LIMIT 0;
CREATE ROLE mighty LOGIN SUPERUSER PASSWORD 'pw' CONNECTION LIMIT 0;
CREATE ROLE streams LOGIN REPLICATION PASSWORD 'pw';
CREATE ROLE stopped LOGIN REPLICATION PASSWORD 'pw' CONNECTION LIMIT 0;
SET password_encryption = 'md5';
CREATE ROLE old LOGIN PASSWORD 'pw';
CREATE DATABASE restricted;
REVOKE CONNECT, TEMPORARY ON DATABASE restricted FROM PUBLIC;
GRANT CONNECT ON DATABASE restricted TO g;
CREATE DATABASE closed ALLOW_CONNECTIONS false;
CREATE DATABASE full_up CONNECTION LIMIT 0;
CREATE DATABASE owned OWNER owner;
REVOKE CONNECT, TEMPORARY ON DATABASE owned FROM PUBLIC, owner"""


def _gets_in(cluster: Cluster, user: str, database: str) -> bool:
    options = {"replication": "true"} if database == REPLICATION else {"dbname": database}
    try:
        psycopg.connect(cluster.dsn(user=user, password="pw", **options)).close()
    except psycopg.OperationalError:
        return False
    return True


def _connection(question: Question) -> Connection:
    if question.address == "local":
        way, address = LOCAL, SOCKET
    else:
        way, address = TLS if question.tls else PLAIN, single(question.address)
    database = REPLICATION if question.replication == "true" else question.database
    return Connection(question.user, database, way, address)


def _agree(answer: Answer, match: Match) -> bool:
    rules = [*match.perhaps, *([match.rule] if match.rule else [])]
    if answer.method == "none":
        return match.rule is None
    # a rule for md5 asks for SCRAM where the login has no md5 verifier
    methods = {answer.method, "md5"} if answer.method == "scram-sha-256" else {answer.method}
    fitting = [rule for rule in rules if rule.method in methods]
    if answer.line is not None:
        name = PurePosixPath(answer.file).name
        fitting = [
            rule
            for rule in fitting
            if rule.line == answer.line and (not rule.file or PurePosixPath(rule.file).name == name)
        ]
    return bool(fitting)


def _is_decided(snapshot: Snapshot, question: Question, match: Match) -> bool:
    """Whether the answer for everybody at once says the same of this connection, if it is let in at all."""
    user, database, way, address = _connection(question)
    found = [
        entry
        for entry in decisions(snapshot)
        if way in entry.ways
        and user in entry.logins
        and database in entry.databases
        and address.within(entry.addresses)
    ]
    if not found:
        # nobody whom the server would take: a role that does not exist or has no REPLICATION, no rule
        role = snapshot.role(user)
        streams = role is not None and (role.replication or role.superuser)
        return match.rule is None or role is None or (database == REPLICATION and not streams)
    sure = [entry.rule for entry in found if not entry.open]
    return sure == (
        [match.rule] if match.rule and match.rule.number in {r.number for r in sure} else []
    ) and {entry.rule for entry in found if entry.open} >= set(match.perhaps)


def _ipv6() -> list[str]:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return []
    return ["::1"]


def _names_are_quick() -> bool:
    # where a name server has to time out for 127.0.0.3, every rule with a host name costs seconds
    start = time.monotonic()
    for address in CLIENTS:
        with contextlib.suppress(OSError):
            socket.getnameinfo((address, 0), socket.NI_NAMEREQD)
    return time.monotonic() - start < 0.1
