"""Nothing with a secret is written, and nothing that does not parse; whole plans are searched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.expression import statements
from pgguard.model.finding import Change
from pgguard.model.plan import Plan, Step
from pgguard.plan import folder
from pgguard.plan.checked import UnsafeMigrationError, checked
from pgguard.plan.layouts import LAYOUTS
from pgguard.plan.migration import migrations
from tests.plan.sites import SITES, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

HASH = "0123456789abcdef" * 2
SECRETS = (
    "ALTER ROLE labo PASSWORD 'x';",
    "CREATE ROLE labo ENCRYPTED PASSWORD 'x';",
    "ALTER ROLE labo SET lis.k = 'SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy';",
    f"COMMENT ON ROLE labo IS 'md5{HASH}';",
    "COMMENT ON ROLE labo IS '-----BEGIN RSA PRIVATE KEY-----';",
    "ALTER SYSTEM SET primary_conninfo = 'host=a user=b password=hunter2';",
    "CREATE SUBSCRIPTION s CONNECTION 'postgres://b:hunter2@a/c' PUBLICATION p;",
    "CREATE USER MAPPING FOR a SERVER b OPTIONS (user 'c', password 'hunter2');",
    "DO $$BEGIN EXECUTE 'ALTER ROLE labo PASSWORD ''x'''; PERFORM 'password=hunter2'; END$$;",
)
UNPARSED = (
    "SELEC 1;",
    "DO $$BEGIN SELEC; END IF; END$$;",
    "DO $$BEGIN IF true THEN NULL; END$$;",
)


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest, postgres) -> Iterator[Site]:
    with SITES[request.param](postgres) as running:
        yield running


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UnsafeMigrationError) as refused:
        checked(text, "0001_x")
    assert "0001_x" in str(refused.value)
    assert not any(word in str(refused.value) for word in ("hunter2", HASH, "SCRAM", "PASSWORD 'x'"))


@pytest.mark.parametrize("text", UNPARSED)
def test_what_does_not_parse_is_refused(text: str) -> None:
    with pytest.raises(UnsafeMigrationError, match="does not parse"):
        checked(text, "0001_x")


def test_taking_a_password_away_is_none() -> None:
    assert checked("ALTER ROLE labo PASSWORD NULL;", "0001_x")


@pytest.mark.parametrize("layout", [folder.PSQL, *LAYOUTS])
def test_a_secret_anywhere_in_a_plan_keeps_all_of_it_from_being_written(layout: str, tmp_path: Path) -> None:
    step = Step("x", "X", "why", (Change("REVOKE a FROM b;", "GRANT a TO b;", "none"),))
    moment = "2026-11-25T20:00:00Z"
    plan = Plan("here", "15.1", moment, "me", (step,), ("by hand: postgres://b:hunter2@a/c",))
    with pytest.raises(UnsafeMigrationError):
        folder.write(tmp_path / "plan", plan, migrations(plan), layout=layout)
    assert not (tmp_path / "plan").exists()


def test_whole_plans_parse_and_hold_no_secret(site: Site) -> None:
    plan = site.plan()
    files = migrations(plan)
    secrets = _secrets(site)
    assert len(secrets) > len(SITES)
    for layout in (folder.PSQL, *LAYOUTS):
        for name, text in folder.contents(plan, files, layout).items():
            assert not [one for one in secrets if one in text], name
            if name.endswith(".sql"):
                assert statements(text), name
            elif name.endswith(".py"):
                compile(text, name, "exec")


def _secrets(site: Site) -> set[str]:
    """What the sites' scripts plant as passwords and keys, and the verifiers that the server made of them."""
    scripts = (Path("sql/demo/laboratory.sql"), Path("tests/planted/flawed.sql"))
    found: set[str] = {site.password} - {""}
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        found |= set(re.findall(r"PASSWORD '([^']+)'", text))
        found |= set(re.findall(r"(?:key|text) :?= '([^']+)'", text))
        found |= set(re.findall(r"password=([^'\s]+)", text))
        found |= set(re.findall(r"'(not-a-real-[^']+)'", text))
    with psycopg.connect(site.dsn("postgres")) as connection:
        rows = connection.execute("SELECT rolname, rolpassword FROM pg_authid").fetchall()
    names = {name for name, _ in rows}
    return (found | {verifier for _, verifier in rows if verifier}) - names
