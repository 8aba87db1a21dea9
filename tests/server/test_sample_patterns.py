"""The patterns of sql/sample against libraries that know the numbers: thousands of right and wrong ones."""

from __future__ import annotations

import datetime
import ipaddress
import random
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import phonenumbers
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stdnum import iban, luhn, verhoeff
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.us import ssn

from pgguard.analysis.patterns import patterns
from pgguard.model.rows import ColumnSample
from pgguard.server.queries import variants
from pgguard.store.lines import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgguard.demo.cluster import Cluster


def _count(cluster: Cluster, values: Sequence[str | None], kind: str = "text") -> list[dict[str, int]]:
    """What each value is taken for."""
    (text,) = variants("sample", "patterns").values()
    head = (
        "WITH looked_at (relation, number, path, kind, value) AS (SELECT 1, n::int, ''::text, $2::text, v "
        "FROM unnest($1::text[]) WITH ORDINALITY AS u (v, n))"
    )
    with psycopg.connect(cluster.dsn()) as connection:
        limits = variants("sample", "limits")
        connection.execute(limits[max(since for since in limits if since <= cluster.postgres.major)])
        query = head.encode() + b"\nSELECT * FROM (\n" + text + b"\n) AS counted"
        rows = psycopg.RawCursor(connection).execute(query, (list(values), kind)).fetchall()
    samples = decode(ColumnSample, [row[0].encode() for row in rows])
    assert [one.number for one in samples] == [*range(1, len(values) + 1)]
    assert all(one.rows == 1 for one in samples)
    return [defaultdict(int, one.matches) for one in samples]


def _agrees(cluster: Cluster, pattern: str, values: Sequence[str], right: Callable[[str], bool]) -> None:
    said = _count(cluster, values)
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
    numbers += ["078-05-1120", "457-55-5462", "219-09-9999"]
    _agrees(cluster, "ssn", numbers, ssn.is_valid)
    _agrees(cluster, "ssn_bare", [one.replace("-", "") for one in numbers], ssn.is_valid)


def test_bank_accounts(cluster: Cluster, chance: random.Random) -> None:
    values = []
    for _ in range(500):
        body = _digits(chance, 23)
        check = iban.calc_check_digits(f"FR00{body}")
        values += [f"FR{check}{body}", f"FR{(int(check) + 1) % 98:02d}{body}"]

    def right(value: str) -> bool:
        return iban.is_valid(value, check_country=False)

    _agrees(cluster, "iban", values, right)


def test_snomed_by_verhoeff(cluster: Cluster, chance: random.Random) -> None:
    values = []
    for _ in range(1_000):
        body = (
            chance.choice("123456789")
            + _digits(chance, chance.randrange(2, 14))
            + chance.choice(["00", "10"])
        )
        check = verhoeff.calc_check_digit(body)
        values += [body + check, body + str((int(check) + chance.randrange(1, 10)) % 10)]
    _agrees(cluster, "snomed", values, verhoeff.is_valid)
    assert not any(
        one["snomed"] for one in _count(cluster, [value[:-3] + "9" + value[-2:] for value in values])
    )


def test_establishments_and_professionals_of_france(cluster: Cluster, chance: random.Random) -> None:
    for pattern, third in (("finess", "0"), ("adeli", "123456789")):
        values = []
        for _ in range(300):
            body = f"{chance.randrange(1, 96):02d}{chance.choice(third)}{_digits(chance, 5)}"
            values += [body + str(digit) for digit in range(10)]
        _agrees(cluster, pattern, values, luhn.is_valid)
    # AP-HP, and the hospital of Basse-Terre
    assert all(one["finess"] for one in _count(cluster, ["750712184", "970100228"]))


