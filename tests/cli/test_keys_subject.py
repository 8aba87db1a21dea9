"""One person erased as a user does it: from the policy to the last command, and what is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.conftest import MAJOR
from tests.server.laboratory_keys import database

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.skipif(MAJOR is not None and MAJOR < 14, reason="encryption is for 14 and later")
PERSON = "7391846205137"
POLICY = """
[keys]
provider = "file:{folder}/kek"

[[encrypt]]
column = "lab.visit.said"

[[encrypt_table]]
table = "lab.visit"
subject = "patient"
"""


def test_a_person_is_erased_from_policy_to_report(
    pgguard: Run, new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    dsn = database(new_cluster()).dsn()
    (tmp_path / "pgguard.toml").write_text(POLICY.format(folder=tmp_path))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE SCHEMA lab;"
            "CREATE TABLE lab.visit (id int PRIMARY KEY, patient bigint NOT NULL, said text)"
        )
        connection.execute("INSERT INTO lab.visit VALUES (1, %s, 'a'), (2, 2, 'b')", (PERSON,))
        connection.execute("ANALYZE lab.visit")

    def run(code: int, *arguments: str, text_input: str = "") -> str:
        done = pgguard(*arguments, "-d", dsn, text_input=text_input)
        assert done.returncode == code, done.stdout + done.stderr
        assert PERSON not in done.stdout + done.stderr
        return done.stdout + done.stderr

    assert "main, subject" in run(0, "keys", "init", "--subjects", "--generate", f"{tmp_path}/kek")
    with psycopg.connect(dsn, autocommit=True) as connection:
        # as if an escrow copy and a drill had been
        connection.execute("UPDATE pgguard.kek SET escrow_at = now(), drill_at = now()")
    run(0, "plan", "--encrypt", "-o", f"{tmp_path}/enc")
    files = "".join(one.name for one in sorted((tmp_path / "enc").iterdir()))
    assert "subject_keys_installed" in files
    run(0, "apply", f"{tmp_path}/enc", "--all")
    status = run(0, "keys", "status")
    assert "subject" in status
    erase = ("keys", "destroy-subject", "--table", "lab.visit")
    assert "2 lines" in run(2, *erase, text_input="1\n2\n")
    assert "--yes-erase-values 1" in run(2, *erase, text_input=PERSON)
    told = run(0, *erase, "--yes-erase-values", "1", text_input=f"{PERSON}\n")
    assert "lab.visit: 1 row, 1 value that nobody can read" in told
    assert "destroy the old key-encryption key" in told
    assert "1 secret of persons sealed anew" in run(0, "keys", "new-epoch")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pgguard.unlock(%b)", (bytes.fromhex((tmp_path / "kek").read_text()),))
        rows = connection.execute("SELECT id, said FROM lab.visit ORDER BY id").fetchall()
    assert rows == [(1, None), (2, "b")]
