"""`pgguard keys` as a user runs it: what is printed, the exit codes, and no key anywhere."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.conftest import MAJOR
from tests.server.laboratory_keys import database, found_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.skipif(MAJOR is not None and MAJOR < 14, reason="encryption is for 14 and later")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def keys(pgguard: Run, new_cluster: Callable[..., Cluster], folder: Path) -> Run:
    """Runs `pgguard keys COMMAND DSN ...` on a new server; a policy names the file of the key."""
    dsn = database(new_cluster()).dsn()
    (folder / "pgguard.toml").write_text(f'[keys]\nprovider = "file:{folder}/kek"\n')

    def run(command: str, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
        done = pgguard("keys", command, "-d", dsn, *options, **more)
        secrets = [bytes.fromhex(one.read_text()) for one in folder.glob("kek*")]
        assert found_in(done.stdout + done.stderr, secrets) == []
        return done

    return run


def _holder(folder: Path) -> Path:
    make = ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-out", "PRIVATE.pem")
    subprocess.run(["openssl", *make], cwd=folder, check=True, capture_output=True)
    subprocess.run(
        ["openssl", "pkey", "-in", "PRIVATE.pem", "-pubout", "-out", "public.pem"], cwd=folder, check=True
    )
    return folder / "public.pem"


def test_from_the_first_key_to_the_last(keys: Run, folder: Path) -> None:
    assert keys("status").returncode == 2
    assert keys("init", "--generate", f"{folder}/kek").returncode == 0
    first = keys("status")
    assert first.returncode == 1
    assert "pgguard keys escrow" in first.stdout
    escrow = keys("escrow", "--to", str(_holder(folder)), "-o", f"{folder}/copy")
    assert (escrow.returncode, escrow.stderr) == (0, "")
    told = [one for one in (folder / "copy").read_text().splitlines() if one.startswith("opens-with: ")]
    (folder / "open.sh").write_text(told[0].removeprefix("opens-with: ").replace("FILE", "copy"))
    same = keys("restore-drill", "--copy", f"file:{folder}/kek")
    assert (same.returncode, same.stdout) == (2, "")
    assert keys("restore-drill", "--copy", "command:sh open.sh").returncode == 0
    assert keys("status").returncode == 0
    assert keys("rotate").returncode == 0
    assert keys("init", "--group", "genetic").returncode == 0
    assert keys("rotate-kek", "--generate", f"{folder}/kek.new").returncode == 0
    late = keys("rotate")
    assert (late.returncode, late.stdout) == (2, "")
    assert "epoch 1" in late.stderr
    os.replace(folder / "kek.new", folder / "kek")
    assert keys("rotate", "--group", "genetic", "--index").returncode == 0
    assert keys("destroy").returncode == 2
    assert keys("destroy", "--group", "genetic").returncode == 2
    assert keys("destroy", "--group", "genetic", "--yes-erase-values", "0").returncode == 0
    last = keys("status")
    assert last.returncode == 1
    assert last.stdout.count("destroyed") == 3


def test_a_generated_key_does_not_stay_when_it_is_not_used(keys: Run, folder: Path) -> None:
    assert keys("init", "--group", "no-group", "--generate", f"{folder}/kek").returncode == 2
    assert not (folder / "kek").exists()
    assert keys("init", "--generate", f"{folder}/kek").returncode == 0
    again = keys("init", "--generate", f"{folder}/kek.other")
    assert (again.returncode, (folder / "kek.other").exists()) == (2, False)
    (folder / "kek.wrong").write_text(os.urandom(32).hex())
    (folder / "kek.wrong").chmod(0o600)
    wrong = ("--provider", f"file:{folder}/kek.wrong", "--generate", f"{folder}/kek.new")
    assert keys("rotate-kek", *wrong).returncode == 2
    assert not (folder / "kek.new").exists()
    over = keys("rotate-kek", "--generate", f"{folder}/kek")
    assert (over.returncode, "not written over" in over.stderr) == (2, True)


def test_a_key_comes_from_wherever_the_command_line_says(keys: Run, folder: Path) -> None:
    (folder / "kek").write_text(os.urandom(32).hex())
    (folder / "kek").chmod(0o400)
    value = (folder / "kek").read_text()
    assert keys("init", "--provider", "env:SITE_KEK", SITE_KEK=value).returncode == 0
    assert keys("init", "--provider", f"command:cat {folder}/kek", "--group", "special").returncode == 0
    assert keys("init", "--group", "genetic").returncode == 0
    typed = keys("init", "--provider", "prompt", "--group", "other")
    assert (typed.returncode, "terminal" in typed.stderr) == (2, True)
    pasted = keys("init", "--provider", value)
    assert (pasted.returncode, value[:8] in pasted.stderr) == (2, False)
    (folder / "pgguard.toml").chmod(0o666)
    open_to_all = keys("init", "--group", "more")
    assert (open_to_all.returncode, "others may write it" in open_to_all.stderr) == (2, True)


def test_a_host_file_is_chosen_and_taken_back(keys: Run, folder: Path) -> None:
    keys("init", "--generate", f"{folder}/kek")
    for wrong in ((), ("--off", "/kek"), ("kek",), ("/no/such/file",)):
        assert keys("host-file", *wrong).returncode == 2
    assert keys("host-file", "--off").returncode == 0


def test_values_are_not_counted_where_that_is_not_wanted(keys: Run, folder: Path) -> None:
    keys("init", "--generate", f"{folder}/kek")
    done = keys("status", "--no-count")
    assert (done.returncode, "current" in done.stdout) == (1, True)


def test_a_lost_database_is_told_as_such(pgguard: Run, cluster: Cluster) -> None:
    done = pgguard("keys", "status", cluster.dsn(dbname="no_such_database"))
    assert done.returncode == 3
    with psycopg.connect(cluster.dsn()) as connection:
        assert connection.execute("SELECT to_regnamespace('pgguard')").fetchone() == (None,)
