"""Editing [[column]] entries: what a person wrote keeps its bytes, whatever form it has."""

from __future__ import annotations

import stat
import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import PolicyError
from pgguard.model.policy import ColumnEntry
from pgguard.store.policy_columns import edited, save
from pgguard.store.policy_file import parse

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN = """\
# answers for this file: the DPO
[networks]   # inside
internal = ["10.0.0.0/8"]

[[column]]            # decided on 3 May
name = "lab.patient.nir"
category = "national_id"

[[ column ]]
name = "lab.patient.ville"   # the town
# a remark of the DBA
category = "contact"
decided_by = "detector"
score = 0.9
# before the waiver

[[waiver]]
check = "hba-trust"
subject = "x"
reason = "r"
owner = "o"
until = 2027-01-01

[[column]]
name = "lab.patient.old"
category = "contact"
decided_by = "detector"
"""


def _names(text: str) -> list[tuple[str, str]]:
    return [(one.name, one.category) for one in parse(text, "p").column]


def test_an_entry_is_added_at_the_end_and_nothing_else_moves() -> None:
    entry = ColumnEntry("lab.patient.nom", "direct_identifier", "detector", score=0.99)
    text = edited(WRITTEN, add=[entry])
    assert text.startswith(WRITTEN)
    assert parse(text, "p").column[-1] == entry


def test_only_the_keys_of_the_entry_change() -> None:
    text = edited(WRITTEN, replace={1: ColumnEntry("lab.patient.ville", "none", "detector", score=0.2)})
    assert _names(text)[1] == ("lab.patient.ville", "none")
    kept = [line for line in WRITTEN.splitlines() if line.startswith("#") or "nir" in line]
    assert all(line in text.splitlines() for line in kept)


def test_a_removed_entry_leaves_the_comments_around_it() -> None:
    text = edited(WRITTEN, remove=[1, 2])
    assert _names(text) == [("lab.patient.nir", "national_id")]
    assert "# a remark of the DBA" in text
    assert "# before the waiver" in text
    assert parse(text, "p").waiver == parse(WRITTEN, "p").waiver


def test_no_change_gives_the_same_bytes() -> None:
    assert edited(WRITTEN) == WRITTEN


@pytest.mark.parametrize(
    "text",
    [
        'column = [{name = "a.b.c", category = "none"}]\n',
        '[[column]]\nname = """\na"""\ncategory = "none"\n[[column]]\nname = "b"\ncategory = "none"\n',
    ],
)
def test_a_form_that_cannot_be_edited_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match="one key a line"):
        edited(text, add=[ColumnEntry("x.y.z", "none")], remove=[0])


def test_windows_line_ends_stay() -> None:
    text = edited(WRITTEN.replace("\n", "\r\n"), add=[ColumnEntry("a.b.c", "none")], remove=[2])
    assert text.count("\n") == text.count("\r\n")
    assert _names(text)[-1] == ("a.b.c", "none")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30))
def test_any_name_comes_back(name: str) -> None:
    text = edited("", add=[ColumnEntry(name, "contact", database=name)])
    assert tomllib.loads(text)["column"] == [
        {"name": name, "category": "contact", "database": name, "decided_by": "dba"}
    ]


def test_the_file_is_replaced_in_one_step_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "pgguard.toml"
    save(file, "a = 1\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    save(file, "b = 2\n")
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("b = 2\n", 0o640)
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_to_the_policy_stays_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "real.toml", tmp_path / "pgguard.toml"
    file.write_text("")
    link.symlink_to(file)
    save(link, "a = 1\n")
    assert link.is_symlink()
    assert file.read_text() == "a = 1\n"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be written"):
        save(tmp_path / "none" / "pgguard.toml", "")
