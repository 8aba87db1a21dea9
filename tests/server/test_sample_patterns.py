"""The patterns of sql/sample against libraries that know the numbers: thousands of right and wrong ones."""

from __future__ import annotations

import json
import random
from importlib import resources
from typing import TYPE_CHECKING

import phonenumbers
import psycopg
import pytest
from stdnum import iban, luhn
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.us import ssn

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster


def _count(cluster: Cluster, values: list[str]) -> list[dict[str, int]]:
    """What each value is taken for."""
    folder = resources.files("pgguard").joinpath("sql/sample")
    text = folder.joinpath("patterns.sql").read_text(encoding="utf-8").rstrip().removesuffix(";")
    head = (
        "WITH sampled AS (SELECT n::int AS number, ''::text AS path, v "
        "FROM unnest($1::text[]) WITH ORDINALITY AS u (v, n))"
    )
    with psycopg.connect(cluster.dsn()) as connection:
        rows = psycopg.RawCursor(connection).execute(f"{head}\n{text}".encode(), (values,)).fetchall()
    return [dict(json.loads(row[0])[6]) for row in rows]


def _agrees(cluster: Cluster, pattern: str, values: list[str], right: Callable[[str], bool]) -> None:
    said = _count(cluster, values)
    assert len(said) == len(values)
    wrong = [value for value, one in zip(values, said, strict=True) if bool(one[pattern]) != right(value)]
    assert wrong == []
    assert len({right(value) for value in values}) == 2, "the sample has to hold both"


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


@pytest.fixture
def chance() -> random.Random:
    return random.Random(20261125)  # noqa: S311 - the same numbers each time


def _nir(chance: random.Random, *, wrong: bool = False) -> str:
    place = chance.choice([f"{chance.randrange(1, 96):02d}", "2A", "2B", "97", "99"])
    body = (
        f"{chance.choice('12')}{chance.randrange(100):02d}{chance.randrange(1, 13):02d}{place}"
        f"{chance.randrange(1, 1000):03d}{chance.randrange(1, 1000):03d}"
    )
    key = nir.calc_check_digits(body)
    return body + (f"{(int(key) + 1) % 97:02d}" if wrong else key)


def test_nir_with_its_key(cluster: Cluster, chance: random.Random) -> None:
    values = [_nir(chance) for _ in range(400)] + [_nir(chance, wrong=True) for _ in range(400)]
    _agrees(cluster, "nir_valid", values, nir.is_valid)
    # a wrong key is still the shape of one, and so is a number without its key
    assert all(one["nir"] for one in _count(cluster, values + [value[:13] for value in values]))
    spaced = [f"{v[0]} {v[1:3]} {v[3:5]} {v[5:7]} {v[7:10]} {v[10:13]} {v[13:]}" for v in values[:50]]
    assert all(one["nir_valid"] for one in _count(cluster, spaced))


def test_luhn_of_professionals_and_cards(cluster: Cluster, chance: random.Random) -> None:
    values = [chance.choice("18") + _digits(chance, 10) for _ in range(800)]
    values += [v + luhn.calc_check_digit(v) for v in ("8" + _digits(chance, 9) for _ in range(200))]
    _agrees(cluster, "rpps", values, luhn.is_valid)
    cards = ["4" + _digits(chance, 15) for _ in range(600)]
    cards += [
        v + luhn.calc_check_digit(v)
        for v in ("5" + chance.choice("12345") + _digits(chance, 13) for _ in range(200))
    ]
    _agrees(cluster, "card", cards, luhn.is_valid)


def test_numbers_of_other_countries(cluster: Cluster, chance: random.Random) -> None:
    _agrees(cluster, "nhs_number", [_digits(chance, 10) for _ in range(2_000)], nhs.is_valid)
    numbers = [_digits(chance, 8) + chance.choice("TRWAGMYFPDXBNJZSQVHLCKE") for _ in range(1_500)]
    _agrees(cluster, "dni", numbers, dni.is_valid)
    numbers = [
        chance.choice("XYZ") + _digits(chance, 7) + chance.choice("TRWAGMYFPDXBNJZSQVHLCKE")
        for _ in range(1_500)
    ]
    _agrees(cluster, "dni", numbers, nie.is_valid)
    numbers = [f"{_digits(chance, 3)}-{_digits(chance, 2)}-{_digits(chance, 4)}" for _ in range(1_500)]
    numbers += [
        f"{a}-{b}-{c}" for a in ("000", "666", "900", "123") for b in ("00", "12") for c in ("0000", "1234")
    ]
    known = {"078-05-1120", "457-55-5462", "219-09-9999"}
    _agrees(cluster, "ssn", [one for one in numbers if one not in known], ssn.is_valid)


