"""Folders that cannot take a mandate's files."""

from __future__ import annotations

import os

import pytest

from pgguard.errors import UsageError
from pgguard.store.export_folder import check_folder, open_folder
from tests.mandates_made import mandate


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "out"
    made.mkdir(0o700)
    return made


def _reason(folder) -> str:
    return "\n".join(check_folder(mandate(folder)))


def test_a_good_folder_gets_one_of_the_mandate(folder):
    assert check_folder(mandate(folder)) == []
    with pytest.raises(UsageError, match="no such folder"):
        open_folder(mandate(folder))
    descriptor = open_folder(mandate(folder), make=True)
    assert os.fstat(descriptor).st_mode & 0o777 == 0o700
    os.close(descriptor)
    os.close(open_folder(mandate(folder), make=True))
    assert check_folder(mandate(folder)) == []


def test_what_is_no_folder(folder, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(folder)
    assert "no such folder" in _reason(tmp_path / "none")
    assert "not a folder" in _reason(tmp_path / "file")
    assert "it is a link" in _reason(tmp_path / "link")
    assert "can have that name" in _reason(tmp_path / "a\0b")


def test_a_folder_that_others_write_into_or_exchange(folder, tmp_path):
    folder.chmod(0o770)
    assert "others may write into it" in _reason(folder)
    folder.chmod(0o700)
    inner = folder / "inner"
    inner.mkdir(0o700)
    folder.chmod(0o777)
    assert "others may exchange it" in _reason(inner)
    folder.chmod(0o1777)
    assert _reason(inner) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder to another account")
def test_a_folder_of_another_account(folder):
    os.chown(folder, 65534, -1)
    assert "belongs to another account (uid 65534)" in _reason(folder)


def test_the_place_of_the_mandates_own_folder_is_taken(folder, tmp_path):
    own = folder / "migration"
    own.write_text("")
    assert "migration in it is not a folder" in _reason(folder)
    own.unlink()
    own.symlink_to(tmp_path)
    assert "migration in it is a link" in _reason(folder)
    with pytest.raises(UsageError, match="is a link"):
        open_folder(mandate(folder), make=True)
    own.unlink()
    own.mkdir(0o755)
    own.chmod(0o755)
    assert "open to others (mode 0755)" in _reason(folder)
