"""The demo: a throwaway laboratory database, badly run or hardened, and what inspecting it says."""

from __future__ import annotations

import contextlib
import datetime
import re
import secrets
import socket
import struct
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import sql

from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.documents import read_documents
from pgguard.store.policy_file import parse, placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from pgguard.model.finding import Report
    from pgguard.model.policy import Policy

_LABO_DESKS = (
    ("127.0.0.11", "psql"),
    ("127.0.0.12", "DBeaver 24.1.0 - Main"),
    ("127.0.0.13", "pgAdmin 4 - CONN:1"),
)
_BAD_SETTINGS = {
    "logging_collector": "off",
    "log_connections": "off",
    "log_disconnections": "off",
    "log_line_prefix": "",
    "log_statement": "none",
    "password_encryption": "md5",
    "fsync": "off",
    "full_page_writes": "off",
    "authentication_timeout": "300s",
    "idle_in_transaction_session_timeout": "0",
    "archive_mode": "off",
}
_GOOD_SETTINGS = {
    "ssl_min_protocol_version": "TLSv1.2",
    "password_encryption": "scram-sha-256",
    "logging_collector": "on",
    "log_destination": "stderr",
    "log_file_mode": "0600",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_line_prefix": "%m [%p] %q%u@%d/%h %a ",
    "log_statement": "ddl",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "authentication_timeout": "30s",
    "idle_in_transaction_session_timeout": "5min",
    "idle_session_timeout": "30min",
    "shared_preload_libraries": "auth_delay,passwordcheck",
    "auth_delay.milliseconds": "100",
    "archive_mode": "on",
    # beside the data, for a demo that is thrown away; elsewhere it has to be another machine
    "archive_command": "mkdir -p archived && cp %p archived/%f",
    "wal_level": "replica",
}
# settings that do not exist before a version would keep an older server from starting
_SINCE = {
    "ssl_min_protocol_version": 12,
    "log_parameter_max_length": 13,
    "log_parameter_max_length_on_error": 13,
    "idle_session_timeout": 14,
}
_FLAW = re.compile(r"-- flaw(?: (?P<low>\d+)-(?P<high>\d*))?: (?P<check>\S+) (?P<subject>.+)")


