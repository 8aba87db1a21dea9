"""Throwaway PostgreSQL clusters: started in a third of a second, gone with the process that started them."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import errno
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from psycopg.conninfo import make_conninfo

from pgguard.demo.certificate import write_certificates
from pgguard.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    from pgguard.demo.binaries import Postgres

_PR_SET_PDEATHSIG = 1
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
_ROOM = 512 * 1024 * 1024
_TRIES = 100
# a throwaway server may lose everything: speed first
_DEFAULTS = {
    "fsync": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "autovacuum": "off",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "logging_collector": "off",
}
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Cluster:
    """A throwaway server of our own; a context manager that stops it and removes its files."""

    postgres: Postgres
    folder: Path
    port: int
    _process: subprocess.Popen[bytes]
    _held: tuple[socket.socket, ...] = ()

    @property
    def data_directory(self) -> Path:
        """Its data directory."""
        return self.folder / "data"

    @property
    def socket_dir(self) -> Path:
        """The folder of its Unix socket."""
        return self.folder

    @property
    def log(self) -> Path:
        """What the server wrote to stderr."""
        return self.folder / "server.log"

    @property
    def root_certificate(self) -> Path:
        """The certificate that signed the server's, when it has TLS."""
        return self.folder / "root.crt"

    @classmethod
    def start(
        cls,
        postgres: Postgres,
        *,
        settings: Mapping[str, str] | None = None,
        hba: str | None = None,
        ident: str | None = None,
        listen: Sequence[str] = (),
        tls: bool = False,
        self_signed: bool = False,
        checksums: bool | None = None,
    ) -> Self:
        """A running cluster made from a copied initdb template.

        `listen` are its TCP addresses (none: only the socket); with `hba` None everybody gets in
        from the socket and from 127.0.0.1. With `tls` it has a certificate, by an authority of its own
        unless `self_signed`. Raises `SetupError` with the server's last words when it
        does not start.
        """
        folder = Path(tempfile.mkdtemp(prefix="pgg", dir=_base_folder()))
        held: tuple[socket.socket, ...] = ()
        try:
            folder.chmod(0o755)
            data = folder / "data"
            _copy(_template(postgres, checksums), data)
            if hba is not None:
                (data / "pg_hba.conf").write_text(hba, encoding="utf-8")
            if ident is not None:
                (data / "pg_ident.conf").write_text(ident, encoding="utf-8")
            if tls:
                write_certificates(folder, data, self_signed=self_signed)
            _give(folder)
            lines = {
                **_DEFAULTS,
                "listen_addresses": ",".join(listen),
                "unix_socket_directories": str(folder),
                **({"ssl": "on"} if tls else {}),
                **(settings or {}),
            }
            port, held = _reserve(lines["listen_addresses"])
            _append_settings(data / "postgresql.conf", {"port": str(port), **lines})
            cluster = cls(postgres, folder, port, _launch(postgres, data, folder / "server.log"), held)
            try:
                cluster._wait_until_ready()
            except BaseException:
                cluster._end(signal.SIGQUIT)
                raise
        except BaseException:
            _close(held)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        atexit.register(cluster.stop)
        return cluster

    def dsn(self, *, user: str = "postgres", dbname: str = "postgres", host: str = "", **more: str) -> str:
        """A connection string; by the socket unless a host is given."""
        return make_conninfo(
            "", user=user, dbname=dbname, host=host or str(self.socket_dir), port=self.port, **more
        )

    def set(self, **settings: str) -> None:
        """Append settings to postgresql.conf; they count after `reload` or `restart`."""
        _append_settings(self.data_directory / "postgresql.conf", settings)

    def reload(self) -> None:
        """Have the server read its configuration files again; connections made from now on have them.

        The postmaster handles a pending SIGHUP before it accepts anybody else, so an answer to a
        connection made after the signal shows that it has.
        """
        self._process.send_signal(signal.SIGHUP)
        if not self._answers():
            msg = f"PostgreSQL {self.postgres.version} did not answer after a reload: {self._last_words()}"
            raise SetupError(msg)

    def restart(self) -> None:
        """Stop the server fast and start it again on the same files."""
        self._end(signal.SIGINT)
        self._process = _launch(self.postgres, self.data_directory, self.log)
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop the server and remove its files; harmless when done before."""
        atexit.unregister(self.stop)
        self._end(signal.SIGINT)
        _close(self._held)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self, how: signal.Signals) -> None:
        for sent in (how, signal.SIGQUIT, signal.SIGKILL):
            if self._process.poll() is not None:
                return
            self._process.send_signal(sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)

    def _answers(self) -> bool:
        # every server answers an SSLRequest with one byte before it asks who is there (manual, 54.2.11)
        for family, address in (
            (socket.AF_UNIX, str(self.socket_dir / f".s.PGSQL.{self.port}")),
            (socket.AF_INET, ("127.0.0.1", self.port)),
        ):
            with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(_START_SECONDS)
                probe.connect(address)
                probe.sendall(_SSL_REQUEST)
                return bool(probe.recv(1))
        return False

    def _last_words(self) -> str:
        said = self.log.read_text("utf-8", "replace").strip().splitlines() if self.log.exists() else []
        return " | ".join(said[-3:]) or "no message"

    def _wait_until_ready(self) -> None:
        status = self.data_directory / "postmaster.pid"
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                lines = status.read_text("utf-8").splitlines()
                # miscadmin.h: line 1 is its pid, line 8 the status; at first the file is empty
                if len(lines) >= 8 and lines[0] == str(self._process.pid) and lines[7].startswith("ready"):
                    return
            time.sleep(0.01)
        self._end(signal.SIGQUIT)
        msg = f"PostgreSQL {self.postgres.version} did not start: {self._last_words()}"
        raise SetupError(msg)


def _append_settings(path: Path, settings: Mapping[str, str]) -> None:
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items()]
    with path.open("a", encoding="utf-8") as file:
        file.writelines(lines)


def _launch(postgres: Postgres, data: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603
            [postgres.bin / "postgres", "-D", data],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=postgres.environment(),
            preexec_fn=_die_with_parent,
            start_new_session=True,
            **_server_user(),
        )


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _server_user() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    # postgres refuses to run as root
    account = _account()
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "umask": 0o077}


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _give(folder: Path) -> None:
    if os.geteuid() != 0:
        return
    account = _account()
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _base_folder() -> str:
    shared = Path("/dev/shm")  # noqa: S108 - memory, and a private folder of our own in it
    with contextlib.suppress(OSError):
        if os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > _ROOM:
            return str(shared)
    return tempfile.gettempdir()


@cache
def _template(postgres: Postgres, checksums: bool | None) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pggt", dir=_base_folder()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    _give(folder)
    options = ["-N", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]
    if postgres.major >= 11:
        options.append("--wal-segsize=1")
    if checksums:
        options.append("-k")
    elif checksums is False and postgres.major >= 18:
        options.append("--no-data-checksums")
    done = subprocess.run(  # noqa: S603
        [postgres.bin / "initdb", "-D", folder / "data", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=postgres.environment(),
        **_server_user(),
    )
    if done.returncode != 0:
        msg = f"initdb of PostgreSQL {postgres.version} failed: {done.stderr.strip().splitlines()[-1:]}"
        raise SetupError(msg)
    return folder / "data"


def _copy(template: Path, to: Path) -> None:
    subprocess.run(["cp", "-a", "--reflink=auto", template, to], check=True)  # noqa: S603, S607


def _reserve(listen: str) -> tuple[int, tuple[socket.socket, ...]]:
    """A TCP port that is free on all the addresses, and sockets that keep it for our server.

    They are bound and do not listen; with SO_REUSEADDR on both sides the server binds beside them
    (ip(7)), while the kernel gives the port to nobody else, not even during a restart.
    """
    places = _places(listen)
    for _ in range(_TRIES):
        held: list[socket.socket] = []
        port = 0
        try:
            for family, address in places:
                held.append(_bound(family, address, port))
                port = held[-1].getsockname()[1]
        except OSError as error:
            _close(held)
            if error.errno != errno.EADDRINUSE:
                msg = f"a throwaway server cannot listen on {listen}: {error.strerror}"
                raise SetupError(msg) from None
        else:
            return port, tuple(held)
    msg = f"no TCP port is free on {listen}: stop servers that are not needed"
    raise SetupError(msg)


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((address, port))
    except OSError:
        one.close()
        raise
    return one


def _places(listen: str) -> list[tuple[socket.AddressFamily, str]]:
    # the loopback address gives a number to a server that has only its socket
    names = [part.strip() for part in listen.split(",") if part.strip()] or ["127.0.0.1"]
    if "*" in names:
        names = ["0.0.0.0", "::"] if socket.has_dualstack_ipv6() else ["0.0.0.0"]  # noqa: S104
    found: dict[tuple[socket.AddressFamily, str], None] = {}
    for name in names:
        for family, _, _, _, address in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM):
            found[family, str(address[0])] = None
    return list(found)


def _close(held: Iterable[socket.socket]) -> None:
    for one in held:
        one.close()
