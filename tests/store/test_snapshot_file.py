"""The snapshot file: what is saved is what is loaded, and what cannot be loaded is told in one sentence."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pgguard.errors import InputError, UsageError
from pgguard.model.rows import Column
from pgguard.model.section import Missing
from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.snapshot_file import load, save
from tests.odd_names import fill
from tests.snapshots import differences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster


@pytest.fixture(scope="module")
def snapshot(postgres) -> Snapshot:
    from pgguard.demo.cluster import Cluster

    with Cluster.start(postgres) as cluster:
        return read_snapshot(Target(cluster.dsn()))


@pytest.fixture
def saved(snapshot: Snapshot, tmp_path: Path) -> Path:
    path = tmp_path / "snapshot.json"
    save(snapshot, path)
    return path


def refused(path: Path | str) -> str:
    with pytest.raises(InputError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_what_is_saved_is_what_is_loaded(snapshot: Snapshot, saved: Path) -> None:
    loaded = load(saved)
    assert differences(snapshot, loaded, ignore=()) == {}
    assert loaded.target == snapshot.target
    again = saved.with_name("again.json")
    save(loaded, again)
    assert again.read_bytes() == saved.read_bytes()


def test_odd_names_and_missing_parts_survive(new_cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    cluster = new_cluster()
    fill(cluster)
    snapshot = read_snapshot(Target(cluster.dsn()))
    lost = Missing("out of reach: \x1b[31mé\n\"'\\")
    closed = DatabaseSnapshot(dict.fromkeys(DatabaseSnapshot.section_types(), lost), "unheard of")
    partly = Snapshot(
        {**{name: snapshot.rows(name) for name in Snapshot.section_types() if name not in snapshot.missing()}}
        | {name: Missing(reason) for name, reason in snapshot.missing().items()}
        | {"roles": lost},
        [closed, *snapshot.inspected],
        "a:5",
    )
    save(partly, tmp_path / "file")
    assert differences(partly, load(tmp_path / "file"), ignore=()) == {}


def test_the_file_is_private_and_written_whole_or_not_at_all(snapshot: Snapshot, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_text("precious")
    path.chmod(0o644)
    save(snapshot, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["snapshot.json"]


def test_a_failed_write_leaves_the_old_file_and_no_other(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "snapshot.json"
    path.write_text("precious")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match=r"cannot be written: No space left on device"):
        save(snapshot, path)
    assert path.read_text() == "precious"
    assert [one.name for one in tmp_path.iterdir()] == ["snapshot.json"]


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe", "device", "no-folder"])
def test_odd_places_are_refused(snapshot: Snapshot, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "place"
    victim = tmp_path / "victim"
    match kind:
        case "link":
            victim.write_text("precious")
            path.symlink_to(victim)
        case "dangling":
            path.symlink_to(victim)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path = type(path)("/dev/null")
        case "no-folder":
            path = tmp_path / "no" / "place"
    with pytest.raises(UsageError) as caught:
        save(snapshot, path)
    assert str(caught.value).startswith(f"{path}: ")
    assert victim.exists() == (kind == "link")
    assert kind != "link" or victim.read_text() == "precious"


def test_a_dash_is_standard_output_and_input(
    snapshot: Snapshot, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(written)):
        save(snapshot, "-")
        assert written.getvalue() == saved.read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(saved.read_bytes())))
    assert differences(load("-"), snapshot, ignore=()) == {}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(InputError, match=r"^standard input: it is empty"):
        load("-")


def test_there_is_no_file_or_no_plain_one(tmp_path: Path) -> None:
    assert "there is no such file" in refused(tmp_path / "nowhere")
    assert "it is a directory" in refused(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\n \n", "it is empty"),
        (b"\x7fELF\0\0\0", "a binary file"),
        (b"hello\n", "something else"),
        (b'{"a": 1}\n', "something else"),
        (b"[1, 2]\n", "its first line, which names the format, is missing"),
        (b"<html>\n", "something else"),
        (b'{"format": "other", "version": 1}\n', "something else"),
        (b'{"format": "pgguard-snapshot", "version": 99}\n[]', "a newer pgguard made it (format 99"),
        (b'{"format": "pgguard-snapshot", "version": "x"}\n', "something else"),
        ('{"format": "pgguard-snapshot"}'.encode("utf-16"), "UTF-16"),
        (b'{"format": "pgguard-snapshot", "version": 1}\n', "ends too early, in line 2"),
        (
            b'{"format": "pgguard-snapshot", "version": 1}\n{"end": true}\n',
            "the section server_rows is not in it",
        ),
        (
            b'{"format": "pgguard-snapshot", "version": 1}\n[1]\n{"end": true}\n',
            "line 2: a row stands outside",
        ),
        (b'{"format": "pgguard-snapshot", "version": 1}\n{"what": 1}\n{"end": true}\n', "line 2 is none of"),
        (b'{"format": "pgguard-snapshot", "version": 1}\n{"section": "x"}\n{"end": true}\n', "no section x"),
        (b'{"format": "pgguard-snapshot", "version": 1}\n{"end": true}\n{"end": true}\n', "follows the end"),
    ],
)
def test_what_is_no_snapshot(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert said in refused(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            b'[10,"postgres",true',
            b'["x","postgres",true',
            "is no row of section roles (Expected `int`, got `str`",
        ),
        (b'[10,"postgres",true', b'[10,"postgres"],[true', "is no row of section roles"),
        (b'[10,"postgres",true', b"[10,", "is no row of section roles (JSON is malformed"),
        (b'[10,"postgres",true', b'psql: warning\n[10,"postgres",true', "is no row of section roles"),
        (b'{"section":"roles"}', b'{"section":"rolls"}', "knows no section rolls"),
        (b'{"section":"roles"}', b'{"section":"roles"', "is none of a snapshot"),
        (b'{"section":"roles"}', b'{"section":"roles","missing":"x"}', "is none of a snapshot"),
        (b'{"section":"slots"}', b'{"section":"archiver"}', "the section slots is not in it"),
    ],
)
def test_a_corrupt_line_is_named(saved: Path, old: bytes, new: bytes, said: str) -> None:
    content = saved.read_bytes()
    assert content.count(old) == 1
    saved.write_bytes(content.replace(old, new))
    message = refused(saved)
    assert said in message
    at = content[: content.index(old)].count(b"\n") + 1
    if re.search(r"line \d", message):
        assert f"line {at}" in message or f"line {at + 1}" in message


def test_a_file_cut_anywhere_is_refused(saved: Path) -> None:
    content = saved.read_bytes()
    end = len(content.rstrip())
    for size in [*range(1, end, max(1, end // 150)), *range(end - 25, end)]:
        saved.write_bytes(content[:size])
        refused(saved)


def test_line_ends_and_blank_lines_do_not_matter(saved: Path, snapshot: Snapshot) -> None:
    content = saved.read_bytes()
    saved.write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n") + b"\r\n\r\n")
    assert differences(load(saved), snapshot, ignore=()) == {}


def test_bytes_of_other_encodings_are_read_as_latin_1(saved: Path) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content.replace(b'"postgres",true', b'"caf\xe9 \xc3\xa9",true'))
    assert "café é" in {role.name for role in load(saved).roles}


def test_databases_that_psql_did_not_come_to_are_unread(saved: Path) -> None:
    content = saved.read_bytes()
    at = content.index(b'{"database":"postgres"}')
    saved.write_bytes(content[:at] + b'{"connecting":"postgres"}\n')
    loaded = load(saved)
    assert {reason for _, _, reason in loaded.all_missing() if "psql" in reason}
    assert loaded.inspected[0].missing().keys() == DatabaseSnapshot.section_types().keys()


def test_loading_200_000_columns_takes_about_a_second(snapshot: Snapshot, tmp_path: Path) -> None:
    columns = tuple(
        Column(16384 + number // 10, number % 10 + 1, f"column_{number % 10}", "character varying(40)", *ROW)
        for number in range(200_000)
    )
    sections = {name: snapshot.inspected[0]._sections[name] for name in DatabaseSnapshot.section_types()}
    database = DatabaseSnapshot({**sections, "columns": columns}, "postgres")
    save(Snapshot(snapshot._sections, [database], "x"), tmp_path / "big")
    began = time.perf_counter()
    assert load(tmp_path / "big").inspected[0].columns == columns
    # far above what it takes on an idle machine (0.5 s), for tests share theirs
    assert time.perf_counter() - began < 10


ROW = (False, False, "", "", "")
