"""Answers from the audit store: that they are all and nothing else, and what they never show."""

from __future__ import annotations

import contextlib
import csv
import datetime
import hashlib
import itertools
import json
import stat
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgguard.errors import ConnectError, UsageError
from pgguard.model.audit_entry import Wanted
from pgguard.report.audit_ecs import HEADINGS
from pgguard.server import audit_search
from pgguard.server.audit_index import index_past
from pgguard.server.audit_search import Part, entries, session, spans, sql
from pgguard.server.connect import Target
from pgguard.store.new_file import new_file
from tests.audit.store import with_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    from pgguard.demo.cluster import Cluster
    from pgguard.model.audit_entry import Entry

    Connection = psycopg.Connection[Any]

NIR = "1840275123456"
# what ECS 8.11 calls these (Elastic Common Schema, field reference); everything of ours is below pgguard
ECS_FIELDS = {
    *("@timestamp", "ecs.version", "event.id", "event.kind", "event.category", "event.type", "event.action"),
    *("event.outcome", "event.module", "event.dataset", "event.start", "user.name", "user.effective.name"),
    *("process.pid", "related.user", "related.ip", "source.ip"),
}


@pytest.fixture(scope="module")
def store(running: Cluster) -> str:
    """lab.patient by its id, and lab.exam whose patient and key are recorded as keyed digests."""
    dsn = with_store(running, "searching")
    with psycopg.connect(dsn, autocommit=True) as admin:
        for statement in (
            "CREATE ROLE lis_app LOGIN",
            "CREATE ROLE nurse LOGIN IN ROLE lis_app",
            "CREATE ROLE ward",
            "GRANT ward TO nurse",
            "CREATE ROLE dpo LOGIN IN ROLE pgguard_audit_reader",
            "CREATE SCHEMA lab",
            "CREATE TABLE lab.patient (id bigint PRIMARY KEY, nir text, status text, cipher bytea)",
            "CREATE TABLE lab.exam (nir text, no integer, result text, PRIMARY KEY (nir, no))",
            "GRANT USAGE ON SCHEMA lab TO lis_app, ward",
            "GRANT ALL ON lab.patient, lab.exam TO lis_app, ward",
            """SELECT pgguard_audit.audit('lab.patient', 'id', '{"status": "plain", "cipher": "cipher"}')""",
            """SELECT pgguard_audit.audit('lab.exam', 'nir', '{"result": "plain"}',
                key_is_tag => true, subject_is_tag => true)""",
        ):
            admin.execute(statement.encode())
    with psycopg.connect(running.dsn(user="lis_app", dbname="searching"), autocommit=True) as app:
        app.execute(
            "INSERT INTO lab.patient SELECT g, 'n' || g, 'new', '\\xabcd' FROM generate_series(1, 9) AS g"
        )
        app.execute("UPDATE lab.patient SET status = 'seen' WHERE id IN (1, 2)")
        app.execute("UPDATE lab.patient SET nir = 'other' WHERE id = 2")
        app.execute("UPDATE lab.patient SET id = 20 WHERE id = 3")
        app.execute("INSERT INTO lab.exam VALUES (%s, 1, 'negative'), ('other', 1, 'positive')", (NIR,))
        with app.transaction():
            app.execute("SELECT pgguard.identify('dr.martin')")
            app.execute("DELETE FROM lab.patient WHERE id = 9")
    with psycopg.connect(running.dsn(user="nurse", dbname="searching"), autocommit=True) as nurse:
        nurse.execute("SET ROLE ward")
        nurse.execute("UPDATE lab.patient SET status = 'home' WHERE id = 1")
    return dsn


@pytest.fixture
def target(running: Cluster, store: str) -> Target:
    return Target(running.dsn(user="dpo", dbname="searching"))


@pytest.fixture
def admin(store: str) -> Iterator[Connection]:
    with psycopg.connect(store, autocommit=True) as connection:
        yield connection


def _found(target: Target, **wanted: Any) -> list[Entry]:
    with session(target, private=True) as (connection, _place):
        return list(entries(connection, Wanted(**wanted)))


def _ids(admin: Connection, condition: str) -> list[int]:
    query = f"SELECT e.id FROM pgguard_audit.change AS e WHERE {condition} ORDER BY e.at, e.id"
    return [int(one[0]) for one in admin.execute(query.encode()).fetchall()]


