"""`pgguard audit seal, verify, prove, ...` as a user runs them: what is printed, and the exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.audit.evidence import copy_of, superuser, value, write, written_store

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def sealed(running: Cluster) -> str:
    return written_store(running, "commanded")


@pytest.fixture
def store(running: Cluster, sealed: str) -> str:
    return copy_of(running, "commanding", sealed)


@pytest.fixture
def audit(pgguard: Run, store: str) -> Run:
    """Runs `pgguard audit COMMAND -d DSN ...`."""

    def run(command: str, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
        return pgguard("audit", command, "-d", store, *options, **more)

    return run


def test_seal_anchor_verify_tamper(audit: Run, store: str, tmp_path: Path) -> None:
    anchors, state = tmp_path / "anchors", tmp_path / "state"
    with psycopg.connect(store, autocommit=True) as connection:
        write(connection, 1000)
    taken = tmp_path / "taken"
    done = audit("seal", "--anchor", f"file:{anchors}", "--anchor", f"command:cp /dev/stdin {taken}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("entries sealed\n")
    assert taken.read_text() == anchors.read_text()
    assert anchors.stat().st_mode & 0o777 == 0o600
    kept = json.loads(anchors.read_text())
    done = audit("verify", "--anchor", str(anchors), "--state", str(state))
    assert done.returncode == 0, done.stderr
    assert "all are as they were sealed" in done.stdout
    assert f"anchors vouch for the seals up to {kept['seal']}" in done.stdout
    done = audit("verify", "--state", str(state))
    assert done.returncode == 0
    assert "no anchor vouches" in done.stdout
    with superuser(store) as connection:
        one = value(connection, "SELECT min(id) FROM pgguard_audit.entry WHERE verb = 'DELETE'")
        connection.execute(b"UPDATE pgguard_audit.entry SET login = 'somebody' WHERE id = %d" % one)
        number = value(
            connection, "SELECT pgguard_audit.seal_of(xid, id) FROM pgguard_audit.entry WHERE id = %s", one
        )
    done = audit("verify", "--anchor", str(anchors))
    assert done.returncode == 1
    assert (
        done.stdout.splitlines()[0]
        == f"TAMPERED  entry {one} (seal {number}) was changed after it was sealed"
    )


def test_a_seal_that_could_not_be_anchored_is_said(audit: Run, tmp_path: Path) -> None:
    done = audit(
        "seal", "--anchor", f"file:{tmp_path}", "--anchor", "command:false", "--anchor", "command:/not/there"
    )
    assert done.returncode == 4
    assert "Is a directory" in done.stderr
    assert "the command ended with 1" in done.stderr
    assert "could not be started" in done.stderr
    done = audit("seal", "--anchor", "carrier:pigeon")
    assert done.returncode == 2
    assert "an anchor goes to file:PATH" in done.stderr


def test_anchors_that_were_broken_off_are_left_out(audit: Run, store: str, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors"
    audit("seal", "--anchor", f"file:{anchors}")
    whole = anchors.read_text()
    anchors.write_text(whole[: len(whole) // 2])
    with psycopg.connect(store, autocommit=True) as connection:
        write(connection, 1000)
    audit("seal", "--anchor", f"file:{anchors}")
    done = audit("verify", "--anchor", str(anchors))
    assert done.returncode == 0, done.stderr
    assert "anchors:1: this line is no anchor, or was broken off" in done.stdout
    anchors.write_text("nothing\n")
    done = audit("verify", "--anchor", str(anchors))
    assert done.returncode == 2
    assert "there is no anchor of pgguard in it" in done.stderr


def test_an_entry_is_proved_to_somebody_without_access(
    audit: Run, pgguard: Run, store: str, tmp_path: Path
) -> None:
    anchors, proof = tmp_path / "anchors", tmp_path / "proof"
    audit("seal", "--anchor", f"file:{anchors}")
    with psycopg.connect(store, autocommit=True) as connection:
        one, name = connection.execute(
            "SELECT id, new[2] FROM pgguard_audit.entry WHERE verb = 'INSERT' AND shape = 1 "
            "ORDER BY id OFFSET 7 LIMIT 1"
        ).fetchone() or (0, "")
        write(connection, 1000)
        first = value(connection, "SELECT max(number) FROM pgguard_audit.seal")
    done = audit("prove", "--entry", str(one), "--anchor", str(anchors), "-o", str(proof))
    assert done.returncode == 0, done.stderr
    # the values are not in it
    assert name.startswith("note ")
    assert name.encode().hex() not in proof.read_text()
    done = pgguard("audit", "check-proof", str(proof), "--anchor", str(anchors))
    assert (done.returncode, done.stdout) == (0, "it holds\n")
    done = pgguard("audit", "check-proof", str(proof))
    assert done.returncode == 3
    told = json.loads(proof.read_text())
    for field, other in (("entry", one + 1), ("digest", "00" * 32)):
        proof.write_text(json.dumps({**told, field: other}))
        assert pgguard("audit", "check-proof", str(proof), "--anchor", str(anchors)).returncode == 1, field
    audit("seal", "--anchor", f"file:{anchors}")
    done = audit("prove-growth", "--from", str(first), "-o", str(proof))
    assert done.returncode == 0, done.stderr
    assert pgguard("audit", "check-proof", str(proof), "--anchor", str(anchors)).returncode == 0
    told = json.loads(proof.read_text())
    proof.write_text(json.dumps({**told, "first_head": "00" * 32}))
    assert pgguard("audit", "check-proof", str(proof), "--anchor", str(anchors)).returncode == 1
    done = audit("prove", "--entry", "900000")
    assert done.returncode == 2
    assert "no seal knows the entry 900000" in done.stderr


def test_a_person_is_erased_by_standard_input(audit: Run, store: str) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        held = value(connection, "SELECT count(*) FROM pgguard_audit.entry WHERE subject IN ('3', '4')")
        connection.execute("UPDATE patient SET note = 'late' WHERE id = 4")
    done = audit("erase-subject", "--reason", "request 12", text_input="3\n4\n")
    assert done.returncode == 4, done.stderr
    assert done.stdout == f"{held} entries erased, 1 not sealed yet\n"
    audit("seal")
    done = audit("erase-subject", "--reason", "request 12", text_input="3\n4\n")
    assert (done.returncode, done.stdout) == (0, "1 entries erased\n")
    assert audit("verify").returncode == 0


def test_status_partitions_and_purge(audit: Run, store: str) -> None:
    audit("seal")
    done = audit("status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "entry_rest  empty" in done.stdout
    with psycopg.connect(store, autocommit=True) as connection:
        write(connection, 1000)
        connection.execute("UPDATE pgguard_audit.installation SET ahead = ahead + 2")
    done = audit("status", "--max-lag", "0")
    assert done.returncode == 1
    assert "is pgguard audit seal running?" in done.stdout
    done = audit("partitions")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2
    assert audit("partitions").stdout == "none is missing\n"
    assert audit("purge", "--before", "2019-01-01").returncode == 0
    done = audit("purge", "--before", "2100-01-01")
    assert done.returncode == 2
    assert "kept for at least" in done.stderr


def test_a_database_without_a_store_is_told(pgguard: Run, running: Cluster) -> None:
    for command in ("seal", "verify"):
        done = pgguard("audit", command, "-d", running.dsn(dbname="template1"))
        assert done.returncode == 2, command
        assert "the database template1 has no audit store" in done.stderr


def test_a_login_learns_which_role_it_lacks(pgguard: Run, store: str) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS nobody_much; CREATE ROLE nobody_much LOGIN")
    dsn = psycopg.conninfo.make_conninfo(store, user="nobody_much")
    for command, role in (("seal", "keeper"), ("verify", "reader")):
        done = pgguard("audit", command, "-d", dsn)
        assert done.returncode == 2, command
        assert f"GRANT pgguard_audit_{role} TO nobody_much" in done.stderr


def test_who_seals_cannot_read_and_who_reads_verifies(pgguard: Run, store: str) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        for login in ("keeper", "reader"):
            made = f"CREATE ROLE a_{login} LOGIN IN ROLE pgguard_audit_{login}"
            connection.execute(f"DROP ROLE IF EXISTS a_{login}; {made}".encode())
        write(connection, 1000)
    keeper, reader = (psycopg.conninfo.make_conninfo(store, user=f"a_{one}") for one in ("keeper", "reader"))
    assert pgguard("audit", "seal", "-d", keeper).returncode == 0
    done = pgguard("audit", "verify", "-d", reader)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(keeper, autocommit=True) as connection:
        for query in (
            "SELECT * FROM pgguard_audit.entry",
            "SELECT * FROM pgguard_audit.seal_leaf",
            "INSERT INTO pgguard_audit.seal SELECT * FROM pgguard_audit.seal",
            "SELECT * FROM pgguard_audit.purge(now())",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(query.encode())
        # a seal that does not go on where the last one ended
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(
                "SELECT pgguard_audit.add_seal(1, false, 5, 6, 1, 1, 1, "
                "sha256(''), sha256(''), sha256(''), '')"
            )
        assert refused.value.sqlstate == "PGA05"
