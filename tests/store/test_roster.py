"""roster.csv: what is right is read, and every mistake is named with its line, all at once."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import InputError
from pgguard.store.roster import COLUMNS, draft, load, parse

if TYPE_CHECKING:
    from pathlib import Path

    from pgguard.model.roster import RosterEntry

TODAY = datetime.date(2026, 11, 25)
ROLES = ("labo", "accueil", "postgres")
HEAD = ",".join(COLUMNS)


def _parse(*lines: str) -> tuple[RosterEntry, ...]:
    return parse("\n".join([HEAD, *lines]) + "\n", "roster.csv", roles=ROLES, today=TODAY)


def test_people_are_read() -> None:
    one, two = _parse(
        "Claire Martin,c.martin,c.martin@lab.example,biologist,labo,2027-06-30",
        '"Petit, Jean",j.petit,,secretary,accueil,',
    )
    assert (one.person, one.login, one.function, one.replaces) == (
        "Claire Martin",
        "c.martin",
        "biologist",
        "labo",
    )
    assert one.until == datetime.date(2027, 6, 30)
    assert (two.person, two.until, two.line) == ("Petit, Jean", None, 3)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (",x,,f,labo,", "2: person: say who it is"),
        ("? 10.0.0.5 (psql),x,,f,labo,", "2: person: say who it is"),
        ("Ada,,,f,labo,", "2: login: is required"),
        ("Ada,pg_ada,,f,labo,", "keeps for itself"),
        ("Ada,PUBLIC,,f,labo,", "keeps for itself"),
        ("Ada,none,,f,labo,", "keeps for itself"),
        (f"Ada,{'é' * 32},,f,labo,", "has 64 bytes"),
        (f"Ada,a,,{'f' * 64},labo,", "function: "),
        ("Ada,labo,,f,labo,", "there is already a role labo"),
        ("Ada,ada,,f,lab0,", "there is no role lab0; did you mean labo?"),
        ("Ada,ada,,f,,", "replaces: name the shared login"),
        ("Ada,ada,ada,f,labo,", "is no e-mail address"),
        ("Ada,ada,,f,labo,2026-11-24", "is past"),
        ("Ada,ada,,f,labo,24/11/2027", "is no date"),
        ("Ada,ad\u202ea,,f,labo,", "invisible character"),
        ("Ada,ada,,f,labo", "5 fields, 6 are expected"),
    ],
)
def test_a_mistake_is_named_with_its_line(line: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        _parse(line)
    assert str(error.value).startswith("roster.csv:2: ")
    assert said in str(error.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InputError) as error:
        _parse("Ada,ada,,f,labo,", "Bob,ada,,f,labo,", "ada,x,,f,labo,", "Eve,,,f,nobody,")
    lines = str(error.value).splitlines()
    assert [line.split(":")[1] for line in lines] == ["3", "4", "5", "5"]
    assert "ada is in line 2 already" in lines[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (HEAD + "\n", "nobody in the roster"),
        ("person,login\n", "column email is missing"),
        (HEAD.replace("login", "logn") + "\n", "did you mean login?"),
    ],
)
def test_a_file_of_another_shape_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        parse(text, "roster.csv", roles=ROLES, today=TODAY)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "none.csv", roles=ROLES, today=TODAY)
    (tmp_path / "latin.csv").write_bytes(HEAD.encode() + "\nÉva,eva,,f,labo,\n".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        load(tmp_path / "latin.csv", roles=ROLES, today=TODAY)


@given(st.lists(st.text(max_size=80), min_size=6, max_size=6))
def test_whatever_stands_in_a_field_is_an_entry_or_a_mistake(fields: list[str]) -> None:
    import csv
    import io

    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, fields])
    try:
        entries = parse(text.getvalue(), "roster.csv", roles=ROLES, today=TODAY)
    except InputError:
        return
    (one,) = entries
    assert one.replaces in ROLES
    assert 0 < len(one.login.encode()) <= 63


def test_a_draft_names_nobody_and_is_not_taken_as_it_is() -> None:
    text = draft([("labo", "cn=Ada by cert"), ("labo", "10.0.0.5 (psql)")])
    assert text.splitlines()[1] == "? cn=Ada by cert,,,,labo,"
    with pytest.raises(InputError, match="say who it is"):
        parse(text, "roster.csv", roles=ROLES, today=TODAY)