@dataclass
class Laboratory:
    """A running throwaway laboratory; a context manager that removes it."""

    cluster: Cluster
    target: Target
    policy: Policy
    hardened: bool
    _stack: contextlib.ExitStack

    @classmethod
    def open(
        cls,
        *,
        hardened: bool = False,
        major: int | None = None,
        progress: Callable[[str], None] = lambda text: None,
    ) -> Self:
        """Start the server, load the laboratory, and let people sit down at their desks.

        Raises `SetupError` when no PostgreSQL can be found or fetched.
        """
        progress("looking for a PostgreSQL with pgcrypto")
        postgres = find_postgres(major, progress=progress)
        progress(f"starting a throwaway PostgreSQL {postgres.version}")
        with contextlib.ExitStack() as stack:
            settings = _GOOD_SETTINGS if hardened else _BAD_SETTINGS
            cluster = stack.enter_context(
                Cluster.start(
                    postgres,
                    settings={
                        name: value
                        for name, value in settings.items()
                        if _SINCE.get(name, 0) <= postgres.major
                    },
                    listen=["127.0.0.1"],
                    tls=hardened,
                    checksums=hardened,
                )
            )
            progress("loading the laboratory")
            with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
                connection.execute("CREATE DATABASE lab")
            passwords = _load(cluster, hardened=hardened)
            if not hardened:
                for address, application in _LABO_DESKS:
                    stack.enter_context(desk(cluster, "labo", "lab", address, application))
            target = Target(
                cluster.dsn(dbname="lab", password=passwords["postgres"])
                if hardened
                else cluster.dsn(dbname="lab")
            )
            file = _policy_file(hardened=hardened)
            policy = placed(parse(_text(file), file), Path(str(resources.files("pgguard") / "sql/demo")))
            return cls(cluster, target, policy, hardened, stack.pop_all())
        raise AssertionError  # the with statement above returns or raises

    def inspect(self) -> Report:
        """Look at the laboratory as `pgguard inspect` does."""
        today = datetime.datetime.now(tz=datetime.UTC).date()
        snapshot = read_snapshot(self.target).documented(read_documents(self.policy))
        return judge(snapshot, self.policy, today=today, policy_file=_policy_file(hardened=self.hardened))

    def how_to_look(self) -> str:
        """What to type in another terminal to look around with psql."""
        cluster = self.cluster
        where = f"-h {cluster.socket_dir} -p {cluster.port} -U postgres -d lab"
        passwords = f"PGPASSFILE={cluster.folder / 'pgpass'} " if self.hardened else ""
        return f"{passwords}psql {where}\n{passwords}pgguard inspect {where}"

    def close(self) -> None:
        """End the sessions, stop the server and remove its files."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def planted_flaws(major: int) -> list[tuple[str, str]]:
    """What the badly run laboratory plants in a PostgreSQL of that major version, as (check, subject)."""
    found = flaws_named(_text("laboratory.sql"), major)
    for line in _text("laboratory.flaws").splitlines():
        if line and not line.startswith("#"):
            check, subject = line.split(" ", 1)
            found.append((check, subject))
    return found


def flaws_named(script: str, major: int) -> list[tuple[str, str]]:
    """The (check, subject) of its lines `-- flaw: ...` and of those for that version: `-- flaw 14-: ...`.

    Raises `ValueError` for a line that begins so and names nothing.
    """
    found = []
    lines = (line.strip() for line in script.splitlines())
    for line in (line for line in lines if line.startswith("-- flaw")):
        flaw = _FLAW.fullmatch(line)
        if flaw is None:
            msg = f"no flaw is named by: {line}"
            raise ValueError(msg)
        if int(flaw["low"] or 0) <= major <= int(flaw["high"] or 99):
            found.append((flaw["check"], flaw["subject"]))
    return found


def _policy_file(*, hardened: bool) -> str:
    return "hardened.toml" if hardened else "laboratory.toml"


def _text(name: str) -> str:
    return resources.files("pgguard").joinpath("sql/demo", name).read_text(encoding="utf-8")


def _load(cluster: Cluster, *, hardened: bool) -> dict[str, str]:
    name = "hardened" if hardened else "laboratory"
    passwords: dict[str, str] = {}
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(_text("common.sql").encode())
        connection.execute(_text(f"{name}.sql").encode())
        if hardened:
            passwords = {
                role: secrets.token_urlsafe(24)
                for role in ("postgres", "lis_app", "c.martin", "p.bernard", "dba_durand")
            }
            for role, password in passwords.items():
                verifier = connection.pgconn.encrypt_password(
                    password.encode(), role.encode(), b"scram-sha-256"
                ).decode()
                connection.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
                )
        _write_pgpass(cluster, passwords)
    (cluster.data_directory / "pg_hba.conf").write_text(_text(f"{name}.hba.conf"), encoding="utf-8")
    cluster.reload()
    return passwords


def _write_pgpass(cluster: Cluster, passwords: dict[str, str]) -> None:
    # random passwords of a throwaway server, in its own folder, which goes with it
    file = cluster.folder / "pgpass"
    file.touch(mode=0o600)
    lines = (f"*:{cluster.port}:*:{role}:{password}" for role, password in passwords.items())
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


@contextlib.contextmanager
def desk(cluster: Cluster, user: str, database: str, address: str, application: str) -> Iterator[None]:
    """A session of `user` from one of this machine's own addresses, let in by trust, until the end.

    libpq cannot choose its own address, so a desk speaks the protocol itself (manual, 53.2.1 Start-up).
    Raises `ConnectionError` when the server does not let it in.
    """
    fields = {"user": user, "database": database, "application_name": application}
    body = b"".join(f"{key}\0{value}\0".encode() for key, value in fields.items()) + b"\0"
    with socket.create_connection(
        ("127.0.0.1", cluster.port), timeout=10, source_address=(address, 0)
    ) as connection:
        connection.sendall(struct.pack("!ii", len(body) + 8, 196608) + body)
        received = b""
        while not received.endswith(b"Z\x00\x00\x00\x05I"):
            part = connection.recv(4096)
            if not part:
                msg = "the demo's server turned a desk away"
                raise ConnectionError(msg)
            received += part
        yield
