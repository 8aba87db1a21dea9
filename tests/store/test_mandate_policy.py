"""Mandates as the policy declares them: what is missing or contradicts is said with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pgguard.errors import PolicyError
from pgguard.store.documents import read_documents
from pgguard.store.policy_file import load

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = """
[[processor]]
name = "Migrator"
[[contract]]
name = "software"
processor = "Migrator"
"""
MANDATE = """
[[mandate]]
name = "migration"
contract = "software"
purpose = "to move results to the new system"
instructed_by = "Dr Roux"
instructed_on = 2026-11-01
document = "instruction.pdf"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
role = "mandated"
start = 2026-11-05
until = 2026-11-10
erase_by = 2026-12-01
ceiling = 1000
recipients = ["migrator.asc", "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs"]
folder = "/srv/exports"
[[mandate_table]]
mandate = "migration"
table = "lab.result"
columns = ["id", "value"]
rows = "drawn_at >= DATE '2020-01-01'"
"""


def test_paths_are_from_the_policy_on_and_keys_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "instruction.pdf").write_bytes(b"")
    (tmp_path / "p.toml").write_text(CONTRACT + MANDATE, encoding="utf-8")
    policy = load(tmp_path / "p.toml").policy
    (one,) = policy.mandate
    assert one.recipients[0] == str(tmp_path / "migrator.asc")
    assert one.recipients[1].startswith("age1")
    assert read_documents(policy)[one.document].sha256 == one.sha256


def test_the_contract_may_stand_in_the_registers_file_and_has_to_stand_somewhere(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(CONTRACT, encoding="utf-8")
    (tmp_path / "p.toml").write_text('[register]\nfile = "r.toml"\n' + MANDATE, encoding="utf-8")
    assert load(tmp_path / "p.toml").policy.mandate[0].contract == "software"
    (tmp_path / "r.toml").write_text(CONTRACT.replace("software", "softwear"), encoding="utf-8")
    with pytest.raises(
        PolicyError, match=r"p.toml:\d+: mandate.contract: there is no \[\[contract\]\] software; did"
    ):
        load(tmp_path / "p.toml")


@pytest.mark.parametrize(
    ("was", "is_now", "said"),
    [
        ('name = "migration"\ncontract', 'name = "the move"\ncontract', "mandate.name: expected up to 40"),
        ('columns = ["id", "value"]', "columns = []", "mandate_table.columns: expected the columns"),
        ("until = 2026-11-10", "until = 2026-10-10", "mandate.until: must not be before"),
        ("ceiling = 1000", "ceiling = 1000\nceiling = 2000", "this is not TOML"),
        ('rows = "drawn', 'ceiling = 2000\nrows = "drawn', "mandate_table.ceiling: must not be more"),
        ('role = "mandated"', "", "mandate.role: is required"),
        ('folder = "/srv/exports"', 'folder = "/"', "mandate.folder: expected a folder"),
    ],
)
def test_what_is_wrong_with_a_mandate_is_said(tmp_path: Path, was: str, is_now: str, said: str) -> None:
    text = CONTRACT + MANDATE
    assert was in text
    (tmp_path / "p.toml").write_text(text.replace(was, is_now), encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load(tmp_path / "p.toml")
    assert said in str(caught.value)
