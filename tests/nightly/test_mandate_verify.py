"""What verify finds of an extraction that was changed, and of reads that were seen."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.model.reads import ReadSeen
from pgguard.nightly.extraction import extract
from pgguard.nightly.mandate_verify import verify
from pgguard.server.connect import Target
from tests.mandates_made import (
    NOW,
    ROLE,
    SETUP,
    TABLE,
    UNDO,
    age_identity,
    certificate,
    mandate,
    openpgp_key,
    own_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres
    from pgguard.model.extraction import Checked
    from pgguard.model.mandate import Mandate

VIEW = "mandate_migration.lab__analysis"


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute(SETUP.encode())
        yield running
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute(UNDO.encode())


@pytest.fixture
def identity() -> Any:
    return age_identity()


@pytest.fixture
def one(tmp_path: Path, identity: Any) -> Mandate:
    (tmp_path / "out").mkdir(0o700)
    return mandate(tmp_path / "out", str(identity.to_public()))


@pytest.fixture
def done(server: Cluster, one: Mandate) -> Mandate:
    extract(one, [TABLE], Target.from_options(server.dsn(user=ROLE)), NOW)
    return one


def _fails(found: list[Checked]) -> str:
    return "\n".join(f"{one.subject}: {one.said}" for one in found if one.verdict == "fail")


def _verdicts(found: list[Checked]) -> set[str]:
    return {one.verdict for one in found}


def test_all_agrees(server: Cluster, done: Mandate, identity: Any) -> None:
    found = verify(done, [TABLE], NOW, target=Target(server.dsn()), identity=str(identity).encode())
    assert _verdicts(found) == {"pass", "noted"}
    said = {one.said for one in found}
    assert "5 rows in clear text, checksums agree" in said
    assert "5 rows in the database now, 5 extracted" in said


def test_an_openpgp_identity(server: Cluster, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(0o700)
    key = openpgp_key()
    one = mandate(tmp_path / "out", certificate(tmp_path / "r.asc", key))
    extract(one, [TABLE], Target.from_options(server.dsn(user=ROLE)), NOW)
    found = verify(one, [TABLE], NOW, identity=str(key).encode())
    assert _verdicts(found) == {"pass", "noted"}
    assert "5 rows in clear text, checksums agree" in {each.said for each in found}
    wrong = verify(one, [TABLE], NOW, identity=str(age_identity()).encode())
    assert "nothing was encrypted to a key of this kind (age)" in {each.said for each in wrong}
    assert "unknown" in _verdicts(wrong)


def test_nothing_was_extracted(one: Mandate) -> None:
    assert _verdicts(verify(one, [TABLE], NOW)) == {"unknown"}


def test_files_that_were_changed(done: Mandate, identity: Any) -> None:
    file = own_folder(done) / "lab.analysis.csv.age"
    whole = file.read_bytes()

    def failed(secret: str = "") -> str:
        return _fails(verify(done, [TABLE], NOW, identity=secret.encode()))

    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "its sha256 is another one" in failed()
    assert "does not open it, or it was changed" in failed(str(identity))
    file.write_bytes(whole[:-5])
    assert f"it has {len(whole) - 5} bytes" in failed()
    file.write_bytes(b"id,taken,result\n".ljust(len(whole), b"x"))
    assert "does not begin as an encrypted file" in failed()
    file.write_bytes(whole)
    file.chmod(0o644)
    assert "others may read it (mode 0644" in failed()
    file.chmod(0o600)
    assert failed() == ""
    stray = own_folder(done) / "notes.txt"
    stray.write_text("x")
    assert "notes.txt: it is not of the mandate" in failed()
    stray.unlink()
    draft = own_folder(done) / ".lab.analysis.csv.age.part"
    draft.write_text("x")
    assert "left by an extraction that did not end" in failed()
    draft.unlink()
    assert "does not open it" in failed(str(age_identity()))
    file.unlink()
    assert "lab.analysis.csv.age: it is gone" in failed()


def test_a_manifest_that_was_changed(done: Mandate) -> None:
    manifest = own_folder(done) / "manifest.json"
    said = manifest.read_text()
    manifest.write_text(said.replace('"rows": 5', '"rows": 4'))
    assert "not the one that the journal" in _fails(verify(done, [TABLE], NOW))
    manifest.unlink()
    assert "no extraction was completed" in _fails(verify(done, [TABLE], NOW))


def test_a_policy_that_says_something_else(done: Mandate) -> None:
    def failed(one: Mandate = done, **changes: Any) -> str:
        return _fails(verify(one, [dataclasses.replace(TABLE, **changes)], NOW))

    assert "another condition on rows" in failed(rows="taken >= DATE '2024-03-02'")
    assert "another columns" in failed(columns=("id", "taken"))
    assert "another ceiling" in failed(ceiling=4)
    assert "5 rows, of 4 allowed" in failed(ceiling=4)
    assert "it was extracted, and is not in the mandate" in failed(table="lab.other")
    assert "it is in the mandate, and was not extracted" in failed(table="lab.other")
    assert "5 rows in all, of 3 allowed" in failed(dataclasses.replace(done, ceiling=3))
    assert "another the instruction's sha256" in failed(dataclasses.replace(done, sha256="0" * 64))
    later = dataclasses.replace(done, start=done.until)
    assert "window: extracted at" in failed(later)
    other = dataclasses.replace(done, recipients=(str(age_identity().to_public()),))
    assert "encrypted to other keys" in failed(other)


def test_a_server_that_cannot_be_asked(server: Cluster, done: Mandate, tmp_path: Path) -> None:
    nowhere = verify(done, [TABLE], NOW, target=Target.from_options(host=str(tmp_path), port="1"))
    assert "unknown" in _verdicts(nowhere)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE verifier LOGIN")
        try:
            found = verify(done, [TABLE], NOW, target=Target.from_options(server.dsn(user="verifier")))
        finally:
            connection.execute("DROP ROLE verifier")
    assert [one.verdict for one in found if "cannot be counted now" in one.said] == ["unknown"]


def _seen(relation: str, rows: int, command: str = "COPY") -> ReadSeen:
    at = NOW.isoformat()
    return ReadSeen(
        at, "s", "postgres", ROLE, "", "", "", relation, (), "named", command, "pgaudit session", rows, 1
    )


@pytest.mark.parametrize(
    ("reads", "verdict", "said"),
    [
        ([_seen(VIEW, 5), _seen(VIEW, 1, "SELECT")], "pass", "5 rows were read by COPY, 5 delivered"),
        ([], "unknown", "nobody recorded"),
        ([_seen(VIEW, -1)], "unknown", "nobody recorded"),
        ([_seen(VIEW, 3)], "unknown", "3 rows were read by COPY, 5 delivered"),
        ([_seen(VIEW, 5), _seen(VIEW, 5)], "fail", "10 rows were read by COPY, 5 delivered"),
        ([_seen(VIEW, 5), _seen("lab.patient", 1, "SELECT")], "fail", "it is not mandated"),
        ([_seen(VIEW, 5), _seen(VIEW, 9, "SELECT")], "noted", "9 rows were read besides"),
    ],
    ids=["alike", "none", "uncounted", "fewer", "twice", "beyond", "besides"],
)
def test_reads_that_were_seen(done: Mandate, reads: list[ReadSeen], verdict: str, said: str) -> None:
    found = verify(done, [TABLE], NOW, reads=reads)
    assert [one.verdict for one in found if said in one.said] == [verdict]
