"""Sessions and refusals put together from what real servers log, in several formats and languages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.model.observation import LoginFailure, SessionSeen
from pgguard.observe.records import LogFile
from pgguard.observe.sessions import Assembler, assemble

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster

HBA = """\
local all postgres trust
local all scrammed scram-sha-256
local all sys peer map=desk
host all scrammed 127.0.0.1/32 scram-sha-256
host all trusted 127.0.0.1/32 trust
"""
IDENT = "desk root sys\n"
SECRET = "made-up-Xk9-only-here"


def _start(new_cluster: Callable[..., Cluster], destination: str, **settings: str) -> Cluster:
    cluster = new_cluster(
        settings={
            "logging_collector": "on",
            "log_destination": destination,
            "log_directory": "log",
            "log_filename": "server.log",
            "log_connections": "on",
            "log_disconnections": "on",
            **settings,
        },
        hba=HBA,
        ident=IDENT,
        listen=["127.0.0.1"],
        tls=True,
    )
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE scrammed LOGIN; CREATE ROLE trusted LOGIN; CREATE ROLE sys LOGIN")
        connection.execute(
            f"SET password_encryption = 'scram-sha-256'; ALTER ROLE scrammed PASSWORD '{SECRET}'"
        )
    return cluster


def _visit(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(user="scrammed", password=SECRET), application_name="psql") as one:
        one.execute("SELECT 1")
    with psycopg.connect(
        cluster.dsn(user="scrammed", host="127.0.0.1", password=SECRET, sslmode="require")
    ) as one:
        one.execute("SET application_name = 'named later'")
        one.execute("SELECT 2")
        # a user can put into the log what he likes, but not who he is
        forged = 'connection authenticated: identity="the boss" method=cert (x:1)'
        one.execute(f"DO $$ BEGIN RAISE LOG '{forged}'; END $$")
    with psycopg.connect(cluster.dsn(user="trusted", host="127.0.0.1", sslmode="disable")) as one:
        one.execute("SELECT 3")
    for wrong in ({"password": "wrong"}, {"password": SECRET, "dbname": "nowhere"}):
        with pytest.raises(psycopg.Error):
            psycopg.connect(cluster.dsn(user="scrammed", host="127.0.0.1", **wrong))
    with pytest.raises(psycopg.Error):
        psycopg.connect(cluster.dsn(user="nobody"))


def _read(
    cluster: Cluster, name: str, **options: Any
) -> tuple[list[SessionSeen], list[LoginFailure], Assembler]:
    file = cluster.data_directory / "log" / name
    deadline = time.monotonic() + 20
    while b"nobody" not in file.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.3)
    assembler = Assembler()
    told = list(assemble(LogFile(file, **options), assembler))
    return (
        [one for one in told if isinstance(one, SessionSeen) and one.role in ("scrammed", "trusted", "sys")],
        [one for one in told if isinstance(one, LoginFailure)],
        assembler,
    )


@pytest.mark.parametrize("destination", ["csvlog", "jsonlog", "stderr"])
def test_who_came_from_where_as_whom(new_cluster: Callable[..., Cluster], destination: str) -> None:
    prefix = "%m [%p] %q%u@%d/%a "
    try:
        cluster = _start(new_cluster, destination, log_line_prefix=prefix)
    except Exception:
        if destination != "jsonlog":
            raise
        pytest.skip("jsonlog comes with PostgreSQL 15")
    _visit(cluster)
    name = {"csvlog": "server.csv", "jsonlog": "server.json", "stderr": "server.log"}[destination]
    options: dict[str, Any] = {"prefix": prefix} if destination == "stderr" else {}
    sessions, failures, assembler = _read(cluster, name, **options)
    major = cluster.postgres.major
    assert [(one.role, one.database, one.application, one.tls) for one in sessions] == [
        ("scrammed", "postgres", "psql", False),
        ("scrammed", "postgres", "named later", True),
        ("trusted", "postgres", "", False),
    ]
    assert [one.address for one in sessions] == ["", "127.0.0.1", "127.0.0.1"]
    assert {one.ended_at != "" for one in sessions} == {True}
    if major >= 14:
        assert [one.identity for one in sessions] == ["scrammed", "scrammed", ""]
        assert [one.method for one in sessions] == [
            "scram-sha-256",
            "scram-sha-256",
            "trust" if major >= 17 else "",
        ]
    assert (assembler.connections, assembler.disconnections) == (True, True)
    assert assembler.identities == (major >= 14)
    states = [(one.role, one.database) for one in failures]
    assert ("scrammed", "nowhere") in states
    assert ("nobody", "nobody") in states or ("nobody", "postgres") in states
    if destination != "stderr":
        assert {one.sqlstate for one in failures} >= {"28P01", "3D000", "28000"}


@pytest.mark.parametrize("language", ["fr", "de", "es", "it", "sv"])
def test_a_server_that_speaks_another_language(
    new_cluster: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    # gettext takes the language from here in every locale but C
    monkeypatch.setenv("LANGUAGE", language)
    prefix = "%m [%p] "
    cluster = _start(new_cluster, "stderr,csvlog", lc_messages="C.UTF-8", log_line_prefix=prefix)
    _visit(cluster)
    sessions, failures, _ = _read(cluster, "server.csv")
    if b"connection authorized" in (cluster.data_directory / "log/server.csv").read_bytes():
        pytest.skip("this build of PostgreSQL has no translations")
    assert [one.application for one in sessions] == ["psql", "named later", ""]
    assert {one.sqlstate for one in failures} >= {"28P01", "3D000", "28000"}
    # from a prefix that tells nothing, who it was is in the message alone
    sessions, _, _ = _read(cluster, "server.log", prefix=prefix)
    assert [(one.role, one.database) for one in sessions] == [
        ("scrammed", "postgres"),
        ("scrammed", "postgres"),
        ("trusted", "postgres"),
    ]
    assert [one.tls for one in sessions] == [False, True, False]
    assert [one.address for one in sessions] == ["", "127.0.0.1", "127.0.0.1"]


def test_without_logged_connections_the_coverage_says_so(new_cluster: Callable[..., Cluster]) -> None:
    cluster = _start(
        new_cluster, "csvlog", log_connections="off", log_disconnections="off", log_statement="all"
    )
    _visit(cluster)
    sessions, _, assembler = _read(cluster, "server.csv")
    assert [one.application for one in sessions] == ["psql", "named later", ""]
    assert {one.ended_at for one in sessions} == {""}
    coverage = assembler.coverage("server.csv", 0)
    assert (coverage.connections, coverage.disconnections, coverage.identities) == (False, False, False)


def test_nothing_of_a_statement_is_in_what_comes_out(new_cluster: Callable[..., Cluster]) -> None:
    cluster = _start(new_cluster, "csvlog", log_statement="all")
    with psycopg.connect(cluster.dsn(user="trusted", host="127.0.0.1")) as one:
        one.execute("SELECT 'secret of a patient 4711'")
    _visit(cluster)
    sessions, failures, _ = _read(cluster, "server.csv")
    assert sessions
    assert "4711" not in repr((sessions, failures))
