"""What is said of statements, as far as no server is needed for it."""

from __future__ import annotations

import random
import time

import pytest

from pgguard.analysis.encryption_impact import Form, Impact, Target, Verdict, acknowledged, impacts
from pgguard.analysis.encryption_impact.facts import INVOKER_SINCE
from pgguard.analysis.encryption_impact.kinds import kinds_of
from pgguard.demo.binaries import matrix_majors
from tests.analysis.encryption_cases import CASES
from tests.analysis.encryption_shapes import target

NEWEST = max(matrix_majors())
SUPPORTED = range(14, NEWEST + 1)
SECRETS = ("1850578006048", "Durand", "allergic to penicillin", "O'Brien", "2024-05-06", "987654321")


def told(*statements: str, form: Form = Form.VIEW, major: int = NEWEST) -> tuple[Impact, ...]:
    return impacts(statements, [target(form)], major=major)


def kinds(statement: str, form: Form = Form.VIEW) -> set[str]:
    return {one.kind for one in told(statement, form=form)}


@pytest.mark.parametrize("form", Form)
def test_every_kind_was_held_against_the_server(form: Form) -> None:
    """What no case of `encryption_cases` meets has a test of its own, named here."""
    elsewhere = {"concurrent-update", "row-security"}
    met = {
        one.kind
        for major in SUPPORTED
        for case in CASES
        for one in told(case.statement, form=form, major=major)
    }
    assert kinds_of(form) - met <= elsewhere
    assert not met & elsewhere


@pytest.mark.parametrize("form", Form)
def test_every_sentence_is_filled_in(form: Form) -> None:
    odd = Target(
        'La"b', "{patient}", ("Né {le}", "nir"), frozenset({"nir"}), ("Id",), form, frozenset({"nir"}), True
    )
    statements = [
        case.statement.replace("lab.patient", '"La""b"."{patient}"').replace(" patient", ' "{patient}"')
        for case in CASES
    ]
    found = impacts(statements, [odd], major=INVOKER_SINCE - 1)
    assert len({one.kind for one in found}) > len(kinds_of(form)) // 2
    for one in found:
        assert one.why
        assert "{storage}" not in one.why + one.instead
        if one.verdict in (Verdict.BREAKS, Verdict.SILENTLY_WRONG, Verdict.NOT_UNDERSTOOD):
            assert one.instead
    assert any('"{patient}_pgg1"' in one.instead for one in found) == (form is Form.VIEW)


@pytest.mark.parametrize("form", Form)
def test_values_are_repeated_nowhere(form: Form) -> None:
    first, name, note, odd, day, number = SECRETS
    found = impacts(
        [
            f"SELECT * FROM patient WHERE nir = '{first}' AND name = E'{name}' -- {note}",
            f"/* {name} */ INSERT INTO patient (nir, note) VALUES ($t${first}$t$, U&'{note}'), ('a', 'b')",
            f"UPDATE patient SET note = '{note}', born = date '{day}' WHERE id = {number}",
            f'SELECT nir AS "{note}" FROM patient WHERE id IN ({number}, {number}, {number})',
            f"DO $$ BEGIN UPDATE patient SET note = '{note}'; EXECUTE 'x' || note; END $$",
            f"PREPARE p AS SELECT nir FROM patient WHERE name = '{name}'",
            f"EXECUTE q ('{first}')",
            f"COPY (SELECT nir FROM patient WHERE nir = '{first}') TO '/tmp/{name}'",
            # cut off, and not SQL
            f"SELECT nir FROM patient WHERE note = '{note}",
            f"SELECT nir FROM patient WHERE name = '{odd}'",
            f"SELECT nir FROM patient WHERE name = {name} {name} {number}",
            f"SELECT nir FROM patient WHERE ORDER LIMIT '{first}'",
        ],
        [target(form)],
        major=NEWEST,
    )
    written = "\n".join(text for one in found for text in one[1:])
    assert [secret for secret in SECRETS if secret.lower() in written.lower()] == []
    assert "Brien" not in written


