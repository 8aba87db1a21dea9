"""Connecting to a server with psql's habits: DSN or options, PG* variables, services, ~/.pgpass."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgguard.errors import ConnectError, UsageError

OLDEST = 10
_OURSELVES = frozenset({"localhost", "127.0.0.1", "::1"})
_TIMEOUT_SECONDS = 15
_PREFIX = re.compile(r"connection (?:failed|is bad): ")
_WHERE = re.compile(r"connection to server (.*?) failed: (.*)")
_SECRETS = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)


def holds_password(text: str) -> bool:
    """Whether a word of a command line is a connection string or URI with a password in it."""
    try:
        return bool(_SECRETS & conninfo_to_dict(text).keys())
    except (psycopg.Error, UnicodeError):
        return False


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: a libpq connection string, what it leaves out coming from libpq's own sources."""

    dsn: str = ""

    @classmethod
    def from_options(
        cls, dsn: str = "", *, host: str = "", port: str = "", user: str = "", dbname: str = ""
    ) -> Target:
        """psql's way: the argument is a database name, a connection string or a URI, and so may `dbname`
        be; the other options override it.

        Raises `UsageError` for a string that libpq cannot read and for one with a password in it:
        command lines are seen by every user of the machine.
        """
        options = {"host": host, "port": port, "user": user}
        given: dict[str, str] = {}
        if any("\0" in text for text in (dsn, dbname, *options.values())):
            msg = "a connection option cannot hold a NUL character"
            raise UsageError(msg)
        for text in (dsn, dbname):
            if "=" in text or text.startswith(("postgresql://", "postgres://")):
                given |= _parsed(text)
            elif text:
                given["dbname"] = text
        given |= {name: value for name, value in options.items() if value}
        if _SECRETS & given.keys():
            msg = (
                "a password does not belong on the command line, where every user of the machine sees it: "
                "put it into ~/.pgpass, a service file or PGPASSWORD"
            )
            raise UsageError(msg)
        try:
            return cls(make_conninfo("", **given))
        except (psycopg.Error, UnicodeError):
            msg = "the connection options cannot be used: check -h, -p, -U and -d for odd characters"
            raise UsageError(msg) from None

    @property
    def name(self) -> str:
        """The server in words before anything is connected to: host and port, the machine's name for itself.

        What the options leave out comes from libpq's own sources, the environment first.
        """
        given = {
            one.keyword.decode(): one.val.decode()
            for one in psycopg.pq.Conninfo.get_defaults()
            if one.val is not None
        }
        given |= {name: str(value) for name, value in conninfo_to_dict(self.dsn).items() if value}
        if given.get("service") and not (given.get("host") or given.get("hostaddr")):
            return f"service {given['service']}"
        host = given.get("host") or given.get("hostaddr") or ""
        if not host or host.startswith(("/", "@")) or host in _OURSELVES:
            # many machines may write to one history
            host = socket.gethostname()
        return f"{host}:{given.get('port', '')}"

    def pinned(self, connection: psycopg.Connection[tuple[str, ...]]) -> Target:
        """The same target, led to the server that the connection reached.

        Of several hosts another may answer the next time, and what is read must be one cluster.
        """
        info = connection.info
        given: dict[str, str | int] = {"port": info.port, "user": info.user}
        # a Unix socket in the default place has no name to give
        if info.host:
            given["host"] = info.host
        if info.hostaddr:
            given["hostaddr"] = info.hostaddr
        return Target(make_conninfo(self.dsn, **given))

    def at(self, dbname: str) -> Target:
        """The same server, at another of its databases."""
        return Target(make_conninfo(self.dsn, dbname=dbname))

    def connect(self, dbname: str = "") -> psycopg.Connection[tuple[str, ...]]:
        """A connection in read-only, repeatable-read transactions that talks UTF-8.

        Raises `ConnectError` with one sentence: what failed, where, what next.
        """
        given: dict[str, str | int] = {"client_encoding": "UTF8"}
        if dbname:
            given["dbname"] = dbname
        try:
            chosen = conninfo_to_dict(self.dsn)
            # a name that the user chose shows up in the server's log as chosen
            given["application_name"] = str(chosen.get("application_name") or "pgguard")
            if "connect_timeout" not in chosen and "PGCONNECT_TIMEOUT" not in os.environ:
                given["connect_timeout"] = _TIMEOUT_SECONDS
            connection = psycopg.connect(self.dsn, **given, prepare_threshold=None)  # type: ignore[arg-type]
        except (psycopg.Error, UnicodeError, ValueError) as error:
            raise ConnectError(_explained(error)) from None
        version = connection.info.server_version
        if version < OLDEST * 10000:
            connection.close()
            msg = (
                f"the server runs PostgreSQL {version // 10000}.{version // 100 % 100}; "
                f"pgguard inspects {OLDEST} and later"
            )
            raise ConnectError(msg)
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return connection


