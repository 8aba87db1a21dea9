"""Files as the statements that are sent one by one, and which of them no rollback takes back."""

from __future__ import annotations

import pytest

from pgguard.analysis.required import Need, required
from pgguard.changes.settings import alter_system
from pgguard.errors import InputError
from pgguard.model.plan import Plan, Step
from pgguard.plan.migration import migrations
from pgguard.plan.personal.changes import close_login, create_role, end_sessions
from pgguard.plan.script import cannot_be_tried, script, trees


def _file(*changes: object) -> str:
    step = Step("one", "Été à l'hôpital", "it is so", tuple(changes))  # type: ignore[arg-type]
    (made,) = migrations(Plan("h", "15.1", "", "postgres", (step,)))
    return made.up


def test_a_transaction_is_left_to_who_runs_it() -> None:
    text = _file(create_role("é;b", "LOGIN", "r.rolcanlogin"), close_login("labo"))
    parts = script(text, "0001_one", transactional=True)
    assert parts[0].startswith("SET LOCAL")
    assert parts[-1] == "ALTER ROLE labo NOLOGIN"
    assert any('CREATE ROLE "é;b" LOGIN' in one for one in parts)
    assert not {"BEGIN", "COMMIT"} & set(parts)
    with pytest.raises(InputError, match="0001_one is not free of BEGIN and COMMIT"):
        script(text, "0001_one", transactional=False)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;",
        "BEGIN; SELECT 1;",
        "BEGIN; COMMIT; BEGIN; COMMIT;",
        "BEGIN; COMMIT; SELECT 1; COMMIT;",
        "x",
    ],
)
def test_what_is_not_one_transaction_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"nothing was done: make a new plan"):
        script(text, "0001_one", transactional=True)


def test_what_no_rollback_takes_back_is_not_tried() -> None:
    assert cannot_be_tried(_file(close_login("labo"))) == ""
    assert "pg_terminate_backend" in cannot_be_tried(_file(close_login("labo"), end_sessions("labo")))
    assert "nextval" in cannot_be_tried("SELECT nextval('lab.numero')")
    assert "pg_reload_conf" in cannot_be_tried("DO $$ BEGIN PERFORM pg_reload_conf(); END $$")


def test_what_is_inside_of_blocks_counts_among_what_is_needed() -> None:
    text = _file(create_role("new", "LOGIN", "r.rolcanlogin"), close_login("labo"))
    assert set(required(trees(text))) == {Need("createrole"), Need("role", "labo")}
    assert Need("parameter", "log_connections") in required(
        trees(_file(alter_system("log_connections", "on")))
    )


@pytest.mark.parametrize(
    ("sql", "need"),
    [
        ("ALTER ROLE ALL RESET work_mem", Need("superuser")),
        ("CREATE ROLE a SUPERUSER", Need("superuser")),
        ('DROP ROLE "a b"', Need("role", "a b")),
        ("GRANT a TO b", Need("admin", "a")),
        ('REVOKE SELECT ON "L".t FROM b', Need("grant table", '"L".t', "L")),
        ("REVOKE ALL ON SEQUENCE s FROM b", Need("grant table", "s")),
        ("REVOKE CREATE ON SCHEMA public FROM PUBLIC", Need("grant schema", "public")),
        ('REVOKE CONNECT ON DATABASE "x y" FROM PUBLIC', Need("grant database", "x y")),
        (
            "REVOKE ALL ON FUNCTION lab.f(integer, lab.x[]) FROM PUBLIC",
            Need("grant function", "lab.f(pg_catalog.int4, lab.x[])", "lab"),
        ),
        (
            "ALTER FUNCTION lab.f() SET search_path = pg_catalog",
            Need("function", "lab.f()", "lab"),
        ),
        ("ALTER TABLE lab.t ENABLE ROW LEVEL SECURITY", Need("table", "lab.t", "lab")),
        ("ALTER POLICY p ON lab.t TO a", Need("table", "lab.t", "lab")),
        ("DROP POLICY p ON lab.t", Need("table", "lab.t", "lab")),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE o GRANT SELECT ON TABLES TO a", Need("member", "o")),
        ("ALTER DATABASE lab SET work_mem = '1MB'", Need("database", "lab")),
        ("ALTER EVENT TRIGGER e ENABLE", Need("superuser")),
        ("DELETE FROM pg_catalog.pg_statistic", Need("superuser")),
        ("SELECT pg_catalog.pg_reload_conf()", Need("call", "pg_catalog.pg_reload_conf()")),
    ],
)
def test_statements_say_what_they_need(sql: str, need: Need) -> None:
    assert need in required(trees(sql))