@pytest.mark.parametrize(
    ("wanted", "condition"),
    [
        ({"subject": "1"}, "subject = '1'"),
        ({"subject": "3"}, "subject = '3' OR subject_before = '3'"),
        ({"subject": "20"}, "subject = '20'"),
        ({"subject": NIR}, f"subject = pgguard_audit.tag('{NIR}')"),
        ({"key": ("2",)}, "relation = 'lab.patient' AND key = '2'"),
        ({"key": (NIR, "1")}, f"key = pgguard_audit.tag((ARRAY['{NIR}', '1'])::text)"),
        ({"person": "lis_app"}, "login = 'lis_app'"),
        ({"person": "dr.martin"}, "claimed = 'unsigned: dr.martin'"),
        ({"person": "ward"}, "role = 'ward'"),
        ({"person": "nurse"}, "login = 'nurse'"),
        ({"table": "lab.exam"}, "relation = 'lab.exam' OR object IN ('lab.exam', 'table lab.exam')"),
        ({"verbs": ("DELETE", "GRANT")}, "verb IN ('DELETE', 'GRANT')"),
        ({"column": "nir"}, "'nir' = ANY (changed) OR (relation IS NOT NULL AND verb <> 'UPDATE')"),
        ({"table": "lab.patient", "verbs": ("UPDATE",), "column": "status"}, "'status' = ANY (changed)"),
        ({}, "true"),
    ],
)
def test_everything_that_is_wanted_is_found_and_nothing_else(
    target: Target, admin: Connection, wanted: dict[str, Any], condition: str
) -> None:
    expected = _ids(admin, condition)
    assert expected
    assert [one.id for one in _found(target, **wanted)] == expected
    newest = [one.id for one in _found(target, **wanted, newest_first=True, limit=3)]
    assert newest == expected[::-1][:3]