def test_statements_that_differ_in_constants_are_one() -> None:
    found = told(
        "SELECT nir FROM patient WHERE id = 1",
        "select nir\nfrom patient where id=2",
        "SELECT nir FROM patient WHERE id = $1 /* page 3 */",
    )
    assert [one.statement for one in found] == ["select nir from patient where id = $1"]


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("SELECT nir FROM patient WHERE id IN (1, 2, 3)", "select nir from patient where id in ($1, ...)"),
        (
            "INSERT INTO patient (id, nir) VALUES (1, 'a'), (2, 'b'), (3, 'c')",
            "insert into patient(id, nir) values ($1, $2)",
        ),
        ('SELECT p."nir" FROM "patient" AS p', 'select p."nir" from "patient" as p'),
        ("SELECT note || 'x' FROM lab.patient", "select note || $1 from lab.patient"),
    ],
)
def test_how_statements_are_shown(statement: str, shown: str) -> None:
    assert {one.statement for one in told(statement)} == {shown}
    # pg_stat_statements has it as it is shown here
    assert {one.statement for one in told(shown.replace(", ...", ""))} <= {shown, shown.replace(", ...", "")}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM lab.stay",
        "SELECT nir FROM stay WHERE nir = $1",
        "SELECT * FROM other.patient",
        "INSERT INTO lab.archive VALUES ($1)",
        "BEGIN",
        "SET work_mem = '1GB'",
        "VACUUM",
        "CREATE TABLE other.patient (id integer)",
        "SELECT a.attname FROM pg_attribute a WHERE a.attrelid = 'stay'::regclass",
        "WITH patient AS (SELECT 1 AS nir) SELECT nir FROM patient",
        "SELECT current_setting('patient')",
    ],
)
@pytest.mark.parametrize("form", Form)
def test_nothing_is_said_of_other_tables(statement: str, form: Form) -> None:
    assert told(statement, form=form) == ()


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT name FROM patient WHERE nir = $1", "decrypt-scan"),
        ("SELECT name FROM patient WHERE $1 = nir", "decrypt-scan"),
        ("SELECT name FROM patient WHERE id = $1 AND nir = $2", "decrypt-value"),
        ("SELECT name FROM patient p, stay s WHERE p.id = s.patient AND p.nir = $1", "decrypt-scan"),
        ("SELECT name FROM patient WHERE id IS DISTINCT FROM $1 AND nir = $2", "decrypt-scan"),
        ("SELECT name FROM patient WHERE id = $1 OR nir = $2", "decrypt-scan"),
        ("SELECT name FROM patient WHERE id = ANY ($1) AND nir = $2", "decrypt-value"),
        ("SELECT name FROM patient WHERE note SIMILAR TO $1", "like-search"),
        ("SELECT p.name FROM patient AS p (a, b, c) WHERE c = $1", "decrypt-scan"),
        (
            "SELECT name FROM (SELECT nir AS n, name FROM patient) x JOIN stay s ON s.nir = x.n",
            "join-on-encrypted",
        ),
        ("SELECT nir FROM patient UNION SELECT nir FROM stay", "group-by-encrypted"),
        ("SELECT string_agg(name, ',' ORDER BY nir) FROM patient", "sort-by-encrypted"),
        ("SELECT DISTINCT ON (nir) name FROM patient", "group-by-encrypted"),
        ("SELECT count(DISTINCT nir) FROM patient", "group-by-encrypted"),
        ("EXPLAIN ANALYZE SELECT name FROM patient WHERE nir = $1", "decrypt-scan"),
        ("DO $$ BEGIN PERFORM nir FROM lab.patient WHERE id = 1; END $$", "decrypt-value"),
        ("DO $$ BEGIN EXECUTE 'TRUNCATE lab.patient'; END $$", "truncate"),
    ],
)
def test_what_is_read_and_how(statement: str, kind: str) -> None:
    assert kinds(statement) == {kind}


def test_a_searchable_column_is_looked_up_by_its_function() -> None:
    (found,) = told("SELECT name FROM patient WHERE nir = $1")
    assert "pgguard.find__lab__patient__nir($1)" in found.instead
    (other,) = told("SELECT name FROM patient WHERE note = $1")
    assert "find__" not in other.instead
    assert "searchable" in other.instead


def test_a_value_is_erased_with_its_blind_index() -> None:
    (found,) = told("UPDATE patient SET nir = NULL, note = NULL WHERE id = $1", form=Form.IN_PLACE)
    assert found.instead == "SET nir_pgg1 = NULL, nir_find = NULL, note_pgg1 = NULL"


