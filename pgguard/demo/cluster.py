"""Throwaway PostgreSQL clusters: started in a third of a second, gone with the process that started them."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
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
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from pgguard.demo.binaries import Postgres

_PR_SET_PDEATHSIG = 1
_START_SECONDS = 60.0
_ROOM = 512 * 1024 * 1024
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
        checksums: bool | None = None,
    ) -> Self:
        """A running cluster made from a copied initdb template.

        `listen` are its TCP addresses (none: only the socket); with `hba` None everybody gets in
        from the socket and from 127.0.0.1. Raises `SetupError` with the server's last words when it
        does not start.
        """
        folder = Path(tempfile.mkdtemp(prefix="pgg", dir=_base_folder()))
        try:
            folder.chmod(0o755)
            data = folder / "data"
            _copy(_template(postgres, checksums), data)
            if hba is not None:
                (data / "pg_hba.conf").write_text(hba, encoding="utf-8")
            if ident is not None:
                (data / "pg_ident.conf").write_text(ident, encoding="utf-8")
            if tls:
                write_certificates(folder, data)
            _give(folder)
            port = _free_port()
            lines = {
                **_DEFAULTS,
                "listen_addresses": ",".join(listen),
                "port": str(port),
                "unix_socket_directories": str(folder),
                **({"ssl": "on"} if tls else {}),
                **(settings or {}),
            }
            _append_settings(data / "postgresql.conf", lines)
            cluster = cls(postgres, folder, port, _launch(postgres, data, folder / "server.log"))
            cluster._wait_until_ready()
        except BaseException:
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
        """Have the server read its configuration files again, and wait until it has."""
        marker = self.log.stat().st_size if self.log.exists() else 0
        self._process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with self.log.open("rb") as log:
                log.seek(marker)
                if b"SIGHUP" in log.read():
                    break
            time.sleep(0.02)
        # the postmaster forwards the signal; backends started from now on have the new files
        time.sleep(0.05)

    def restart(self) -> None:
        """Stop the server fast and start it again on the same files."""
        self._end(signal.SIGINT)
        self._process = _launch(self.postgres, self.data_directory, self.log)
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop the server and remove its files; harmless when done before."""
        atexit.unregister(self.stop)
        self._end(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self, how: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(10)

    def _wait_until_ready(self) -> None:
        status = self.data_directory / "postmaster.pid"
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                lines = status.read_text("utf-8").splitlines()
                # manual, 67.1 and miscadmin.h: line 8 holds the status; line 1 is our own child's pid
                if lines[0] == str(self._process.pid) and len(lines) >= 8 and lines[7].startswith("ready"):
                    return
            time.sleep(0.01)
        self._end(signal.SIGQUIT)
        said = self.log.read_text("utf-8", "replace").strip().splitlines() if self.log.exists() else []
        msg = f"PostgreSQL {self.postgres.version} did not start: {' | '.join(said[-3:]) or 'no message'}"
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
