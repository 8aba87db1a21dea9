"""The script for plain psql gives what the direct pass gives, on every version, for every name."""

from __future__ import annotations

import datetime
import re
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.binaries import find_postgres
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.queries import OUTSIDE
from pgguard.server.read import read_snapshot
from pgguard.store.policy_file import parse
from pgguard.store.script import script
from pgguard.store.snapshot_file import load, save
from tests.odd_names import fill
from tests.snapshots import MOMENT, differences, unread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import Snapshot

    Psql = Callable[..., "subprocess.CompletedProcess[bytes]"]

# the two sessions have names of their own, and only psql has to SET the encoding
_SESSION = {"application_name", "client_encoding"}


@pytest.fixture
def psql(tmp_path: Path) -> Psql:
    """Runs the script on a cluster with the system's psql, whatever its version."""
    client = find_postgres()
    if client.psql is None:
        pytest.skip("no psql is installed")

    def run(
        cluster: Cluster, *more: str, user: str = "postgres", dbname: str = "postgres", text: str = ""
    ) -> subprocess.CompletedProcess[bytes]:
        (tmp_path / "script.sql").write_text(text or script())
        where = ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", user, "-d", dbname]
        done = subprocess.run(
            [str(client.psql), "-XAt", *where, *more, "-f", tmp_path / "script.sql"],
            capture_output=True,
            check=False,
            env=client.environment(),
        )
        (tmp_path / "snapshot.json").write_bytes(done.stdout)
        return done

    return run


def same_findings(one: Snapshot, other: Snapshot) -> None:
    """Every check says the same of both, unless it needs what only a client can give."""
    today = datetime.date(2026, 11, 25)
    policy = parse("", "no policy")
    for left, right in zip(
        judge(one, policy, today=today).outcomes, judge(other, policy, today=today).outcomes, strict=True
    ):
        if "made by psql" not in right.reason:
            assert left == right


def test_it_is_one_ascii_file_for_all_versions() -> None:
    text = script()
    assert text.isascii()
    assert "\r" not in text
    # nothing is read, written or run besides the server: that is, outside of the queries' own strings
    commands = "\n".join(re.findall(r"^\s*\\.*", text, re.MULTILINE))
    assert not re.findall(r"\\(?:!|i|ir|include|o|out|w|write|copy|setenv|cd|g\s*[|/])(?![a-z])", commands)


@pytest.mark.parametrize("user", ["postgres", "watcher"])
@pytest.mark.parametrize("more", [(), ("-q",), ("-v", "ON_ERROR_STOP=1", "-v", "FETCH_COUNT=7")])
def test_it_gives_what_the_direct_pass_gives(
    new_cluster: Callable[..., Cluster], psql: Psql, tmp_path: Path, user: str, more: tuple[str, ...]
) -> None:
    cluster = new_cluster()
    fill(cluster)
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE watcher LOGIN IN ROLE pg_monitor")
        connection.execute("CREATE DATABASE closed ALLOW_CONNECTIONS false")
        connection.execute("CREATE DATABASE private")
        connection.execute("REVOKE CONNECT ON DATABASE private FROM PUBLIC")
        connection.execute(
            "CREATE SUBSCRIPTION s CONNECTION 'password=c' PUBLICATION p WITH (connect = false)"
        )
    direct = read_snapshot(Target(cluster.dsn(user=user, dbname="postgres")))
    done = psql(cluster, *more, user=user)
    assert done.returncode == 0, done.stderr
    made = load(tmp_path / "snapshot.json")
    found = differences(direct, made)
    settings = found.pop(("", "settings"))
    assert {row.name for rows in settings for row in rows} <= _SESSION
    for section in OUTSIDE:
        found.pop(("", section))
    if user == "watcher":
        # the same is refused, in words of its own
        assert "may not connect" in unread(made, "private")["schemas"]
        assert "permission denied for database" in unread(direct, "private")["schemas"]
        found = {key: rows for key, rows in found.items() if key[0] != "private"}
        # one line on stderr for each refusal
        assert all(b"ERROR" in line for line in done.stderr.splitlines())
    elif cluster.postgres.major > 10:
        assert done.stderr == b""
    assert found == {}
    if user == "postgres":
        same_findings(direct, made)
    # and the file of pgguard is read the same
    save(direct, tmp_path / "direct.json")
    assert differences(load(tmp_path / "direct.json"), direct, ignore=()) == {}


def test_psql_10_which_tells_no_errors_gives_the_same(
    new_cluster: Callable[..., Cluster], psql: Psql, tmp_path: Path
) -> None:
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE watcher LOGIN IN ROLE pg_monitor")
        connection.execute("CREATE DATABASE lab")
    # psql 10 knows neither :ERROR nor :LAST_ERROR_MESSAGE
    old = script().replace(":VERSION_NUM OPERATOR", "100023 OPERATOR")
    old = old.replace(":ERROR", ":NOT_KNOWN").replace(":LAST_ERROR_MESSAGE", ":NOT_KNOWN")
    psql(cluster, user="watcher", text=old)
    made = load(tmp_path / "snapshot.json")
    direct = read_snapshot(Target(cluster.dsn(user="watcher", dbname="postgres")))
    assert unread(made)["verifiers"] == "the server refused it; psql 10 says why on stderr only"
    assert unread(made).keys() | set(OUTSIDE) == unread(direct).keys() | set(OUTSIDE)
    refused = {name for _, name, _ in made.all_missing()}
    assert differences(direct, made, MOMENT | refused | {"settings"}) == {}


