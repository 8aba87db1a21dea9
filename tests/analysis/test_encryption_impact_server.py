"""What is said of statements against what a real server does with them, from 14 on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.analysis.encryption_impact import Form, Target, Verdict, impacts
from pgguard.demo.cluster import Cluster
from tests.analysis.encryption_cases import CASES
from tests.analysis.encryption_shapes import CLEAR, READER, SHAPES, Case, judged, make, run, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.binaries import Postgres

OLDEST = 14
_AS_BEFORE = frozenset({Verdict.WORKS, Verdict.SLOWER})
Connections = dict[object, psycopg.Connection[Any]]


@pytest.fixture(scope="module")
def shaped(postgres: Postgres) -> Iterator[Cluster]:
    """A cluster with the table in each shape, in databases of their own."""
    if postgres.major < OLDEST:
        pytest.skip(f"columns are encrypted from {OLDEST} on")
    with Cluster.start(postgres) as cluster:
        make(cluster)
        yield cluster


@pytest.fixture(scope="module")
def connections(shaped: Cluster) -> Iterator[Connections]:
    opened = {shape: psycopg.connect(shaped.dsn(dbname=name)) for shape, name in SHAPES.items()}
    yield opened
    for one in opened.values():
        one.close()


@pytest.mark.parametrize("form", Form, ids=lambda form: form.value)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.statement)
def test_verdict_is_the_servers(case: Case, form: Form, connections: Connections, shaped: Cluster) -> None:
    if shaped.postgres.major < case.since:
        pytest.skip(f"the statement is of {case.since}")
    clear = run(connections[CLEAR], CLEAR, case)
    assert clear.error == "", f"it has to run on the table in clear: {clear.message}"
    met = run(connections[form], form, case)
    found = impacts([case.statement], [target(form)], major=shaped.postgres.major)
    worst = found[0].verdict if found else Verdict.WORKS
    if worst is Verdict.NOT_UNDERSTOOD:
        # it says that it does not know what the function of the trigger does
        assert [one.kind for one in found] == ["create-trigger"]
        return
    expected = Verdict.WORKS if worst in _AS_BEFORE else worst
    assert expected is judged(clear, met), f"{[one.kind for one in found]}: {met.message or met.rows}"


_AT_ONCE = {
    "counter": "UPDATE patient SET visits = visits + 1 WHERE id = 1",
    "state": "UPDATE patient SET name = 'done' WHERE id = 1 AND name = 'Durand'",
    "encrypted": "UPDATE patient SET note = note || '!' WHERE id = 1",
}


@pytest.mark.parametrize("statement", _AT_ONCE.values(), ids=_AT_ONCE)
def test_concurrent_updates_fail_through_the_view(statement: str, shaped: Cluster) -> None:
    (told,) = [
        one.verdict
        for one in impacts([statement], [target(Form.VIEW)], major=shaped.postgres.major)
        if one.kind == "concurrent-update"
    ]
    assert told is Verdict.BREAKS
    assert _at_once(shaped, CLEAR, statement) == ""
    assert _at_once(shaped, Form.VIEW, statement) == "40001"
    # what is recommended in its place
    assert _at_once(shaped, Form.VIEW, statement, first="SELECT 1 FROM patient WHERE id = 1 FOR UPDATE") == ""


def _at_once(cluster: Cluster, shape: object, statement: str, first: str = "") -> str:
    """The SQLSTATE that the second of two sessions meets that do the same; nothing of it is kept."""
    dsn = cluster.dsn(dbname=SHAPES[shape], options="-csearch_path=lab")
    with psycopg.connect(dsn) as one, psycopg.connect(dsn) as other, ThreadPoolExecutor(1) as pool:
        with one.cursor() as cursor:
            if first:
                cursor.execute(first)
            cursor.execute(statement)
        waiting = pool.submit(_state, other, f"{first}; {statement}" if first else statement)
        _wait_until_blocked(cluster, other.info.backend_pid)
        one.commit()
        found = waiting.result()
        other.rollback()
        with one.cursor() as cursor:
            cursor.execute("UPDATE patient SET name = 'Durand', visits = 3, note = 'allergic' WHERE id = 1")
    return found


def _state(connection: psycopg.Connection[Any], statements: str) -> str:
    try:
        for one in statements.split("; "):
            connection.execute(one)
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return ""


def _wait_until_blocked(cluster: Cluster, pid: int) -> None:
    deadline = monotonic() + 20
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        while monotonic() < deadline:
            row = connection.execute("SELECT cardinality(pg_blocking_pids(%s))", (pid,)).fetchone()
            if row and row[0]:
                return
            sleep(0.01)
    pytest.fail("the second session did not wait for the first")


def test_row_security_before_15_is_the_owners(shaped: Cluster) -> None:
    """Behind a view of 14 rows are shown that policies hide."""
    statement = "SELECT name FROM patient ORDER BY name"
    secured = [target(form, row_security=True) for form in Form]
    found: dict[object, Any] = {}
    for shape, name in SHAPES.items():
        with psycopg.connect(shaped.dsn(dbname=name)) as connection:
            storage = "patient_pgg1" if shape is Form.VIEW else "patient"
            connection.execute("SET LOCAL search_path = lab")
            connection.execute(f"ALTER TABLE {storage} ENABLE ROW LEVEL SECURITY")
            connection.execute(f"CREATE POLICY few ON {storage} USING (visits < 2)")
            for one in {storage, "patient"}:
                connection.execute(f"GRANT SELECT ON {one} TO {READER}")
            connection.execute(f"SET LOCAL ROLE {READER}")
            found[shape] = connection.execute(statement).fetchall()
            connection.rollback()
    for told in secured:
        verdicts = {one.verdict for one in impacts([statement], [told], major=shaped.postgres.major)}
        assert (Verdict.SILENTLY_WRONG in verdicts) == (found[told.form] != found[CLEAR])
    assert found[Form.IN_PLACE] == found[CLEAR]


def test_every_search_path_meets_the_same_table(shaped: Cluster) -> None:
    """An unqualified name is looked for in the schemas of search_path alone."""
    elsewhere = Target("other", "patient", ("nir",), frozenset(), ("id",), Form.IN_PLACE, frozenset(), False)
    both = [target(Form.VIEW), elsewhere]
    statement = "SELECT nir FROM patient WHERE id = 1"
    with psycopg.connect(shaped.dsn(dbname=SHAPES[Form.VIEW])) as connection:
        connection.execute("CREATE SCHEMA other CREATE TABLE patient (id integer, nir text)")
        for path in (["lab", "other"], ["other", "lab"]):
            connection.execute("SELECT set_config('search_path', %s, true)", (", ".join(path),))
            (met,) = connection.execute(
                "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'patient'::regclass"
            ).fetchone() or ("",)
            told = impacts([statement], both, major=shaped.postgres.major, search_path=path)
            assert {"lab": Verdict.SLOWER, "other": Verdict.SILENTLY_WRONG}[met] is told[0].verdict
            assert len(told) == 1
        connection.rollback()
