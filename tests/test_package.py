"""The wheel holds all that the program needs, and works from any directory."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel unpacked, as pip puts it into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_sql_travels_with_its_licence(installed: Path) -> None:
    travelled = {
        path.relative_to(installed / "pgguard/sql") for path in (installed / "pgguard/sql").rglob("*.*")
    }
    here = {path.relative_to(ROOT / "sql") for path in (ROOT / "sql").rglob("*.*")}
    assert travelled == here
    assert (installed / "pgguard/sql/LICENSE").is_file()
    assert (installed / "pgguard/py.typed").is_file()


def test_an_installed_wheel_inspects_from_any_directory(
    installed: Path, cluster: Cluster, tmp_path: Path
) -> None:
    code = (
        "import pgguard, sys; from pgguard.cli.main import main; "
        "print(pgguard.__file__, file=sys.stderr); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "inspect", cluster.dsn(), "--check", "hba-trust-local"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.strip() == str(installed / "pgguard/__init__.py")
    assert "hba-trust-local" in done.stdout
    assert done.returncode == 1
