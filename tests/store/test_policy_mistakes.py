"""Mistakes in a policy: each is named with its line, none hides another, and nothing makes the check fail."""

from __future__ import annotations

import dataclasses
import datetime
import re
import tomllib
import types
import typing
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgguard.errors import PolicyError
from pgguard.model.policy import Policy
from pgguard.store.policy_file import LoadedPolicy, examine, json_schema, parse
from pgguard.store.policy_mistakes import MOST, accepted, mistakes
from pgguard.store.policy_text import as_json, as_toml

ROOT = Path(__file__).parents[2]
WRONG = Path(__file__).with_name("mistakes.toml")
_EXPECTED = re.compile(r"# ! (.+)")
SCHEMA = jsonschema.Draft202012Validator(json_schema())


def test_every_mistake_of_a_file_is_named_with_its_line_and_nothing_else_is() -> None:
    text = WRONG.read_text("utf-8")
    expected = [
        (number, match[1].strip())
        for number, line in enumerate(text.splitlines(), 1)
        if (match := _EXPECTED.search(line))
    ]
    assert len(expected) >= 25
    with pytest.raises(PolicyError) as caught:
        parse(text, "p.toml")
    said = [line.removeprefix("p.toml:").split(": ", 1) for line in str(caught.value).splitlines()]
    assert [int(number) for number, _ in said] == [number for number, _ in expected]
    for (_, what), (_, wanted) in zip(said, expected, strict=True):
        assert wanted in what


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        # the rest is looked at without the lines that are no TOML
        ('[networks]\ninternal = ["10.0.0.0/8]\nnats = []\n[thresholds]\ndormant_days = = 3\n', [2, 3, 5]),
        ("[thresholds]\ndormant_days = 1\ndormant_days = 2\nslot_retained_gb = -1\n", [3, 4]),
        # what follows a header that cannot be read belongs to nobody
        ("[networks\ninternal = []\n", [1]),
        # where a list never ends, every line after it is part of it
        ("[networks]\ninternal = [\n" + "'10.0.0.0/8'\n" * 30, [4]),
    ],
)
def test_what_is_no_toml_hides_no_more_than_it_must(text: str, lines: list[int]) -> None:
    assert [int(one.split(":")[1]) for one in examine(text).said("p")] == lines


def test_a_secret_is_refused_and_not_repeated() -> None:
    for line in (
        "[observation]\nstore = 'postgresql://auditor:made-up-77@db/pgguard'",
        "[observation]\nstore = 'host=db password=made-up-77'",
        "[keys]\nprovider = 'made-up-77'",
    ):
        (said,) = examine(line).said("p")
        assert said.startswith("p:2: ")
        assert "made-up-77" not in said


def test_what_a_terminal_would_act_on_does_not_reach_it() -> None:
    (said,) = examine(
        '[[waiver]]\ncheck = "\\u001b[2J"\nsubject="s"\nreason="r"\nowner="o"\nuntil=2027-01-01'
    ).said("p")
    assert said.isprintable()


def _valid(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a declared type."""
    if isinstance(kind, types.UnionType):
        others = [_valid(one) for one in typing.get_args(kind) if one is not types.NoneType]
        return st.none() | st.one_of(others)
    if typing.get_origin(kind) is tuple:
        return st.lists(_valid(typing.get_args(kind)[0]), max_size=2).map(tuple)
    if typing.get_origin(kind) is typing.Literal:
        return st.sampled_from(typing.get_args(kind))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(
            kind, **{field.name: _valid(hints[field.name]) for field in dataclasses.fields(kind)}
        )
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(max_size=6),
        bool: st.booleans(),
        int: st.integers(0, MOST),
        float: st.floats(0, 1),
        datetime.date: st.dates(),
    }
    return plain[kind]


@settings(max_examples=40, deadline=None)
@given(_valid(Policy))
def test_a_policy_that_is_shown_reads_back_as_the_same(policy: Policy) -> None:
    loaded = LoadedPolicy(policy, "p.toml", "0")
    for effective in (True, False):
        assert accepted(tomllib.loads(as_toml(loaded, effective=effective))) == policy
    assert f'"{Policy().audit.period}"' in as_json(LoadedPolicy(Policy(), "", ""), effective=True)


_ANYTHING = st.recursive(
    st.text(max_size=4) | st.integers(-2, 2**40) | st.booleans() | st.floats() | st.dates() | st.datetimes()
    | st.sampled_from(["10.0.0.0/8", "0.0.0.0/0", "hba-trust", "?", "a.b.c", 'a."b', "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=6,
)  # fmt: skip


def _wrong(kind: Any) -> st.SearchStrategy[Any]:
    """Tables with the keys of a declared type and anything in them."""
    hints = typing.get_type_hints(kind)
    return st.dictionaries(st.sampled_from(sorted(hints)), _ANYTHING, max_size=4)


def any_sections() -> st.SearchStrategy[dict[str, Any]]:
    choices: dict[str, st.SearchStrategy[Any]] = {}
    for name, hint in typing.get_type_hints(Policy).items():
        entry = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint
        one = _wrong(entry)
        choices[name] = one | st.lists(one, max_size=3) | _ANYTHING
    return st.lists(
        st.sampled_from(sorted(choices)).flatmap(lambda name: choices[name].map(lambda value: (name, value))),
        max_size=4,
    ).map(dict)


@settings(max_examples=400, deadline=None)
@given(any_sections())
def test_whatever_stands_in_a_file_the_check_answers_and_is_never_laxer_than_the_schema(
    data: dict[str, Any],
) -> None:
    found = list(mistakes(data))
    if not found:
        accepted(data)
        assert list(SCHEMA.iter_errors(_for_editors(data))) == []


def _for_editors(value: Any) -> Any:
    # an editor's TOML plugin hands dates over as text
    if isinstance(value, dict):
        return {key: _for_editors(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_for_editors(one) for one in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


def _policies() -> dict[str, str]:
    """Every policy that stands in the repository, by its place."""
    found = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for folder in ("sql/demo", "tests/planted")
        for path in (ROOT / folder).glob("*.toml")
    }
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for number, block in enumerate(re.findall(r"```toml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)):
            found[f"{page.name} {number}"] = block
    for path in (ROOT / "tests/checks").glob("*.sql"):
        blocks = path.read_text("utf-8").split("\n\n")
        for number, block in enumerate(blocks):
            lines = re.findall(r"^-- policy: ?(.*)$", block, re.MULTILINE)
            if lines:
                found[f"{path.name} {number}"] = "\n".join(lines)
    return found


@pytest.mark.parametrize(("where", "text"), sorted(_policies().items()))
def test_every_policy_of_the_repository_is_valid_for_the_check_and_for_editors(where: str, text: str) -> None:
    assert examine(text).said(where) == []
    assert list(SCHEMA.iter_errors(_for_editors(tomllib.loads(text)))) == []


def test_the_published_schema_says_what_the_sections_are_for() -> None:
    schema = json_schema()
    for name, hint in typing.get_type_hints(Policy).items():
        entry = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint
        described = schema["$defs"][entry.__name__]["description"]
        assert described == " ".join((entry.__doc__ or "").split())
        assert name in schema["properties"]