def test_a_database_that_psql_cannot_reach_leaves_the_rest_unread(
    new_cluster: Callable[..., Cluster], psql: Psql, tmp_path: Path
) -> None:
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for name in ("a", "b", "c"):
            connection.execute(f"CREATE DATABASE {name}")
    (cluster.data_directory / "pg_hba.conf").write_text("local b all reject\nlocal all all trust\n")
    cluster.reload()
    done = psql(cluster)
    assert b"pg_hba.conf rejects" in done.stderr
    made = load(tmp_path / "snapshot.json")
    assert [one.name for one in made.inspected] == ["a", "b", "c", "postgres"]
    assert "schemas" not in unread(made, "a")
    assert "psql could not connect" in unread(made, "b")["schemas"]
    assert "psql ended at database b" in unread(made, "c")["schemas"]
    assert "schemas" not in unread(made, "postgres")

    psql(cluster, "-v", "skip=b")
    made = load(tmp_path / "snapshot.json")
    assert unread(made, "b")["schemas"] == "it was left out with -v skip"
    assert "schemas" not in unread(made, "c")


def test_more_databases_than_it_has_lines_for_are_unread(
    new_cluster: Callable[..., Cluster], psql: Psql, tmp_path: Path
) -> None:
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        for name in ("a", "b", "c"):
            connection.execute(f"CREATE DATABASE {name}")
    again = ":next_database\n"
    text = script()
    second = text.index(again, text.index(again) + 1)
    psql(cluster, text=text[:second] + text[text.rindex("\\endif\n\n\\if :more") + len("\\endif") :])
    made = load(tmp_path / "snapshot.json")
    assert [one.name for one in made.inspected] == ["a", "b", "c", "postgres"]
    assert "schemas" not in unread(made, "a")
    assert "as many databases" in unread(made, "b")["schemas"]
    assert "as many databases" in unread(made, "c")["schemas"]


def test_where_the_list_of_databases_is_refused_the_first_one_is_read(
    new_cluster: Callable[..., Cluster], psql: Psql, tmp_path: Path
) -> None:
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE watcher LOGIN IN ROLE pg_monitor")
        connection.execute("REVOKE ALL ON pg_catalog.pg_database FROM PUBLIC")
    done = psql(cluster, user="watcher")
    made = load(tmp_path / "snapshot.json")
    assert "permission denied" in unread(made)["databases"]
    assert [one.name for one in made.inspected] == ["postgres"]
    assert "schemas" not in unread(made, "postgres")
    assert len(done.stderr.splitlines()) < 15


def test_settings_of_role_and_database_change_nothing(
    new_cluster: Callable[..., Cluster], psql: Psql, tmp_path: Path
) -> None:
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE lab")
        connection.execute("CREATE ROLE plain SUPERUSER LOGIN")
        connection.execute("CREATE ROLE odd SUPERUSER LOGIN")
        for name, value in {
            "statement_timeout": "1ms",
            "standard_conforming_strings": "off",
            "quote_all_identifiers": "on",
            "search_path": "nowhere",
            "client_encoding": "LATIN1",
            "client_min_messages": "debug1",
            "default_transaction_read_only": "on",
        }.items():
            connection.execute(f"ALTER ROLE odd SET {name} = '{value}'")
    direct = read_snapshot(Target(cluster.dsn(user="plain", dbname="postgres")))
    psql(cluster, user="odd")
    made = load(tmp_path / "snapshot.json")
    assert differences(direct, made, {"server_rows", "sessions", "settings", "role_settings", *OUTSIDE}) == {}
    assert len(made.settings) == len(direct.settings)


def test_a_database_of_any_bytes(new_cluster: Callable[..., Cluster], psql: Psql, tmp_path: Path) -> None:
    cluster = new_cluster()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE anything TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    with psycopg.connect(cluster.dsn(dbname="anything"), autocommit=True) as connection:
        connection.execute("SET client_encoding = 'SQL_ASCII'")
        connection.execute(b'CREATE TABLE "relev\xe9" ("\xc3\xa9" text)')
    direct = read_snapshot(Target(cluster.dsn()))
    psql(cluster)
    made = load(tmp_path / "snapshot.json")
    assert {key[1] for key in differences(direct, made)} == {"settings", *OUTSIDE}


def test_statements_are_read_where_the_extension_is(
    postgres, new_cluster: Callable[..., Cluster], psql: Psql, tmp_path: Path
) -> None:
    root = postgres.bin.parent
    if not any((root / place / "pg_stat_statements.so").is_file() for place in ("lib", "lib/postgresql")):
        pytest.skip("this PostgreSQL comes without pg_stat_statements")
    cluster = new_cluster(settings={"shared_preload_libraries": "pg_stat_statements"})
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute('CREATE SCHEMA "it\'s ""odd"""')
        connection.execute('CREATE EXTENSION pg_stat_statements SCHEMA "it\'s ""odd"""')
        connection.execute("CREATE ROLE somebody PASSWORD 'md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'")
    psql(cluster)
    (here,) = load(tmp_path / "snapshot.json").inspected
    assert any("PASSWORD" in row.query for row in here.statements)
