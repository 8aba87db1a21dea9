"""Closing a person's login on a real server: what it holds goes, what it owns stays, no way in is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import ApplyStopped, UsageError
from pgguard.server.connect import Target
from pgguard.server.person import look, remove
from tests.odd_names import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster


@pytest.fixture(scope="module")
def own(postgres) -> Iterator[Cluster]:
    from pgguard.demo.cluster import Cluster

    with Cluster.start(postgres) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            for name in ("lab", "billing"):
                connection.execute(f"CREATE DATABASE {name}")
        yield cluster


def _prepare(cluster: Cluster, role: str) -> None:
    name = psycopg.sql.Identifier(role)
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE ROLE {} LOGIN; GRANT pg_monitor TO {}").format(name, name))
        connection.execute(psycopg.sql.SQL("GRANT CREATE ON DATABASE lab TO {}").format(name))
    for database in ("lab", "billing"):
        with psycopg.connect(cluster.dsn(dbname=database), autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS patient (nir text, nom text)")
            connection.execute(psycopg.sql.SQL("GRANT SELECT (nom), UPDATE ON patient TO {}").format(name))
            connection.execute(
                psycopg.sql.SQL("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {}").format(name)
            )


def _acls(cluster: Cluster) -> list[tuple[object, ...]]:
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        return connection.execute(
            "SELECT relacl::text, (SELECT array_agg(attacl::text) FROM pg_attribute WHERE attrelid = c.oid) "
            "FROM pg_class AS c WHERE relname = 'patient'"
        ).fetchall()


@pytest.mark.parametrize("role", ["c.martin", *NAMES[:6]])
def test_a_login_is_closed_with_all_that_it_holds(own: Cluster, role: str) -> None:
    _prepare(own, role)
    said: list[str] = []
    with psycopg.connect(own.dsn(user=role)) as session:
        remove(Target(own.dsn()), role, say=said.append)
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    with psycopg.connect(own.dsn()) as connection:
        assert connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchall() == []
    assert any("session" in one for one in said)
    assert role not in str(_acls(own))


def test_what_a_person_owns_is_kept_and_the_way_in_is_closed_all_the_same(own: Cluster) -> None:
    _prepare(own, "owner_of_things")
    with psycopg.connect(own.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute("CREATE TABLE hers (a int); ALTER TABLE hers OWNER TO owner_of_things")
        connection.execute("CREATE POLICY only_her ON patient TO owner_of_things USING (true)")
    found = look(Target(own.dsn()), "owner_of_things")
    assert [(one.database, one.name) for one in found.owned] == [("lab", "public.hers")]
    assert [one.database for one in found.policies] == ["lab"]
    with pytest.raises(ApplyStopped, match=r"owns table public\.hers in lab"):
        remove(Target(own.dsn()), "owner_of_things", say=lambda text: None)
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(own.dsn(user="owner_of_things"))
    with psycopg.connect(own.dsn(dbname="lab"), autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM hers").fetchone() == (0,)
        connection.execute("DROP TABLE hers; DROP POLICY only_her ON patient")
    # once that is settled, the same command finishes
    remove(Target(own.dsn()), "owner_of_things", say=lambda text: None)


def test_those_who_have_rights_through_it_do_not_lose_them_in_silence(own: Cluster) -> None:
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE chief LOGIN; CREATE ROLE deputy LOGIN; GRANT chief TO deputy")
    with pytest.raises(ApplyStopped, match="deputy is a member"):
        remove(Target(own.dsn()), "chief", say=lambda text: None)


@pytest.mark.parametrize(("role", "why"), [("nobody_here", "there is no role"), ("postgres", "connected as")])
def test_some_roles_are_refused_before_anything_is_done(own: Cluster, role: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        remove(Target(own.dsn()), role, say=lambda text: None)


def test_a_superuser_is_refused(own: Cluster) -> None:
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE mighty SUPERUSER LOGIN")
    with pytest.raises(UsageError, match="superuser"):
        remove(Target(own.dsn()), "mighty", say=lambda text: None)


def test_without_the_right_nothing_is_done_and_it_is_said(own: Cluster) -> None:
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE plain LOGIN; CREATE ROLE victim LOGIN")
    with pytest.raises(ApplyStopped, match='ALTER ROLE "victim" NOLOGIN: permission denied'):
        remove(Target(own.dsn(user="plain")), "victim", say=lambda text: None)
    with psycopg.connect(own.dsn(user="victim")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("victim",)


def test_the_dry_run_changes_nothing(own: Cluster, pgguard: Callable[..., object]) -> None:
    _prepare(own, "leaver")
    where = ["-h", str(own.socket_dir), "-p", str(own.port), "-U", "postgres"]
    done = pgguard("person", "remove", "leaver", *where, "--dry-run")
    assert done.returncode == 0  # type: ignore[attr-defined]
    assert "leaver is dropped" in done.stdout  # type: ignore[attr-defined]
    with psycopg.connect(own.dsn(user="leaver")):
        pass
    assert pgguard("person", "remove", "leaver", *where).returncode == 0  # type: ignore[attr-defined]
    assert pgguard("person", "remove", "leaver", *where).returncode == 2  # type: ignore[attr-defined]