def test_bank_accounts(cluster: Cluster, chance: random.Random) -> None:
    values = []
    for _ in range(500):
        body = _digits(chance, 23)
        check = iban.calc_check_digits(f"FR00{body}")
        values += [f"FR{check}{body}", f"FR{(int(check) + 1) % 98:02d}{body}"]

    def right(value: str) -> bool:
        return iban.is_valid(value, check_country=False)

    _agrees(cluster, "iban", values, right)


def test_phones_of_five_countries_as_people_write_them(cluster: Cluster) -> None:
    written = []
    for country in ("FR", "ES", "GB", "US", "DE"):
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
            number = phonenumbers.example_number_for_type(country, kind)
            assert number is not None
            forms = [phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.INTERNATIONAL]
            if country in ("FR", "ES", "GB"):
                forms.append(phonenumbers.PhoneNumberFormat.NATIONAL)
            written += [phonenumbers.format_number(number, form) for form in forms]
    assert [
        value for value, one in zip(written, _count(cluster, written), strict=True) if not one["phone"]
    ] == []


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        ("email", ["a.b@lab.example", "X@Y.fr"], ["a@b", "a b@c.fr", "@x.fr"]),
        ("icd10", ["E11.9", "E119", "C50", "Z00.00"], ["E1", "u07.1x", "12345"]),
        ("loinc", ["2160-0", "718-7", "4548-4"], ["2160-1", "718-8", "x-7"]),
        ("atc", ["A10BA02", "N02BE01"], ["A1BA02", "a10ba02", "A10BA0"]),
        ("ccam", ["HHFA011"], ["HHF0111", "hhfa011"]),
        ("blood_group", ["A+", "AB -", "O pos", "B neg"], ["A", "C+", "AB"]),
        (
            "hgvs",
            ["c.76A>T", "NM_004006.2:c.4375C>T", "p.Trp24Cys", "NP_003997.1:p.Trp24Ter"],
            ["c.", "ward c.3"],
        ),
        ("rsid", ["rs334", "rs1801133"], ["rs", "rsx", "RS1"]),
        ("ip_address", ["10.0.0.1", "fe80::1", "2001:db8::1/64"], ["10.0.0", "hello"]),
        ("uuid", ["6f1c1c1e-2d5b-4c7a-8f6e-0a1b2c3d4e5f"], ["6f1c1c1e2d5b"]),
        ("password_hash", ["$2b$12$abcdefghijklmnopqrstuv", "SCRAM-SHA-256$4096:x"], ["password", "$5"]),
        ("pgp_message", ["\\xc30d040703021f", "-----BEGIN PGP MESSAGE-----"], ["\\x89504e47", "BEGIN"]),
        ("past_date", ["1954-03-31", "2020-02-29 12:00:00"], ["2954-03-31", "1854-01-01", "31/03/1954"]),
        ("sex", ["M", "f", "Femme"], ["MM", "yes"]),
        ("prose", ["The patient was seen today in the ward and is well, " * 2], ["short", "x" * 200]),
    ],
)
def test_what_each_pattern_takes(cluster: Cluster, pattern: str, right: list[str], wrong: list[str]) -> None:
    said = _count(cluster, right + wrong)
    assert [bool(one[pattern]) for one in said] == [True] * len(right) + [False] * len(wrong)


def test_no_value_can_raise(cluster: Cluster, chance: random.Random) -> None:
    alphabet = "0123456789ABXYZ.-+ '\"\\{}[]éß\u20ac\t\n%:/$@"
    values = ["".join(chance.choice(alphabet) for _ in range(chance.randrange(40))) for _ in range(5_000)]
    assert len(_count(cluster, values)) == len(values)
