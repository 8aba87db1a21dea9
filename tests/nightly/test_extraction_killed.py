"""An extraction killed at every phase, how much memory it takes, and that no clear byte touches a disk."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pyrage
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.model.mandate import MandateTable
from pgguard.nightly.extraction import extract
from pgguard.nightly.mandate_verify import verify
from pgguard.server.connect import Target
from pgguard.store.mandate_journal import read_journal
from tests.mandates_made import (
    NOW,
    PLANTED,
    ROLE,
    SETUP,
    TABLE,
    age_identity,
    certificate,
    mandate,
    openpgp_key,
    own_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres
    from pgguard.model.mandate import Mandate

BIG = MandateTable("migration", "lab.big", ("id", "text"))
SOME = MandateTable("migration", "lab.few", ("id", "text"))
_ROWS, _SOME = 60_000, 3_000


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres) as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute(SETUP.encode())
            connection.execute(
                "CREATE TABLE lab.big AS SELECT i AS id, repeat(md5(i::text), 32) AS text "
                f"FROM generate_series(1, {_ROWS}) AS i; UPDATE lab.big SET text = '{PLANTED}' || text;"
                f"CREATE TABLE lab.few AS SELECT * FROM lab.big WHERE id <= {_SOME};"
                f"GRANT USAGE ON SCHEMA lab TO {ROLE}; GRANT SELECT ON lab.big, lab.few TO {ROLE}"
            )
        yield running


@pytest.fixture
def identity() -> Any:
    return age_identity()


@pytest.fixture
def one(tmp_path: Path, identity: Any) -> Mandate:
    (tmp_path / "out").mkdir(0o700)
    return mandate(tmp_path / "out", str(identity.to_public()))


def _names(one: Mandate) -> set[str]:
    return {each.name for each in own_folder(one).iterdir()}


KILL = """
import os, pickle, signal, sys
import pgguard.nightly.extraction as module
from pgguard.server.connect import Target
from pgguard.store.encrypting import Encryption

one, tables, now, dsn, (name, number, after) = pickle.loads(bytes.fromhex(sys.argv[1]))
owner = Encryption if hasattr(Encryption, name) else module
real, calls = getattr(owner, name), [0]

def killing(*arguments, **named):
    calls[0] += 1
    last = calls[0] == number
    if last and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    done = real(*arguments, **named)
    if last:
        os.kill(os.getpid(), signal.SIGKILL)
    return done

setattr(owner, name, killing)
module.extract(one, tables, Target.from_options(dsn), now)
"""


@pytest.mark.parametrize(
    "point",
    [
        ("append", 1, True),
        ("write", 1, True),
        ("finish", 1, True),
        ("publish", 1, False),
        ("publish", 1, True),
        ("write_manifest", 1, True),
    ],
    ids=str,
)
def test_killed_at_every_phase(server: Cluster, one: Mandate, identity: Any, point: Any) -> None:
    given = pickle.dumps((one, [TABLE, SOME], NOW, server.dsn(user=ROLE), point)).hex()
    killed = subprocess.run([sys.executable, "-c", KILL, given], check=False)
    assert killed.returncode == -signal.SIGKILL
    left = _names(one)
    for path in own_folder(one).iterdir():
        assert PLANTED.encode() not in path.read_bytes()
        if path.suffix == ".age":
            # what has its name is whole
            assert pyrage.decrypt(path.read_bytes(), [identity])
    assert ("manifest.json" in left) == (point[0] == "write_manifest")
    done = extract(one, [TABLE, SOME], Target.from_options(server.dsn(user="postgres")), NOW)
    assert done.rows == 5 + _SOME
    found = verify(one, [TABLE, SOME], NOW, identity=str(identity).encode())
    assert [each for each in found if each.verdict not in ("pass", "noted")] == []
    assert _names(one) == {
        "lab.analysis.csv.age",
        "lab.few.csv.age",
        "checksums.json.age",
        "manifest.json",
        "journal.jsonl",
    }
    begun = sum(each.event == "extracting" for each in read_journal(one).entries)
    # only what had its manifest was not read again
    assert begun == (1 if point[0] == "write_manifest" else 2)


MEASURE = """
import pickle, resource, sys
from pgguard.nightly.extraction import extract
from pgguard.server.connect import Target

one, tables, now, dsn = pickle.loads(bytes.fromhex(sys.argv[1]))
extract(one, tables, Target.from_options(dsn), now)
for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
    print(resource.getrusage(who).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_rows(server: Cluster, tmp_path: Path) -> None:
    peaks = []
    to = [str(age_identity().to_public()), certificate(tmp_path / "r.asc", openpgp_key())]
    for name, table in (("small", TABLE), ("big", BIG)):
        (tmp_path / name).mkdir(0o700)
        one = mandate(tmp_path / name, *to)
        given = pickle.dumps((one, [table], NOW, server.dsn(user=ROLE))).hex()
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, given], check=True, capture_output=True, text=True
        )
        peaks.append([int(size) for size in done.stdout.split()])
    # 60 MB of rows; in KiB
    assert peaks[1][0] - peaks[0][0] < 16 * 1024
    assert peaks[1][1] - peaks[0][1] < 16 * 1024


def test_no_clear_byte_in_files_arguments_or_environment(
    server: Cluster, one: Mandate, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    given = pickle.dumps((one, [BIG], NOW, server.dsn(user=ROLE))).hex()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    process = subprocess.Popen(
        [sys.executable, "-c", MEASURE, given], env=environment, stdout=subprocess.DEVNULL
    )
    opened: set[str] = set()
    told = b""

    def watch() -> None:
        nonlocal told
        while process.poll() is None:
            for number in [process.pid, *_children(process.pid)]:
                try:
                    folder = f"/proc/{number}/fd"
                    opened.update(os.readlink(f"{folder}/{each}") for each in os.listdir(folder))
                    told += Path(f"/proc/{number}/cmdline").read_bytes()
                    told += Path(f"/proc/{number}/environ").read_bytes()
                except OSError:
                    continue
            time.sleep(0.005)

    watching = threading.Thread(target=watch)
    watching.start()
    assert process.wait() == 0
    watching.join()
    written = {each for each in opened if each.startswith(str(tmp_path))}
    assert any(each.endswith(".part") for each in written)
    allowed = str(own_folder(one))
    assert all(each.startswith(allowed) or each == str(tmp_path / "out") for each in written), written
    assert list((tmp_path / "tmp").iterdir()) == []
    assert PLANTED.encode() not in told
    for each in own_folder(one).iterdir():
        assert PLANTED.encode() not in each.read_bytes()


def _children(number: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
    except OSError:
        return []
