"""Connecting: psql's habits, no password on the command line, one sentence for each failure."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import ConnectError, UsageError
from pgguard.server.connect import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster

SECRET = "made-up-Zk4"


@contextlib.contextmanager
def answering(*answers: bytes) -> Iterator[int]:
    """The port of something that is not PostgreSQL: it says the answers, one after each message."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                with contextlib.suppress(OSError):
                    caller, _ = server.accept()
                    with caller:
                        caller.settimeout(2)
                        for answer in answers:
                            caller.recv(4096)
                            caller.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def failure(target: Target) -> str:
    with pytest.raises(ConnectError) as caught:
        target.connect()
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("could not connect")
    return message


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"dsn": "lab"}, {"dbname": "lab"}),
        ({"dbname": "lab"}, {"dbname": "lab"}),
        ({"dsn": "a", "dbname": "b"}, {"dbname": "b"}),
        ({"dsn": "host=one port=5 dbname=d"}, {"host": "one", "port": "5", "dbname": "d"}),
        ({"dbname": "host=one dbname=d"}, {"host": "one", "dbname": "d"}),
        ({"dsn": "postgresql://u@one:5/d"}, {"host": "one", "port": "5", "user": "u", "dbname": "d"}),
        ({"dsn": "postgres://one/d", "host": "two"}, {"host": "two", "dbname": "d"}),
        ({"dsn": "service=clinic", "user": "u"}, {"service": "clinic", "user": "u"}),
        ({"dsn": "it's a \\ name"}, {"dbname": "it's a \\ name"}),
        ({}, {}),
    ],
)
def test_options_mean_what_they_mean_to_psql(options: dict[str, str], expected: dict[str, str]) -> None:
    assert psycopg.conninfo.conninfo_to_dict(Target.from_options(**options).dsn) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"dsn": f"host=x password={SECRET}"},
        {"dsn": f"postgresql://u:{SECRET}@x/d"},
        {"dsn": f"postgresql://x/d?password={SECRET}"},
        {"dbname": f"host=x password={SECRET}"},
        {"dsn": f"sslpassword={SECRET}"},
        {"dsn": f"postgresql://u:{SECRET}@[x/d"},
        {"dsn": f"host=x passwort={SECRET}"},
        {"dsn": f"pass\0word={SECRET}"},
    ],
)
def test_a_password_among_the_options_is_refused_and_not_repeated(options: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        Target.from_options(**options)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", ["a\0b", "a\udcffb"])
def test_names_that_nobody_can_have_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Target.from_options(dbname=text)


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("host=127.0.0.1 port=1", "Connection refused (check host and port"),
        ("host=127.0.0.1,127.0.0.2 port=1", "Connection refused"),
        ("host=/nowhere port=1", "No such file or directory (check the folder of the socket"),
        ("host=nohost.invalid", "check the host's name"),
        ("service=nosuch", "~/.pg_service.conf"),
        ("port=many", 'invalid integer value "many"'),
    ],
)
def test_no_server_there(dsn: str, said: str) -> None:
    assert said in failure(Target(dsn))


@pytest.mark.parametrize(
    "answers",
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n",),
        (b"SSH-2.0-OpenSSH_9.6\r\n",),
        (b"N", b"SSH-2.0-OpenSSH_9.6\r\n"),
        (b"",),
        (b"N", b""),
    ],
    ids=["http", "ssh", "ssh-after-negotiation", "silent", "silent-after-negotiation"],
)
def test_what_answers_is_not_postgresql(answers: tuple[bytes, ...]) -> None:
    with answering(*answers) as port:
        assert "PostgreSQL: check host and port" in failure(
            Target(f"host=127.0.0.1 port={port} user=u dbname=d")
        )


