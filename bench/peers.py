"""Programs of others that manage roles and privileges, from PyPI, in an environment that is thrown away.

pgbedrock reads a cluster into a file and makes a cluster as such a file says. ldap2pg makes roles and
grants as its file says; without an LDAP server asked for, its LDAP library is not used, and where that
cannot be built an empty module of its name stands in.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from bench.process import Run, timed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

PGBEDROCK = "pgbedrock==0.4.2"
LDAP2PG = "ldap2pg==5.9"
_LDAP = """
class LDAPError(Exception):
    pass


SCOPE_BASE, SCOPE_ONELEVEL, SCOPE_SUBTREE, SCOPE_SUBORDINATE = range(4)
__version__ = "none"
"""
# pkg_resources, which older programs import, left setuptools with this version
_SETUPTOOLS = "setuptools<81"


class AbsentError(Exception):
    """A peer that cannot be had or run here; says why."""


class Pgbedrock:
    """pgbedrock in an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self._bin = _environment(folder)
        _install(self._bin, PGBEDROCK, _SETUPTOOLS)

    def generate(self, cluster: Cluster, spec: Path) -> Run:
        """Write the cluster's roles, memberships, owners and privileges to a file."""
        return self._run(["generate", *_target(cluster)], output=spec)

    def configure(self, cluster: Cluster, spec: Path, *, live: bool) -> Run:
        """Make the cluster as the file says, or look what that would take."""
        return self._run(["configure", *_target(cluster), "--live" if live else "--check", str(spec)])

    def _run(self, arguments: Sequence[str], output: Path | None = None) -> Run:
        try:
            return timed([str(self._bin / "pgbedrock"), *arguments], output=output)
        except RuntimeError as error:
            raise AbsentError(str(error)) from None


class Ldap2pg:
    """ldap2pg in an environment of its own; `note` says what of it is not the original."""

    def __init__(self, folder: Path) -> None:
        self._bin = _environment(folder)
        self.note = ""
        try:
            _install(self._bin, LDAP2PG, _SETUPTOOLS)
        except AbsentError:
            _install(self._bin, "--no-deps", LDAP2PG)
            _install(self._bin, "psycopg2", "pyyaml", _SETUPTOOLS)
            (library,) = folder.glob("lib/python*/site-packages")
            (library / "ldap").mkdir()
            (library / "ldap/__init__.py").write_text(_LDAP, encoding="utf-8")
            (library / "ldap/dn.py").write_text(
                "def str2dn(*_): raise NotImplementedError\n", encoding="utf-8"
            )
            (library / "ldap/sasl.py").touch()
            self.note = "python-ldap cannot be built here: an empty module stands in, no LDAP server is asked"

    def apply(self, cluster: Cluster, config: Path) -> Run:
        """Make roles and grants as the file says."""
        dsn = f"host={cluster.socket_dir} port={cluster.port} user=postgres dbname=postgres"
        try:
            return timed(
                [str(self._bin / "ldap2pg"), "--real", "--quiet", "--config", str(config)],
                environment={"PGDSN": dsn},
            )
        except RuntimeError as error:
            raise AbsentError(str(error)) from None


def _environment(folder: Path) -> Path:
    _quietly([sys.executable, "-m", "venv", str(folder)])
    return folder / "bin"


def _install(binaries: Path, *packages: str) -> None:
    _quietly([str(binaries / "python"), "-m", "pip", "install", "--disable-pip-version-check", *packages])


def _quietly(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "")
        msg = f"{' '.join(command[-2:])}: {said}"
        raise AbsentError(msg)


def _target(cluster: Cluster) -> list[str]:
    return ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres", "-d", "postgres"]
