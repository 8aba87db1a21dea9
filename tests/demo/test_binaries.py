"""Fetched servers are put in place in one step, whoever else fetches the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pgguard.demo.binaries import _put_in_place

if TYPE_CHECKING:
    from pathlib import Path


def unpacked(parent: Path, by: str) -> Path:
    folder = parent / by / "unpacked"
    folder.mkdir(parents=True)
    (folder / "ready").touch()
    (folder / "postgres").write_text(by, encoding="utf-8")
    return folder


def test_the_faster_of_two_runs_is_not_disturbed(tmp_path: Path) -> None:
    root = tmp_path / "npm-10"
    slower = unpacked(tmp_path, "slower")
    _put_in_place(unpacked(tmp_path, "faster"), root)
    running = (root / "postgres").stat().st_ino
    _put_in_place(slower, root)
    assert (root / "postgres").stat().st_ino == running
    assert (root / "postgres").read_text("utf-8") == "faster"


def test_what_an_interruption_left_is_replaced(tmp_path: Path) -> None:
    root = tmp_path / "npm-10"
    (root / "native").mkdir(parents=True)
    _put_in_place(unpacked(tmp_path, "whole"), root)
    assert sorted(path.name for path in root.iterdir()) == ["postgres", "ready"]


def test_a_place_that_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        _put_in_place(unpacked(tmp_path, "whole"), tmp_path / "none" / "npm-10")