def test_a_server_that_is_too_old_is_named() -> None:
    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!i", len(body) + 4) + body

    welcome = (
        message(b"R", struct.pack("!i", 0))
        + message(b"S", b"server_version\x009.6.24\0")
        + message(b"S", b"client_encoding\0UTF8\0")
        + message(b"K", struct.pack("!ii", 1, 1))
        + message(b"Z", b"I")
    )
    with (
        answering(b"N", welcome, b"") as port,
        pytest.raises(ConnectError, match=r"runs PostgreSQL 9\.6; pgguard inspects 10 and later"),
    ):
        Target(f"host=127.0.0.1 port={port} user=u dbname=d gssencmode=disable").connect()


@pytest.fixture(scope="module")
def guarded(postgres) -> Iterator[Cluster]:
    """A cluster that lets some in, and over TCP only with TLS."""
    from pgguard.demo.cluster import Cluster

    with Cluster.start(postgres, listen=["127.0.0.1"], tls=True) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("SET password_encryption = 'scram-sha-256'")
            connection.execute(f"CREATE ROLE clerk LOGIN PASSWORD '{SECRET}'")
            connection.execute("CREATE ROLE nobody_in NOLOGIN")
            connection.execute("CREATE ROLE full_up LOGIN CONNECTION LIMIT 0")
            connection.execute("CREATE DATABASE closed ALLOW_CONNECTIONS false")
        (cluster.data_directory / "pg_hba.conf").write_text(
            "local all postgres,nobody_in,full_up trust\nlocal all clerk scram-sha-256\n"
            "local all stranger peer\nhostssl all postgres 127.0.0.1/32 trust\n"
        )
        cluster.reload()
        yield cluster


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dbname": "nowhere"}, 'database "nowhere" does not exist (give another with -d or -U)'),
        ({"user": "unheard_of"}, "pg_hba.conf has to let this user in from here"),
        ({"user": "clerk"}, "put the password into ~/.pgpass"),
        ({"user": "nobody_in"}, "not permitted to log in (give another user"),
        ({"user": "full_up"}, "too many connections"),
        ({"user": "stranger"}, "check the user (-U)"),
        ({"dbname": "closed"}, "give another database with -d"),
        ({"host": "127.0.0.1", "sslmode": "disable"}, "sslmode=require"),
        ({"host": "127.0.0.1", "sslmode": "verify-full", "sslrootcert": "/nowhere"}, "sslrootcert"),
    ],
)
def test_the_server_refuses(guarded: Cluster, options: dict[str, str], said: str) -> None:
    assert said in failure(Target(guarded.dsn(**options)))


def test_a_wrong_password_is_not_repeated(guarded: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "wrong-" + SECRET)
    message = failure(Target(guarded.dsn(user="clerk")))
    assert "check the user and the password" in message
    assert SECRET not in message


def test_tls_that_the_server_does_not_offer(new_cluster: Callable[..., Cluster]) -> None:
    plain = new_cluster(listen=["127.0.0.1"])
    assert "turn ssl on" in failure(Target(plain.dsn(host="127.0.0.1", sslmode="require")))


def test_of_several_hosts_the_one_that_answered_is_kept(guarded: Cluster) -> None:
    folder = str(guarded.socket_dir)
    target = Target(psycopg.conninfo.make_conninfo(guarded.dsn(), host=f"/nowhere,{folder}"))
    with contextlib.closing(target.connect()) as connection:
        pinned = psycopg.conninfo.conninfo_to_dict(target.pinned(connection).dsn)
    assert pinned["host"] == folder
    assert str(pinned["port"]) == str(guarded.port)


def test_the_session_is_read_only_and_says_who_it_is(guarded: Cluster) -> None:
    with contextlib.closing(Target(guarded.dsn()).connect()) as connection:
        told = connection.execute(
            "SELECT current_setting('transaction_read_only'), current_setting('transaction_isolation'),"
            " current_setting('application_name'), current_setting('client_encoding')"
        ).fetchone()
    assert told == ("on", "repeatable read", "pgguard", "UTF8")