def test_a_window_is_half_open(target: Target, admin: Connection) -> None:
    times = [one.at for one in _found(target)]
    middle = times[len(times) // 2]
    before, after = _found(target, last=middle), _found(target, first=middle)
    assert before
    assert after[0].at == middle
    assert [one.at for one in before + after] == times


def test_only_plain_values_are_shown(target: Target) -> None:
    [created] = [one for one in _found(target, subject="1") if one.verb == "INSERT"]
    known = {one.name: (one.recorded, one.before, one.after) for one in created.changes}
    assert known == {
        "id": ("mark", None, None),
        "nir": ("mark", None, None),
        "status": ("plain", None, "new"),
        "cipher": ("encrypted", None, None),
    }


def test_a_slip_of_the_pen_is_not_nothing_happened(target: Target) -> None:
    with pytest.raises(UsageError, match=r"lab\.patient"):
        _found(target, table="lab.patients")
    with pytest.raises(UsageError, match="stauts"):
        _found(target, column="stauts")


def test_what_is_erased_says_so_and_is_found_by_person_only(
    admin: Connection, target: Target, pgguard: Callable[..., CompletedProcess[str]], running: Cluster
) -> None:
    [victim] = [one.id for one in _found(target, subject="8")]
    # as an erasure leaves an entry; how one is done is another test's matter
    admin.execute("ALTER TABLE pgguard_audit.entry DISABLE TRIGGER ALL")
    for (part,) in admin.execute("SELECT part::text FROM pgguard_audit.part_bounds()").fetchall():
        admin.execute(f"ALTER TABLE {part} DISABLE TRIGGER ALL".encode())
    admin.execute(
        "UPDATE pgguard_audit.entry SET key = NULL, subject = NULL, old = NULL, new = NULL, erased = '\\x01' "
        "WHERE id = %s",
        (victim,),
    )
    assert _found(target, subject="8") == []
    shown = pgguard("audit", "search", target.dsn, "--person", "lis_app")
    assert shown.stdout.count("erased: ") == 1


def test_what_is_looked_for_reaches_no_log(
    admin: Connection, running: Cluster, store: str, pgguard: Callable[..., CompletedProcess[str]]
) -> None:
    admin.execute("CREATE ROLE dpo_logged LOGIN IN ROLE pgguard_audit_reader")
    for setting in (
        "log_min_duration_statement = 0",
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_nested_statements = on",
    ):
        admin.execute(f"ALTER ROLE dpo_logged SET {setting}".encode())
    dsn = running.dsn(user="dpo_logged", dbname="searching")
    ask = ("audit", "search", dsn, "--subject", NIR, "--key", NIR, "--key", "1")
    refused = pgguard(*ask)
    assert refused.returncode == UsageError.exit_code
    assert "log_parameter_max_length" in refused.stderr
    for name in ("log_parameter_max_length", "auto_explain.log_parameter_max_length"):
        admin.execute(f"ALTER ROLE dpo_logged SET {name} = 0".encode())
    found = pgguard(*ask)
    assert found.returncode == 0, found.stderr
    assert "negative" in found.stdout
    log = running.log.read_text(errors="replace")
    assert "pgguard.searched_subject" in log
    own = [
        line for line in log.splitlines() if "pgguard.searched" in line or "Filter" in line or "Cond" in line
    ]
    assert own
    assert not any(NIR in line for line in own)
    assert f"= '{NIR}'" not in log


def test_who_may_not_read_is_told_what_to_do(running: Cluster, store: str) -> None:
    with pytest.raises(UsageError, match="GRANT pgguard_audit_reader TO lis_app"):
        _found(Target(running.dsn(user="lis_app", dbname="searching")))
    with pytest.raises(UsageError, match="there is no audit store"):
        _found(Target(running.dsn()))


class TestExport:
    """Files of entries."""

    def test_it_is_whole_private_and_what_it_says(
        self, target: Target, tmp_path: Path, pgguard: Callable[..., CompletedProcess[str]]
    ) -> None:
        file = tmp_path / "entries.json"
        done = pgguard("audit", "export", target.dsn, "-o", str(file))
        content = file.read_bytes()
        expected = _found(target)
        assert (
            done.stdout == f"{file}: {len(expected)} entries, sha256 {hashlib.sha256(content).hexdigest()}\n"
        )
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        documents = [json.loads(line) for line in content.splitlines()]
        assert [one["event"]["id"] for one in documents] == [str(one.id) for one in expected]
        names = {name for one in documents for name in _names(one)}
        assert {one for one in names if not one.startswith("pgguard.")} <= ECS_FIELDS
        again = pgguard("audit", "export", target.dsn, "-o", str(file))
        assert again.returncode == UsageError.exit_code
        assert file.read_bytes() == content

    def test_csv_is_the_same(
        self, target: Target, tmp_path: Path, pgguard: Callable[..., CompletedProcess[str]]
    ) -> None:
        file = tmp_path / "entries.csv"
        pgguard("audit", "export", target.dsn, "-o", str(file), "--format", "csv", "--subject", "1")
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        expected = _found(target, subject="1")
        assert tuple(rows[0]) == HEADINGS
        assert [int(row["event.id"]) for row in rows] == [one.id for one in expected]
        assert [row["user.name"] for row in rows] == [one.login for one in expected]

    def test_a_spreadsheet_computes_nothing(self, running: Cluster, store: str, target: Target) -> None:
        from pgguard.report.audit_ecs import csv_lines

        with psycopg.connect(
            running.dsn(user="lis_app", dbname="searching", application_name="=1+1"), autocommit=True
        ) as app:
            app.execute("UPDATE lab.patient SET status = '=2+2' WHERE id = 4")
        [line] = [one for one in csv_lines(_found(target, subject="4"), "x") if b"1+1" in one]
        [row] = csv.DictReader([",".join(HEADINGS), line.decode()])
        assert row["pgguard.application"] == "'=1+1"
        assert not row["pgguard.columns"].startswith("=")

    def test_nothing_is_left_of_what_failed(
        self, running: Cluster, tmp_path: Path, pgguard: Callable[..., CompletedProcess[str]]
    ) -> None:
        failed = pgguard("audit", "export", running.dsn(user="nobody_here"), "-o", str(tmp_path / "x.json"))
        assert failed.returncode == ConnectError.exit_code
        assert list(tmp_path.iterdir()) == []

    def test_never_over_a_file_that_came_meanwhile(self, tmp_path: Path) -> None:
        path = tmp_path / "x"
        with contextlib.ExitStack() as stack:
            stack.enter_context(pytest.raises(UsageError, match="cannot be written"))
            file = stack.enter_context(new_file(path))
            file.write(b"ours")
            path.write_bytes(b"theirs")
        assert path.read_bytes() == b"theirs"
        assert list(tmp_path.iterdir()) == [path]


def _names(document: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, one in document.items():
        if isinstance(one, dict):
            yield from _names(one, f"{above}{name}.")
        else:
            yield above + name


def test_the_report_tells_a_patient_who_did_what_and_what_it_cannot_tell(
    target: Target, tmp_path: Path, pgguard: Callable[..., CompletedProcess[str]]
) -> None:
    told = pgguard("audit", "report", target.dsn, "--subject", "1")
    assert told.returncode == 0, told.stderr
    assert "changed lab.patient row 1" in told.stdout
    assert "status: 'new' -> 'seen'" in told.stdout
    assert "nurse: changed 1 in lab.patient" in told.stdout
    assert "as ward" in told.stdout
    assert "who read the data is not in this report" in told.stdout
    nobody = pgguard("audit", "report", target.dsn, "--subject", "no such patient")
    assert "no change is recorded" in nobody.stdout
    missing = pgguard("audit", "report", target.dsn, "--subject", "1", "--reads", str(tmp_path / "none"))
    assert missing.returncode == UsageError.exit_code


def test_the_report_says_when_the_audit_was_off(
    admin: Connection, target: Target, pgguard: Callable[..., CompletedProcess[str]]
) -> None:
    admin.execute("CREATE TABLE lab.note (id integer PRIMARY KEY)")
    admin.execute("SELECT pgguard_audit.audit('lab.note')")
    before = pgguard("audit", "report", target.dsn, "--subject", "1").stdout
    assert "AUDIT OFF lab.note" not in before
    assert "no column tells whose data a row is: lab.note" in before
    admin.execute("SELECT pgguard_audit.leave('lab.note')")
    assert "AUDIT OFF lab.note" in pgguard("audit", "report", target.dsn, "--subject", "1").stdout


moments = st.datetimes(
    datetime.datetime(2026, 1, 1), datetime.datetime(2026, 6, 1), timezones=st.just(datetime.UTC)
)


@given(
    st.lists(moments, max_size=6, unique=True).map(sorted),
    st.none() | moments,
    st.none() | moments,
    st.booleans(),
    st.lists(st.integers(0, 1 << 30), min_size=6, max_size=6),
)
def test_spans_leave_nothing_out_and_tell_nothing_twice(
    edges: list[datetime.datetime],
    first: datetime.datetime | None,
    last: datetime.datetime | None,
    by_day: bool,
    sizes: list[int],
) -> None:
    if first and last and first > last:
        first, last = last, first
    parts = [Part(one, two, size) for (one, two), size in zip(itertools.pairwise(edges), sizes, strict=False)]
    found = list(spans([*parts, Part(None, None, 1)], first, last, by_day=by_day))
    assert found[0][0] == first
    assert found[-1][1] == last
    for (_, end), (begin, _) in itertools.pairwise(found):
        assert end == begin is not None
    inner = [one for one, _ in found[1:] if one is not None]
    assert inner == sorted(set(inner))


def test_large_partitions_read_in_pieces_give_the_same(
    admin: Connection, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _found(target)
    newest = _found(target, newest_first=True, limit=7)
    monkeypatch.setattr(audit_search, "_LARGE_BYTES", 0)
    assert _found(target) == whole
    assert _found(target, newest_first=True, limit=7) == newest


def test_past_partitions_get_indexes_that_readers_use(admin: Connection, store: str, target: Target) -> None:
    admin.execute(
        "CREATE TABLE pgguard_audit.entry_2020_01 PARTITION OF pgguard_audit.entry "
        "FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-02-01 00:00:00+00')"
    )
    admin.execute("ALTER TABLE pgguard_audit.entry_2020_01 OWNER TO pgguard_audit_owner")
    admin.execute("SELECT pgguard_audit.guard('pgguard_audit.entry_2020_01')")
    admin.execute(
        "INSERT INTO pgguard_audit.entry (id, at, began, xid, pid, shape, verb, login, role, authenticated, "
        "key) SELECT 1000000 + g, timestamptz '2020-01-02 00:00:00+00' + g * interval '1 s', now(), 1, 1, "
        "(SELECT min(id) FROM pgguard_audit.shape), 'UPDATE', 'person' || g % 500, 'none', "
        "'person' || g % 500, g::text FROM generate_series(1, 20000) AS g"
    )
    made = list(index_past(Target(store)))
    assert {one.rpartition("2020_01_")[2] for one in made} == {
        *("login", "role", "authenticated", "claimed", "shape_at", "key")
    }
    assert list(index_past(Target(store))) == []
    admin.execute("ANALYZE pgguard_audit.entry_2020_01")
    january = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    until = datetime.datetime(2020, 2, 1, tzinfo=datetime.UTC)
    with session(target) as (connection, _place):
        forms = audit_search._forms("person7")
        values = (False, False, forms, None, None, january, until, None, None, True, 10, False)
        plan = psycopg.RawCursor(connection).execute(b"EXPLAIN " + sql("search"), values).fetchall()
    text = "\n".join(str(one[0]) for one in plan)
    assert "entry_2020_01_login" in text
    assert "Seq Scan on entry" not in text
    found = _found(target, person="person7", first=january, last=until)
    assert len(found) == 20000 // 500


def test_options_that_make_no_sense_are_told(
    target: Target, tmp_path: Path, pgguard: Callable[..., CompletedProcess[str]]
) -> None:
    for arguments in (
        ("search", target.dsn, "--from", "yesterday"),
        ("export", target.dsn, "-o", str(tmp_path / "x"), "--with-sealed", "--format", "csv"),
        ("search", target.dsn, "--table", "nothing.here"),
        # a variable of a script that is not set must not find everybody
        ("search", target.dsn, "--subject", ""),
        ("report", target.dsn, "--subject", ""),
        ("export", target.dsn, "--person", "", "-o", str(tmp_path / "x")),
    ):
        assert pgguard("audit", *arguments).returncode == UsageError.exit_code
    assert pgguard("audit", "search", target.dsn, "--from", "1h", "--verb", "delete").returncode == 0