def _kvnr(letter: str, digits: str) -> str:
    """The check digit of a German health insurance number, as the directive on it describes."""
    number = f"{ord(letter) - 64:02d}{digits}"
    products = [int(one) * (2 if at % 2 else 1) for at, one in enumerate(number)]
    return str(sum(one // 10 + one % 10 for one in products) % 10)


def test_german_health_insurance_numbers(cluster: Cluster, chance: random.Random) -> None:
    assert _kvnr("A", "12345678") == "0"
    values = [chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + _digits(chance, 9) for _ in range(3_000)]
    _agrees(cluster, "kvnr", values, lambda value: _kvnr(value[0], value[1:9]) == value[9])


def test_network_addresses(cluster: Cluster, chance: random.Random) -> None:
    def right(value: str) -> bool:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            return False
        return True

    values = [
        ".".join(str(chance.randrange(300)) for _ in range(chance.choice((3, 4, 4, 4, 5))))
        for _ in range(800)
    ]
    for _ in range(2_000):
        groups = [chance.choice(["", "", "0", "a1", "FFFF", "12345"]) for _ in range(chance.randrange(1, 10))]
        values.append(":".join(groups))
    values += [
        "::",
        "::1",
        "1::",
        ":::",
        "1:2:3:4:5:6:7::",
        "1:2:3:4:5:6:7:8::",
        "1:2:3:4:5:6:7:8",
        "12:30:45",
        "a:b",
    ]
    _agrees(cluster, "ip_address", [value for value in values if value], right)


@given(
    st.lists(
        st.tuples(st.integers(1500, 2150), st.integers(0, 14), st.integers(0, 33), st.integers(0, 8)),
        min_size=1,
        max_size=300,
    )
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_way_to_write_a_date(cluster: Cluster, days: list[tuple[int, int, int, int]]) -> None:
    values, real = [], []
    today = datetime.datetime.now(datetime.UTC).date()
    for year, second, first, form in days:
        month, day = second, first
        values.append(
            [
                f"{year}-{month:02d}-{day:02d}",
                f"{year}/{month:02d}/{day:02d}",
                f"{year}{month:02d}{day:02d}",
                f"{year}-{month:02d}-{day:02d} 00:00:00",
                f"{year}-{month:02d}-{day:02d}T12:34:56.789+02",
                f"{day:02d}/{month:02d}/{year}",
                f"{day:02d}.{month:02d}.{year}",
                f"{month:02d}/{day:02d}/{year}" if day > 12 else f"{day:02d}-{month:02d}-{year}",
                f" {year}.{month:02d}.{day:02d}",
            ][form]
        )
        if form == 5 and month > 12:
            # that is how Americans write it
            month, day = day, month
        try:
            real.append(datetime.date(year, month, day) if 1600 <= year < 2100 else None)
        except ValueError:
            real.append(None)
    said = _count(cluster, values)
    assert [bool(one["date"]) for one in said] == [one is not None for one in real]
    past = [one is not None and one.year >= 1880 and one <= today for one in real]
    assert [bool(one["past_date"]) for one in said] == past
    recent = today.replace(year=today.year - 3, day=min(today.day, 28))
    assert all(one["recent_date"] for one, is_past, day in zip(said, past, real, strict=True)
               if is_past and day is not None and day > recent)  # fmt: skip


_MONTHS = frozenset([*range(1, 13), 20, *range(30, 43), *range(50, 100)])


@given(
    st.lists(
        st.tuples(
            st.integers(0, 9), st.integers(0, 99), st.integers(0, 99),
            st.one_of(st.sampled_from(["2A", "2B", "2C", "2a"]), st.integers(0, 99).map("{:02d}".format)),
            st.integers(0, 999_999), st.one_of(st.none(), st.integers(0, 99)), st.booleans(), st.booleans(),
        ),
        min_size=1, max_size=300,
    )
)  # fmt: skip
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_edges_of_the_nir(cluster: Cluster, numbers: list[tuple[Any, ...]]) -> None:
    values, shaped = [], []
    for sex, year, month, place, rest, key, keyed, spaced in numbers:
        value = f"{sex}{year:02d}{month:02d}{place}{rest:06d}"
        fits = sex in (1, 2, 3, 4, 7, 8) and month in _MONTHS and place.upper() not in ("00", "2C")
        if keyed and place != "2C":
            value += nir.calc_check_digits(value.upper())
        elif key is not None:
            value += f"{key:02d}"
        shaped.append(fits)
        values.append(f" {value[0]} {value[1:3]}.{value[3:5]} {value[5:]}" if spaced else value)
    said = _count(cluster, values)
    assert [bool(one["nir"]) for one in said] == shaped
    valid = [fits and nir.is_valid(value) for fits, value in zip(shaped, values, strict=True)]
    assert [bool(one["nir_valid"]) for one in said] == valid


_OF_PEOPLE = (
    phonenumbers.PhoneNumberType.FIXED_LINE,
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
)


def test_phones_by_the_thousand(cluster: Cluster, chance: random.Random) -> None:
    """Every number that is valid in its country is one, however it is written; no short or long one is."""
    written: list[str] = []
    while len(written) < 6_000:
        country, length = chance.choice(
            [("FR", 9), ("ES", 9), ("GB", 10), ("US", 10), ("DE", 10), ("DE", 11)]
        )
        code = phonenumbers.country_code_for_region(country)
        # others of Spain are those of machines and hot lines
        first = "6789" if country == "ES" else "123456789"
        number = phonenumbers.PhoneNumber(code, int(chance.choice(first) + _digits(chance, length - 1)))
        is_valid = phonenumbers.is_valid_number_for_region(number, country)
        if is_valid and phonenumbers.number_type(number) in _OF_PEOPLE:
            written += [
                phonenumbers.format_number(number, form)
                for form in (
                    phonenumbers.PhoneNumberFormat.E164,
                    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
                    phonenumbers.PhoneNumberFormat.NATIONAL,
                )
            ]
    missed = [value for value, one in zip(written, _count(cluster, written), strict=True) if not one["phone"]]
    assert missed == []
    others = [_digits(chance, chance.choice((3, 4, 5, 6, 7, 18, 25))) for _ in range(500)]
    others += [f"{chance.randrange(1900, 2026)}-{chance.randrange(1, 13):02d}-11" for _ in range(200)]
    assert not any(one["phone"] for one in _count(cluster, others))


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
        (
            "icd10",
            ["E11.9", "E119", "C50", "Z00.00", "F20.0+1", "U07.1", "S72.001A"],
            ["E1", "u07.1x", "12345"],
        ),
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
        (
            "pgp_open",
            [
                "\\xc30d04040302ae0d7e1a04ddd9db69d2440148a905847d95078b078bcb2174006b07e9864d415254494e20436c616972652031383030313735313233343536d314b0a0ba2e34",
                "c30d04040302ae0d7e1a04ddd9db69d2440148a905847d95078b078bcb2174006b07e9864d415254494e20436c616972652031383030313735313233343536d314b0a0ba2e34",
                "ww0EBAMCrg1+GgTd2dtp0kQBSKkFhH2VB4sHi8shdABrB+mGTUFSVElOIENsYWlyZSAxODAwMTc1MTIzNDU20xSwoLouNA==",
                "c30d040403020919aa071255f20363c92d3b09fc10f6325a4c5a4ccb2174006b07e9864d415254494e20436c6169726520313830",
                "c31e040403025e9bd02445775ee76c04d1cfc4b268a3c52c7c3545463d665136d24401036f84feb223dbfcdbfccb2174006b07e9864d415254",
                "c30404040002d2c096014b27a2707d58f190f190cbc07274006b07e986787878787878787878",
                "c30c0404010267118220f9a6c2a1d24401326283c0475b7b407b40cb2174006b07e9864d41525449",
                "c30d04040302b262fd77bc9e4bec7fd25d0186106adab10823312331c83a01edce211100201000301c4d3158",
                "c30d0400030211223344556677886061626364656667686970717273747576",
                "cb2174006b07e9864d415254494e20436c61697265203138303031373531",
            ],
            [
                "\\xc30d04090302b6ae65ec2217fe1266d24c01ea9117f112a17c1083b7ca4954ffc9b7727febfc14559a7b154c17dad74edb187903c56c2f47f098afb9f80e3bf1b7b857febb55",
                "c30d04090302b6ae65ec2217fe1266d24c01ea9117f112a17c1083b7ca4954ffc9b7727febfc14559a7b154c17dad74edb187903c56c2f47f098afb9f80e3bf1b7b857febb55",
                "ww0ECQMCtq5l7CIX/hJm0kwB6pEX8RKhfBCDt8pJVP/Jt3J/6/wUVZp7FUwX2tdO2xh5A8VsL0fwmK+5+A478be4V/67VQ==",
                "\\x89504e470d0a",
                "c30d04040302ae0d7e",
                "c30d04040302ae0d7e1a04ddd9db69d2440148a905847d95078b078ccb2174006b07e9864d415254494e20436c616972652031383030313735313233343536d314b0a0ba2e34",
                "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww=",
            ],
        ),
        ("ciphertext", ["pgg1...", "vault:v1:abc", "U2FsdGVkX1+a"], ["vault", "U2FsdA"]),
        ("mac_address", ["00:1b:63:84:45:e6", "00-1B-63-84-45-E6"], ["00:1b:63:84:45", "12:30:45"]),
        (
            "ins_authority",
            ["1.2.250.1.213.1.4.8", "urn:oid:1.2.250.1.213.1.4.8"],
            ["1.2.250.1.213.1.4.88", "x"],
        ),
        ("sex", ["M", "f", "Femme", "f\u00e9minin", "m\u00e4nnlich"], ["MM", "yes"]),
        (
            "nir_inside",
            ["the patient 1 85 05 78 006 084 91 came", "number: 185057800608491, seen"],
            ["a number like 99850578006084912345 is none", "185057800608491"],
        ),
        ("email_inside", ["write to a.b@lab.example now", "<a@x.fr>"], ["a@b", "write to a at x"]),
        ("prose", ["The patient was seen today in the ward and is well, " * 2], ["short", "x" * 200]),
    ],
)
def test_what_each_pattern_takes(cluster: Cluster, pattern: str, right: list[str], wrong: list[str]) -> None:
    said = _count(cluster, right + wrong)
    assert [bool(one[pattern]) for one in said] == [True] * len(right) + [False] * len(wrong)


def test_every_pattern_has_a_meaning_and_every_meaning_a_pattern() -> None:
    (text,) = variants("sample", "patterns").values()
    counted = set(re.findall(r"SELECT '(\w+)', \w\.place", text.decode()))
    used = {name for rule in patterns() for name in (rule["name"], rule.get("with")) if name}
    assert used <= counted
    # the others tell how something is kept, or are parts of the rule for births
    assert counted - used == {
        "pgp_message", "pgp_open", "ciphertext", "bytes", "blocks", "clear_file", "readable_bytes",
        "date", "past_date", "recent_date",
    }  # fmt: skip


def test_no_value_can_raise(cluster: Cluster, chance: random.Random) -> None:
    alphabet = "0123456789ABXYZ.-+ '\"\\{}[]éß\u20ac\t\n%:/$@"
    values = ["".join(chance.choice(alphabet) for _ in range(chance.randrange(40))) for _ in range(5_000)]
    values += ["1" * length for length in range(120)] + ["Z" * length for length in range(60)]
    values += [
        f"{one}{two}" for one in ("A1", "185", "FR76", "2A", "9-9", "::", "0x") for two in values[:500]
    ]
    for kind in ("text", "bytes", "blocks", "document", "json"):
        assert len(_count(cluster, [*values, None, ""], kind)) == len(values) + 2
