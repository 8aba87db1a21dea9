"""The journal: what is appended stays, and what is changed is told."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pgguard.errors import InputError, UsageError
from pgguard.store.mandate_journal import append, read_journal
from tests.mandates_made import mandate

if TYPE_CHECKING:
    from pgguard.model.mandate import Mandate


@pytest.fixture
def one(tmp_path):
    (tmp_path / "out").mkdir(0o700)
    return mandate(tmp_path / "out")


def _file(one: Mandate) -> Path:
    return Path(one.folder, one.name, "journal.jsonl")


def test_a_chain_grows(one):
    assert read_journal(one).entries == ()
    first = append(one, "opened", {"login": "dba"})
    append(one, "extracted", {"rows": "3", "note": "line\nbreak\x85"})
    journal = read_journal(one)
    assert journal.problem == ""
    assert [entry.event for entry in journal.entries] == ["opened", "extracted"]
    assert journal.entries[0] == first
    assert journal.entries[1].details["note"] == "line\nbreak\x85"
    last = journal.last("opened")
    assert last is not None
    assert last.digest == first.digest
    assert journal.last("erased") is None
    assert _file(one).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [lines[0].replace(b"dba", b"dbx"), *lines[1:]], "between the lines 1 and 2"),
        (lambda lines: [lines[0], lines[2]], "the lines 1 and 2"),
        (lambda lines: lines[1:], "between the lines 0 and 1"),
        (lambda lines: [*lines, lines[2]], "between the lines 3 and 4"),
        (lambda lines: [lines[0], b"", *lines[1:]], "line 2 is no line"),
        (lambda lines: [lines[0].replace(b"migration", b"migratiox"), *lines[1:]], "of mandate migratiox"),
    ],
)
def test_a_broken_chain_is_told_and_not_lengthened(one, change, said):
    for number in range(3):
        append(one, "opened", {"login": "dba", "number": str(number)})
    lines = _file(one).read_bytes().split(b"\n")[:-1]
    _file(one).write_bytes(b"\n".join(change(lines)) + b"\n")
    assert said in read_journal(one).problem
    with pytest.raises(InputError, match="who changed it"):
        append(one, "closed", {})


def test_a_line_that_was_cut_off_is_replaced(one):
    append(one, "opened", {})
    content = _file(one).read_bytes()
    _file(one).write_bytes(content + content[:30])
    assert "cut off" in read_journal(one).problem
    append(one, "closed", {})
    assert [entry.event for entry in read_journal(one).entries] == ["opened", "closed"]
    assert read_journal(one).problem == ""


def test_a_link_is_not_written_through(one, tmp_path):
    append(one, "opened", {})
    target = tmp_path / "target"
    target.write_bytes(_file(one).read_bytes())
    _file(one).unlink()
    _file(one).symlink_to(target)
    before = target.read_bytes()
    with pytest.raises(UsageError):
        append(one, "closed", {})
    assert target.read_bytes() == before


def test_two_at_the_same_time(one):
    code = (
        "import pickle, sys; from pgguard.store.mandate_journal import append\n"
        "one = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "for _ in range(20): append(one, 'opened', {})\n"
    )
    given = pickle.dumps(one).hex()
    running = [subprocess.Popen([sys.executable, "-c", code, given]) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    journal = read_journal(one)
    assert journal.problem == ""
    assert len(journal.entries) == 60
