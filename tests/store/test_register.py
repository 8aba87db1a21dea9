"""The register in a file of its own: read together with the policy; mistakes in both with their lines."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from pgguard.errors import PolicyError
from pgguard.store.documents import read_documents
from pgguard.store.fleet_file import overlaid
from pgguard.store.policy_file import load, parse, read_written
from pgguard.store.policy_text import as_toml
from pgguard.store.register_mistakes import contract_names, foreign, misplaced, register_mistakes
from tests.store.test_policy_mistakes import any_sections

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

POLICY = """\
[register]
file = "register/register.toml"

[[service]]
role = "v_bot"
owner = "Vendor"
purpose = "migration"
contract = "maintenance"
"""
REGISTER = """\
[[processor]]
name = "Vendor"

[[contract]]
name = "maintenance"
processor = "Vendor"
document = "contract.pdf"

[[activity]]
name = "care"
purpose = "care"
databases = ["lab"]
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "register").mkdir()
    policy, register = tmp_path / "pgguard.toml", tmp_path / "register" / "register.toml"
    policy.write_text(POLICY)
    register.write_text(REGISTER)
    return policy, register


def test_both_files_are_one_policy_and_each_has_its_digest(files: tuple[Path, Path]) -> None:
    policy, register = files
    loaded = load(policy)
    assert [one.name for one in loaded.policy.activity] == ["care"]
    assert loaded.policy.service[0].contract == loaded.policy.contract[0].name
    assert loaded.sha256 == hashlib.sha256(policy.read_bytes()).hexdigest()
    assert loaded.register_sha256 == hashlib.sha256(register.read_bytes()).hexdigest()
    assert loaded.register_file == str(register)
    # what is shown is one file, and says the same
    assert parse(as_toml(loaded, effective=False), "shown") == loaded.policy
    register.write_text(REGISTER + "\n# looked through\n")
    again = load(policy)
    assert (again.policy, again.sha256) == (loaded.policy, loaded.sha256)
    assert again.register_sha256 != loaded.register_sha256


def test_documents_lie_beside_the_file_that_names_them(
    files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, register = files
    contract = register.with_name("contract.pdf")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    declared = load(policy).policy
    (path,) = read_documents(declared)
    assert path == str(contract)
    assert read_documents(declared)[path].reason == "No such file or directory"
    contract.write_bytes(b"as signed")
    assert read_documents(declared)[path].sha256 == hashlib.sha256(b"as signed").hexdigest()
    assert read_documents(declared)[path].reason == ""
    # over another policy it is the same document still
    assert list(read_documents(overlaid(parse("", "p"), policy))) == [path]


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_not_read_and_nobody_waits_for_it(files: tuple[Path, Path], make: object) -> None:
    policy, register = files
    assert callable(make)
    make(register.with_name("contract.pdf"))
    (found,) = read_documents(load(policy).policy).values()
    assert (found.sha256, bool(found.reason)) == ("", True)


def test_mistakes_of_both_files_are_named_with_their_lines(files: tuple[Path, Path]) -> None:
    policy, register = files
    policy.write_text(POLICY.replace("maintenance", "maintenence") + "[[activity]]\nname = 'x'\n")
    register.write_text(REGISTER.replace('"Vendor"\n\n', '"Vendr"\n\n') + "[thresholds]\ndormant_days = 3\n")
    with pytest.raises(PolicyError) as caught:
        load(policy)
    said = str(caught.value)
    assert f"{policy}:8: service.contract: there is no [[contract]] maintenence" in said
    assert f"{policy}:9: activity: the register is in register/register.toml: put it there" in said
    assert f"{register}:6: contract.processor: there is no [[processor]] Vendor; did you mean Vendr?" in said
    assert f"{register}:13: thresholds: does not belong in the register" in said


def test_a_register_that_is_not_there_or_no_toml_is_an_error(files: tuple[Path, Path]) -> None:
    policy, register = files
    register.write_text(REGISTER + "= 3\n")
    (said,) = read_written(policy).said()
    assert said.startswith(f"{register}:13: this is not TOML")
    register.unlink()
    with pytest.raises(PolicyError, match=r"register\.toml: the register cannot be read: No such file"):
        load(policy)


@settings(max_examples=200, deadline=None)
@given(any_sections())
def test_whatever_stands_in_a_register_it_can_be_judged(data: dict[str, Any]) -> None:
    found = [*register_mistakes(data), *contract_names(data), *misplaced(data, "r"), *foreign(data)]
    assert all(one.what and one.place for one in found)
