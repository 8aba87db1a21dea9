"""Connecting to a server with psql's habits: DSN or options, PG* variables, services, ~/.pgpass."""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgguard.errors import ConnectError, UsageError

OLDEST = 10
_TIMEOUT_SECONDS = 15
_LINES = re.compile(r"\s*\n\s*")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: a libpq connection string, what it leaves out coming from libpq's own sources."""

    dsn: str = ""

    @classmethod
    def from_options(
        cls, dsn: str = "", *, host: str = "", port: str = "", user: str = "", dbname: str = ""
    ) -> Target:
        """psql's way: the argument is a database name, a connection string or a URI; options override it.

        Raises `UsageError` for a string that libpq cannot read and for one with a password in it:
        command lines are seen by every user of the machine.
        """
        given = {"host": host, "port": port, "user": user, "dbname": dbname}
        options = {name: value for name, value in given.items() if value}
        if dsn and "=" not in dsn and "://" not in dsn:
            options.setdefault("dbname", dsn)
            dsn = ""
        try:
            parsed = conninfo_to_dict(dsn, **options)
        except psycopg.Error as error:
            # libpq's message may repeat the string, and the string may hold a password
            msg = "the connection string cannot be read: use host=... dbname=... or postgresql://user@host/db"
            raise UsageError(msg) from error.with_traceback(None)
        if {"password", "sslpassword"} & parsed.keys():
            msg = (
                "a password does not belong on the command line, where every user of the machine sees it: "
                "put it into ~/.pgpass, a service file or PGPASSWORD"
            )
            raise UsageError(msg)
        return cls(make_conninfo("", **parsed))

    def connect(self, dbname: str = "") -> psycopg.Connection[tuple[str, ...]]:
        """A connection in read-only, repeatable-read transactions.

        Raises `ConnectError` with one sentence: what failed, where, what next.
        """
        given: dict[str, str | int] = {"connect_timeout": _TIMEOUT_SECONDS}
        if dbname:
            given["dbname"] = dbname
        parsed = conninfo_to_dict(self.dsn)
        # a name that the user chose shows up in the server's log as chosen
        given["application_name"] = str(parsed.get("application_name") or "pgguard")
        try:
            connection = psycopg.connect(self.dsn, **given, prepare_threshold=None)  # type: ignore[arg-type]
        except (psycopg.Error, UnicodeError) as error:
            raise ConnectError(_explained(error)) from None
        if connection.info.server_version < OLDEST * 10000:
            version = connection.info.server_version // 100
            connection.close()
            msg = (
                f"the server runs PostgreSQL {version // 100}.{version % 100}; "
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


def _explained(error: Exception) -> str:
    said = _LINES.sub("; ", str(error).strip()) or type(error).__name__
    hints = (
        ("password authentication failed", "check the user and ~/.pgpass"),
        ("no password supplied", "put it into ~/.pgpass, a service file or PGPASSWORD"),
        ("no pg_hba.conf entry", "pg_hba.conf has to let this user in from here"),
        ("does not exist", "give another with -d or -U"),
        ("could not translate host name", "check the host's name"),
        ("Connection refused", "check host and port, and that the server runs"),
        ("No such file or directory", "check the socket's folder (-h) and the port"),
        ("received invalid response", "what answers there is not PostgreSQL: check host and port"),
        ("server closed the connection unexpectedly", "what answers there may not be PostgreSQL"),
        ("timeout", "check host, port and firewall"),
    )
    for pattern, hint in hints:
        if pattern.lower() in said.lower():
            return f"could not connect: {said.removeprefix('connection failed: ')} ({hint})"
    return f"could not connect: {said.removeprefix('connection failed: ')}"