@pytest.mark.parametrize(
    ("statement", "is_concurrent"),
    [
        ("UPDATE patient SET visits = visits + 1 WHERE id = $1", True),
        ("UPDATE patient SET name = $1, visits = $2 WHERE id = $3 AND visits = $4", True),
        (
            "UPDATE patient SET visits = (SELECT p.visits + 1 FROM stay s) FROM patient p WHERE p.id = $1",
            False,
        ),
        ("UPDATE patient AS p SET visits = (SELECT p.visits + count(*) FROM stay) WHERE id = $1", True),
        ("UPDATE patient SET visits = (SELECT count(*) FROM stay WHERE visits = 1) WHERE id = $1", False),
        ("UPDATE patient SET visits = $1, note = note WHERE id = $2", False),
        ("UPDATE patient SET name = $1 WHERE id = $2", False),
        ("UPDATE patient SET id = id + 1", False),
        (
            "MERGE INTO patient p USING stay s ON s.id = p.id"
            " WHEN MATCHED THEN UPDATE SET visits = p.visits + 1",
            True,
        ),
    ],
)
def test_which_updates_count_on_the_row_as_it_is(statement: str, is_concurrent: bool) -> None:
    assert ("concurrent-update" in kinds(statement)) == is_concurrent
    assert "concurrent-update" not in kinds(statement, Form.IN_PLACE)


def test_what_could_not_be_read_is_told() -> None:
    unreadable = "SELECT nir FROM patient WHERE nir = ?"
    elsewhere = "SELECT name FROM nowhere WHERE name = ?"
    cut_off = "SELECT name FROM x WHERE name = 'abc"
    found = {one.kind: one for one in told(unreadable, elsewhere)}
    assert {one.verdict for one in found.values()} == {Verdict.NOT_UNDERSTOOD}
    assert found["not-understood"].statement == "SELECT nir FROM patient WHERE nir = $1"
    assert "names none" in found["not-understood-elsewhere"].why
    # it may have named the table where it was cut
    assert [one.kind for one in told(cut_off)] == ["not-understood"]
    for block in (
        "DO $$ DECLARE name text; BEGIN EXECUTE 'DELETE FROM ' || name; END $$",
        "DO LANGUAGE plperl $$ spi_exec_query($statement); $$",
    ):
        assert [one.kind for one in told(block)] == ["not-understood"]
    deep = f"SELECT nir FROM patient WHERE {'(' * 3000}true{')' * 3000} AND {'NOT ' * 5000} true"
    assert [one.verdict for one in told(deep)] == [Verdict.NOT_UNDERSTOOD]


def test_prepared_statements_are_told_once() -> None:
    prepare, execute = "PREPARE q AS SELECT nir FROM patient WHERE id = $1", "EXECUTE q (1)"
    assert [one.kind for one in told(prepare, execute)] == ["decrypt-value"]
    assert [one.kind for one in told(execute, prepare)] == ["decrypt-value"]
    assert [one.verdict for one in told(execute)] == [Verdict.NOT_UNDERSTOOD]


def test_what_nobody_acknowledged_is_left() -> None:
    found = told(
        "TRUNCATE patient",
        "SELECT nir FROM patient",
        "COPY patient TO STDOUT",
        "SELECT nir FROM patient WHERE ?",
        "SELECT x FROM elsewhere WHERE ?",
    )
    assert {one.kind for one in acknowledged(found, ())} == {"truncate", "copy-view-to", "not-understood"}
    assert [one.kind for one in acknowledged(found, {"truncate", "not-understood"})] == ["copy-view-to"]
    assert acknowledged(found, {one.kind for one in found}) == ()


def test_a_bare_name_may_be_any_schemas_table() -> None:
    first, second = target(Form.VIEW), target(Form.IN_PLACE)
    other = Target(
        "other", second.table, second.columns, second.searchable, ("id",), second.form, frozenset(), False
    )
    statement = "SELECT nir FROM patient WHERE id = $1"
    assert len(impacts([statement], [first, other], major=NEWEST)) == len([first, other])
    assert len(impacts([statement], [first, other], major=NEWEST, search_path=["other", "lab"])) == 1
    assert impacts([statement], [first, other], major=NEWEST, search_path=["public"]) == ()


def test_thousands_of_statements_take_seconds() -> None:
    """The rate leaves room for a slow machine: it is some thousands a second on an idle one."""
    chosen = random.Random("speed")  # noqa: S311 - a sample
    texts = [case.statement for case in CASES if case.statement.startswith(("SELECT", "INSERT", "UPDATE"))]
    many = [f"{chosen.choice(texts)} /* {number} */" for number in range(5_000)]
    targets = [target(Form.VIEW), target(Form.IN_PLACE)]
    started = time.process_time()
    found = impacts(many, targets, major=NEWEST)
    assert time.process_time() - started < 20
    assert {one.verdict for one in found} >= {Verdict.BREAKS, Verdict.SILENTLY_WRONG, Verdict.SLOWER}
