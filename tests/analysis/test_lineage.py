"""What the columns of a query hand out, by the query's text alone."""

from __future__ import annotations

import pytest

from pgguard.analysis.lineage import Lineage, Table, of_query, parse

_TABLES = {
    ("lab", "patient"): Table(1, {"id": 1, "nir": 2, "nom": 3, "born": 4}),
    ("lab", "visit"): Table(2, {"id": 1, "patient": 2, "note": 3}),
}
_NAMES = {(1, 1): "id", (1, 2): "nir", (1, 3): "nom", (1, 4): "born", (2, 1): "visit.id", (2, 3): "note"}


def follow(query: str) -> Lineage:
    tree = parse(query)
    assert tree is not None
    return of_query(tree, lambda schema, name: _TABLES.get((schema, name)))


def handed(query: str) -> list[set[str]]:
    """For each output column the names of the columns that it hands out."""
    return [{_NAMES[origin] for origin in output.origins} for output in follow(query).outputs]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT nir, nom FROM lab.patient", [{"nir"}, {"nom"}]),
        ("SELECT p.nir FROM lab.patient p", [{"nir"}]),
        (
            "SELECT upper(p.nir), p.nir || p.nom, p.nir::varchar FROM lab.patient p",
            [{"nir"}, {"nir", "nom"}, {"nir"}],
        ),
        ("SELECT COALESCE(p.nir, p.nom), NULLIF(p.nir, p.nom) FROM lab.patient p", [{"nir", "nom"}, {"nir"}]),
        ("SELECT CASE WHEN p.nir = 'x' THEN p.nom ELSE 'y' END FROM lab.patient p", [{"nom"}]),
        # a part, a digest, a measure, a yes or no
        ("SELECT left(p.nir, 1), md5(p.nir), length(p.nir), count(p.nir) FROM lab.patient p", [set()] * 4),
        ("SELECT public.digest(p.nir, 'sha256'), p.nir IS NULL, p.nir = 'x' FROM lab.patient p", [set()] * 3),
        ("SELECT EXTRACT(year FROM p.born), max(p.nir) FROM lab.patient p", [set(), {"nir"}]),
        # somebody's own function of the name of a harmless one
        ("SELECT app.left(p.nir) FROM lab.patient p", [{"nir"}]),
        # whole rows
        ("SELECT row_to_json(p.*) FROM lab.patient p", [{"id", "nir", "nom", "born"}]),
        ("SELECT p FROM lab.patient p", [{"id", "nir", "nom", "born"}]),
        ("SELECT * FROM lab.patient", [{"id"}, {"nir"}, {"nom"}, {"born"}]),
        # queries within queries
        ("SELECT q.a FROM (SELECT p.nir AS a, p.nom AS b FROM lab.patient p) q", [{"nir"}]),
        ("SELECT q.y FROM (SELECT p.nir, p.nom FROM lab.patient p) q(x, y)", [{"nom"}]),
        ("SELECT (SELECT p.nir FROM lab.patient p WHERE p.id = v.patient) FROM lab.visit v", [{"nir"}]),
        ("SELECT ARRAY(SELECT p.nir FROM lab.patient p) FROM lab.visit v", [{"nir"}]),
        ("SELECT EXISTS (SELECT p.nir FROM lab.patient p) FROM lab.visit v", [set()]),
        ("SELECT v.note FROM lab.visit v WHERE v.id IN (SELECT p.id FROM lab.patient p)", [{"note"}]),
        ("WITH w AS (SELECT p.nir AS n FROM lab.patient p) SELECT w.n FROM w", [{"nir"}]),
        (
            "WITH w(n) AS (SELECT p.nir FROM lab.patient p), x AS (SELECT w.n FROM w) SELECT x.n FROM x",
            [{"nir"}],
        ),
        (
            "WITH RECURSIVE r AS (SELECT p.id, p.nom FROM lab.patient p UNION ALL SELECT r.id, r.nom FROM r) "
            "SELECT r.nom FROM r",
            [{"nom"}],
        ),
        ("SELECT p.nir FROM lab.patient p UNION SELECT v.note FROM lab.visit v", [{"nir", "note"}]),
        # joins and functions in FROM
        (
            "SELECT p.nir, v.note FROM lab.patient p LEFT JOIN lab.visit v ON v.patient = p.id",
            [{"nir"}, {"note"}],
        ),
        ("SELECT j.b FROM (lab.patient p JOIN lab.visit v ON v.patient = p.id) j(a, b)", [{"nir"}]),
        ("SELECT u.x FROM lab.patient p, LATERAL unnest(ARRAY[p.nir]) u(x)", [{"nir"}]),
        ("SELECT l.k FROM lab.patient p CROSS JOIN LATERAL (SELECT p.nom AS k) l", [{"nom"}]),
        ("SELECT t.column1 FROM (VALUES (1), (2)) t", [set()]),
        ("SELECT c.relname FROM pg_class c", [set()]),
    ],
)
def test_what_is_handed_out(query: str, expected: list[set[str]]) -> None:
    assert handed(query) == expected


def test_rows_that_are_chosen_or_grouped() -> None:
    assert follow("SELECT nir FROM lab.patient WHERE id < 3").filtered
    assert follow("SELECT q.nir FROM (SELECT nir FROM lab.patient LIMIT 3) q").filtered
    assert not follow("SELECT nir, (SELECT max(id) FROM lab.visit WHERE id < 3) FROM lab.patient").filtered
    assert follow("SELECT nom, count(*) FROM lab.patient GROUP BY nom").grouped
    assert follow("SELECT max(nir) FROM lab.patient").grouped
    assert not follow("SELECT nir, count(*) OVER () FROM lab.patient").grouped
    assert follow("SELECT nir FROM lab.patient WHERE nom = CURRENT_USER").by_user
    assert follow("SELECT nir FROM lab.patient WHERE nom = current_setting('a.b')").by_user
    assert not follow("SELECT nir, CURRENT_USER FROM lab.patient WHERE id < 3").by_user


def test_views_that_take_writes() -> None:
    assert follow("SELECT nir AS n, upper(nom) FROM lab.patient WHERE id < 3").base == 1
    for query in (
        "SELECT p.nir FROM lab.patient p, lab.visit v",
        "SELECT DISTINCT nir FROM lab.patient",
        "SELECT nir FROM lab.patient LIMIT 3",
        "SELECT count(*) FROM lab.patient",
        "WITH w AS (SELECT 1) SELECT nir FROM lab.patient",
    ):
        assert follow(query).base == 0, query
    outputs = follow("SELECT nir AS n, upper(nom) FROM lab.patient").outputs
    assert [one.plain for one in outputs] == [True, False]


def test_what_is_not_a_query() -> None:
    assert parse("DELETE FROM lab.patient") is None
    assert parse("SELECT FROM WHERE") is None
    assert parse("") is None
    assert parse("SELECT 1; SELECT 2") is None


def test_a_query_too_deep_to_follow_says_so() -> None:
    query = "SELECT nir FROM lab.patient"
    for number in range(300):
        query = f"SELECT q{number}.nir FROM ({query}) q{number}"
    tree = parse(query)
    if tree is not None:
        with pytest.raises((ValueError, RecursionError)):
            of_query(tree, lambda schema, name: _TABLES.get((schema, name)))