def describe(connection: psycopg.Connection[tuple[str, ...]]) -> str:
    """The server in words for reports: host and port, never a password."""
    host = connection.info.host or "local socket"
    return f"{host}:{connection.info.port}"


def said(error: psycopg.Error) -> str:
    """What the server says of an error, on one line, without detail or context: these may hold values."""
    return error.diag.message_primary or (str(error).strip() or type(error).__name__).splitlines()[0]


def _parsed(text: str) -> dict[str, str]:
    try:
        return {name: str(value) for name, value in conninfo_to_dict(text).items()}
    except (psycopg.Error, UnicodeError):
        # libpq's message may repeat the string, and the string may hold a password
        msg = "the connection string cannot be read: use host=... dbname=... or postgresql://user@host/db"
        raise UsageError(msg) from None


# what libpq and the server say (in English), and what to do about it
_HINTS = (
    ("password authentication failed", "check the user and the password in ~/.pgpass or PGPASSWORD"),
    ("no password supplied", "put the password into ~/.pgpass, a service file or PGPASSWORD"),
    (
        r'entry for host "[^\["].*(no encryption|SSL off)',
        "pg_hba.conf has to let this user in from here, or does so over TLS only: sslmode=require",
    ),
    ("no pg_hba.conf entry", "pg_hba.conf has to let this user in from here"),
    (r"pg_hba.conf rejects", "pg_hba.conf has to let this user in from here"),
    ("authentication failed", "check the user (-U), and the line of pg_hba.conf that decides"),
    ("permission denied for database", "GRANT CONNECT ON DATABASE to this user"),
    ("not permitted to log in", "give another user with -U"),
    ("not currently accepting connections", "give another database with -d"),
    ("too many connections", "wait, or raise the connection limit"),
    ("too many clients", "wait, or raise max_connections"),
    ("root certificate file", "give the certificate that signed the server's as sslrootcert"),
    ("certificate", "check sslmode and sslrootcert against the server's certificate"),
    ("SSL was required", "turn ssl on at the server, or choose another sslmode"),
    ("definition of service", "check ~/.pg_service.conf and PGSERVICEFILE"),
    ("does not exist", "give another with -d or -U"),
    ("resolve host", "check the host's name"),
    ("translate host name", "check the host's name"),
    ("Connection refused", "check host and port, and that the server runs"),
    (
        "No such file or directory",
        "check the folder of the socket (-h) and the port (-p), and that the server runs",
    ),
    ("starting up", "wait until it is up"),
    ("received invalid response", "what answers there is not PostgreSQL: check host and port"),
    ("expected authentication request", "what answers there is not PostgreSQL: check host and port"),
    ("unsupported frontend protocol", "what answers there is not a PostgreSQL that pgguard knows"),
    (
        "server closed the connection unexpectedly",
        "what answers there may not be PostgreSQL: check host and port",
    ),
    ("timeout", "check host, port and firewall"),
)


def _explained(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if "Multiple connection attempts failed" in "".join(lines):
        lines = lines[: next(at for at, line in enumerate(lines) if line.startswith("Multiple"))]
    # libpq puts one line for each attempt, and advice below it; the second attempt is without TLS
    said = [_PREFIX.sub("", line) for line in lines if not line[:1].isspace()]
    attempts = [line for line in said if line.startswith("connection to server")]
    telling = [line for line in attempts if "failed: SSL error: unexpected eof" not in line]
    reason = (telling or attempts or said)[0].replace("FATAL:  ", "")
    hint = next((hint for pattern, hint in _HINTS if re.search(pattern, reason, re.IGNORECASE)), "")
    pgconn = getattr(error, "pgconn", None)
    if not hint and pgconn is not None and pgconn.used_password:
        # the server may speak another language
        hint = _HINTS[0][1]
    said_where = _WHERE.match(reason)
    where, reason = (f" to the server {said_where[1]}", said_where[2]) if said_where else ("", reason)
    return f"could not connect{where}: {reason}" + (f" ({hint})" if hint else "")
