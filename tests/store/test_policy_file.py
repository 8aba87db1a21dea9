"""The policy file: what it may hold, where it is found, and that every mistake is named with its line."""

from __future__ import annotations

import datetime
import tomllib
from typing import TYPE_CHECKING

import pytest

from pgguard.errors import PolicyError
from pgguard.model.policy import Policy
from pgguard.store.policy_file import find, json_schema, load, parse

if TYPE_CHECKING:
    from pathlib import Path

FULL = """\
[networks]
internal = ["10.20.0.0/16", "fd00::/8"]
standbys = ["10.20.9.4/32"]

[administrators]
roles = ["dba_martin"]

[thresholds]
dormant_days = 90
sensitive_readers = 25
max_connections_per_person = 5
check_max_age_hours = 26

[[service]]
role = "lis_app"
owner = "Lab IT"
purpose = "laboratory application"
origins = ["10.20.1.0/28"]
applications = ["lis"]

[[person]]
name = "Claire Martin"
role = "c.martin"
function = "biologist"
replaces = "labo"
until = 2027-06-30

[[column]]
name = "lab.patient.nir"
category = "national_id"
decided_by = "dba"

[[waiver]]
check = "grant-direct-to-person"
subject = "c.martin"
reason = "migration until June"
owner = "RSSI"
until = 2027-06-30

[[site_check]]
file = "site-checks/no_fdw.sql"
"""


WAIVER = "[[waiver]]\ncheck = 'hba-trust'\nsubject = 's'\n"


def mistakes(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse(text, "p.toml")
    return str(caught.value).splitlines()


def test_the_whole_file_of_the_design_is_read() -> None:
    policy = parse(FULL, "p.toml")
    assert policy.networks.internal == ("10.20.0.0/16", "fd00::/8")
    assert policy.is_administrator("dba_martin")
    assert policy.is_service("lis_app")
    assert policy.person[0].until == datetime.date(2027, 6, 30)
    assert policy.column[0].category == "national_id"
    assert policy.waiver[0].owner == "RSSI"


@pytest.mark.parametrize("text", ["", "\n# only a comment\n", "[networks]\n"])
def test_everything_is_optional(text: str) -> None:
    assert parse(text, "p.toml") == Policy()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[network]\ninternal = []\n", 1, "unknown key; did you mean networks?"),
        ("[networks]\ninternl = []\n", 2, "unknown key; did you mean internal?"),
        ("[networks]\ninternal = ['10.20.0.0/33']\n", 2, "10.20.0.0/33"),
        ("[networks]\ninternal = ['10.20.0.1/16']\n", 2, "host bits set"),
        ("[thresholds]\ndormant_days = 'ninety'\n", 2, "dormant_days"),
        ("[thresholds]\ndormant_days = -1\n", 2, "must not be negative"),
        ("[[service]]\nrole = 'a'\nowner = 'b'\n", 1, "service.purpose: is required"),
        ("\n" + WAIVER.replace("rust", "rst") + "reason = 'r'\nowner = 'o'\nuntil = 2027-01-01\n", 3,
         "there is no check hba-trst; did you mean hba-trust?"),
        (WAIVER + "reason = ' '\nowner = 'o'\nuntil = 2027-01-01\n", 4,
         "must say something"),
        (WAIVER + "reason = 'r'\nowner = 'o'\n", 1, "until: is required"),
        (WAIVER + "reason = 'r'\nowner = 'o'\nuntil = 'soon'\n", 6, "date"),
        ("[[column]]\nname = 'a.b.c'\ncategory = 'name'\n", 3, "category"),
        ("[[person]]\nname = 'A'\nrole = 'a'\n[[person]]\nname = 'B'\nrole = 'a'\n", 6, "declared twice"),
        ("[[service]]\nrole = 'a'\nowner = 'b'\npurpose = 'c'\n[[person]]\nname = 'A'\nrole = 'a'\n", 7,
         "declared as a service too"),
        ("[networks\n", 1, "not TOML"),
        ("[networks]\nb = \n", 2, "not TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(text: str, line: int, said: str) -> None:
    (message,) = mistakes(text)
    assert message.startswith(f"p.toml:{line}: ")
    assert said in message


def test_all_mistakes_are_named_at_once_in_the_order_of_the_lines() -> None:
    said = mistakes("[networks]\ninternl = []\n[thresholds]\ndormant_days = 'x'\nsensitive_reader = 3\n")
    assert [message.split(":")[1] for message in said] == ["2", "4", "5"]


def test_a_value_of_the_file_does_not_stand_in_the_message() -> None:
    assert "made-up-secret-77" not in "\n".join(
        mistakes("[passwords]\nrequire_expiry = 'made-up-secret-77'\n")
    )


def test_what_is_not_a_text_file_is_said(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"[networks]\n\xff\xfe")
    with pytest.raises(PolicyError, match="not UTF-8"):
        load(binary)
    with pytest.raises(PolicyError, match="cannot be read"):
        load(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "pgguard.toml"
    file.write_bytes(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode())
    assert load(file).policy == parse(FULL, "p.toml")


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    (home / "pgguard").mkdir(parents=True)
    here.mkdir()
    environment = {"XDG_CONFIG_HOME": str(home)}
    (home / "pgguard/pgguard.toml").touch()
    assert find(None, here, environment) == home / "pgguard/pgguard.toml"
    (here / "pgguard.toml").touch()
    assert find(None, here, environment) == here / "pgguard.toml"
    chosen = tmp_path / "chosen.toml"
    with pytest.raises(PolicyError, match="no such policy file"):
        find(chosen, here, environment)


def test_the_schema_for_editors_knows_what_the_reader_knows() -> None:
    import jsonschema

    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    # an editor's TOML plugin hands dates over as text
    document = tomllib.loads(FULL.replace("2027-06-30", '"2027-06-30"'))
    assert list(validator.iter_errors(document)) == []
    assert list(validator.iter_errors({"networks": {"internl": []}})) != []
