"""The lines of values in a TOML text: every place that tomllib finds, and where it was written."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.store.toml_lines import lines, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.store.toml_lines import Place

# a value with the places in it and the lines they begin in, counted from the value's first
_VALUES: list[tuple[str, dict[Place, int]]] = [
    ("1", {}),
    ("-1.5e3 # x = 2", {}),
    ("2027-06-30T10:00:00Z", {}),
    ("'# no comment [x]'", {}),
    ('"a \\" b # = [[x]]"', {}),
    ('"""\nkey = 1\n[[service]]\n\\""" still\n"""', {}),
    ('"""a""\n"""""', {}),
    ("'''\n[networks]\n'' ' \\'''", {}),
    ("[]", {}),
    ("[1, [2,\n 3], # ]\n {a = 1, 'b c' = [4]}]", {
        (0,): 0, (1,): 0, (1, 0): 0, (1, 1): 1, (2,): 2, (2, "a"): 2, (2, "b c"): 2, (2, "b c", 0): 2,
    }),
    ('[\n  # , "x"\n\n  "a",\n  """\n""", \'b\',\n]', {(0,): 3, (1,): 4, (2,): 5}),
    ("{x.y = 1, z = {}}", {("x",): 0, ("x", "y"): 0, ("z",): 0}),
]  # fmt: skip


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every place in data that was read; the whole of it aside."""
    if not isinstance(value, (dict, list)):
        return
    items: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for step, one in items:
        yield (*place, step)
        yield from _places(one, (*place, step))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["pair", "dotted", "quoted", "table", "deep table", "entry", "entry's table", "#"]
            ),
            st.sampled_from(_VALUES),
        ),
        max_size=12,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_every_place_has_the_line_it_was_written_in(
    statements: list[tuple[str, tuple[str, dict[Place, int]]]], ending: str
) -> None:
    written: list[str] = []
    expected: dict[Place, int] = {}
    table: Place = ()
    entries = 0

    def note(place: Place) -> None:
        for end in range(1, len(place) + 1):
            expected.setdefault(place[:end], len(written) + 1)

    for number, (kind, (value, inner)) in enumerate(statements):
        if kind == "#":
            written += ["", f"# {value.splitlines()[0]}"]
        elif kind in ("table", "deep table", "entry", "entry's table"):
            if kind == "entry":
                table, entries, header = ("e", entries), entries + 1, ' [[ e ]] # "x"'
            elif kind == "entry's table" and entries:
                table, header = ("e", entries - 1, f"t{number}"), f"[e . 't{number}']"
            else:
                table = (f"t{number}",) if kind == "table" else (f"t{number}", "a.b")
                header = f"[t{number}]" if kind == "table" else f'[t{number}."a.b"]'
            note(table)
            written.append(header)
        else:
            keys: Place = (f"k{number}", "x y") if kind == "dotted" else (f"k{number}",)
            spelled = f'  k{number} . "x y" =' if kind == "dotted" else f'"k{number}"='
            note((*table, *keys))
            for place, line in inner.items():
                expected[(*table, *keys, *place)] = len(written) + 1 + line
            written += f"{spelled} {value}".split("\n")
    text = "\n".join(written)
    assert set(expected) == set(_places(tomllib.loads(text)))
    assert lines(text.replace("\n", ending)) == expected


@pytest.mark.parametrize(("place", "line"), [(("a", "b"), 2), (("a", "c"), 1), (("x",), 1), ((), 1)])
def test_what_has_no_line_has_that_of_what_is_around_it(place: Place, line: int) -> None:
    assert nearest(lines("[a]\nb = 1\n"), place) == line
