"""Every kind of step on a real server: the printed path gains what it says, and cut it gains nothing."""

from __future__ import annotations

import contextlib
import random
import time
import typing
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.escalation.cut import cheapest_cut
from pgguard.analysis.escalation.graph import EdgeKind
from pgguard.analysis.escalation.paths import paths
from pgguard.server.connect import Target
from pgguard.server.read import read_open, read_snapshot
from tests.analysis.attacks import ATTACKS, Attack

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.analysis.escalation.paths import Path
    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Change
    from pgguard.model.snapshot import Snapshot

LOGIN = "mallory"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_path_leads_where_it_says_until_it_is_cut(
    attack: Attack, postgres, new_cluster: Callable[..., Cluster]
) -> None:
    low, high = attack.versions
    if not low <= postgres.major <= high:
        pytest.skip(f"holds for PostgreSQL {low} to {high}")
    cluster = _prepared(attack, new_cluster)
    snapshot = _snapshot(cluster)
    path = _path(snapshot)
    assert path is not None
    assert tuple(step.kind for step in path.steps) == attack.kinds, path.told()
    assert bool(path.needs) == bool(attack.victim), path.told()
    changes = _cut(snapshot)
    _run(cluster, attack)
    assert _won(cluster, attack), path.told()

    cluster = _prepared(attack, new_cluster)
    _apply(cluster, changes)
    left = _path(_snapshot(cluster))
    assert left is None, left.told()
    _run(cluster, attack)
    assert not _won(cluster, attack), [change.sql for change in changes]


def test_every_kind_of_step_has_its_attack() -> None:
    tried = {kind for attack in ATTACKS for kind in attack.kinds}
    # what is part of something else is no step of its own
    assert set(typing.get_args(EdgeKind)) - tried == {"implied"}


def _prepared(attack: Attack, new_cluster: Callable[..., Cluster]) -> Cluster:
    cluster = new_cluster(settings=dict(attack.settings), hba=attack.hba)
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE lab")
        connection.execute("SET password_encryption = 'scram-sha-256'")
        connection.execute("ALTER ROLE postgres PASSWORD 'made-up-for-the-run'")
        connection.execute("CREATE ROLE mallory LOGIN")
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        connection.execute(_filled(attack.setup, cluster).encode())
    return cluster


def _snapshot(cluster: Cluster) -> Snapshot:
    return read_snapshot(Target(cluster.dsn(dbname="lab")))


def _path(snapshot: Snapshot) -> Path | None:
    return next((path for path in paths(snapshot) if path.login == LOGIN), None)


def _cut(snapshot: Snapshot) -> list[Change]:
    found = [change for one in cheapest_cut(snapshot, [LOGIN], [LOGIN]) for change in one.changes]
    assert found
    return found


def _apply(cluster: Cluster, changes: list[Change]) -> None:
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        for change in changes:
            connection.execute(change.sql.encode())


def _run(cluster: Cluster, attack: Attack) -> None:
    _attempt(cluster, LOGIN, attack.steps)
    if attack.victim:
        _attempt(cluster, attack.victim_role, attack.victim.split("; "))


def _filled(text: str, cluster: Cluster) -> str:
    library = {"{library}": _library_folder(cluster)} if "{library}" in text else {}
    for name, value in {"{folder}": str(cluster.folder), "{port}": str(cluster.port), **library}.items():
        text = text.replace(name, value)
    return text


def _library_folder(cluster: Cluster) -> str:
    with psycopg.connect(cluster.dsn()) as connection:
        found = connection.execute("SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'").fetchone()
    assert found is not None
    return str(found[0])


def _attempt(cluster: Cluster, role: str, steps) -> object:
    """Each step by itself, whatever fails; the answer of the last one."""
    answer = None
    with psycopg.connect(cluster.dsn(user=role, dbname="lab"), autocommit=True) as connection:
        for step in steps:
            answer = None
            with contextlib.suppress(psycopg.Error):
                cursor = connection.execute(_filled(step, cluster).encode())
                if cursor.description:
                    row = cursor.fetchone()
                    answer = row[0] if row else None
    return answer


def _won(cluster: Cluster, attack: Attack) -> bool:
    match attack.won.split():
        case ["superuser", *other]:
            name = other[0] if other else LOGIN
            with psycopg.connect(cluster.dsn()) as connection:
                found = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [name])
                return found.fetchone() == (True,)
        case ["file"]:
            proof = cluster.folder / "proof"
            deadline = time.monotonic() + (3 if attack.victim else 0.1)
            while not proof.exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            return proof.exists()
        case ["password", "of", role]:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(cluster.dsn(user=role, password="known-to-mallory")).close()
                return True
            return False
        case ["library"]:
            with psycopg.connect(cluster.dsn()) as connection:
                found = connection.execute(
                    "SELECT current_setting('auto_explain.log_nested_statements', true)"
                )
                return found.fetchone() != (None,)
        case ["answer"]:
            return _attempt(cluster, LOGIN, attack.steps) is True
        case ["copy", "as", role]:
            return _copies(cluster, role)
    raise AssertionError(attack.won)


def _copies(cluster: Cluster, role: str) -> bool:
    """Whether a base backup taken as the role brings the cluster's files."""
    password = "known-to-mallory" if role != LOGIN else ""
    fast = "(CHECKPOINT 'fast')" if cluster.postgres.major >= 15 else "FAST"
    try:
        dsn = cluster.dsn(user=role, password=password, replication="true")
        connection = psycopg.connect(dsn, autocommit=True)
    except psycopg.Error:
        return False
    seen = b""
    with connection:
        raw = connection.pgconn
        raw.send_query(f"BASE_BACKUP {fast}".encode())
        while (result := raw.get_result()) is not None:
            if result.status == psycopg.pq.ExecStatus.COPY_OUT:
                while (part := raw.get_copy_data(0))[0] > 0:
                    seen += bytes(part[1] or b"")[:400]
    return b"pg_control" in seen or b"PG_VERSION" in seen


@pytest.mark.parametrize("seed", range(12))
def test_random_roles_reach_what_the_server_lets_them_reach(seed: int, cluster: Cluster) -> None:
    """Memberships, ADMIN OPTION and CREATEROLE: the engine against all steps that the server allows."""
    chosen = random.Random(seed)  # noqa: S311 - the same graphs at every run
    with psycopg.connect(cluster.dsn(dbname="lab")) as connection:
        names = _random_roles(connection, chosen, cluster.postgres.major)
        expected = {path.login for path in paths(read_open(connection)) if path.takes_over}
        found = {name for name in names if _gets_there(connection, name, names)}
        connection.rollback()
    assert found == expected & set(names)


def _random_roles(connection: psycopg.Connection, chosen: random.Random, major: int) -> list[str]:
    connection.execute("CREATE ROLE boss SUPERUSER NOLOGIN")
    names = [f"r{number}" for number in range(6)]
    for name in names:
        options = chosen.choice(("", "", "NOINHERIT", "CREATEROLE")) if major < 16 else ""
        connection.execute(f"CREATE ROLE {name} LOGIN {options}")
    strong = ["boss", *(["pg_write_server_files"] if major >= 11 else [])]
    for low, member in enumerate(names):
        for role in chosen.sample([*names[low + 1 :], *strong], k=min(2, len(names) - low)):
            if major >= 16:
                admin, inherit, set_ = (chosen.random() < share for share in (0.4, 0.5, 0.5))
                options = f"WITH ADMIN {admin}, INHERIT {inherit}, SET {set_}"
            else:
                options = chosen.choice(("", "WITH ADMIN OPTION"))
            if chosen.random() < 0.7:
                connection.execute(f"GRANT {role} TO {member} {options}")
    return names


def _gets_there(connection: psycopg.Connection, name: str, names: list[str]) -> bool:
    """Take every GRANT that the server allows the login and the roles it becomes, until none is new."""
    has_files = connection.info.server_version >= 110000
    everyone = [*names, *(["pg_write_server_files"] if has_files else [])]
    options = "WITH INHERIT TRUE, SET TRUE" if connection.info.server_version >= 160000 else ""
    won = False
    connection.execute("SAVEPOINT start")
    connection.execute(f"SET SESSION AUTHORIZATION {name}")
    granted: set[str] = set()
    before = -1
    while len(granted) > before and not won:
        before = len(granted)
        for role in ("none", *everyone):
            if not _tried(connection, f"SET ROLE {role}"):
                continue
            if has_files:
                mine = connection.execute(
                    "SELECT pg_has_role(current_user, 'pg_write_server_files', 'USAGE')"
                ).fetchone()
                won = won or mine == (True,)
            for other in everyone:
                grant = f"GRANT {other} TO {name} {options}"
                # who is a member of the login has to leave it first
                if other not in granted and (
                    _tried(connection, grant) or _tried(connection, f"REVOKE {name} FROM {other}", grant)
                ):
                    granted.add(other)
        connection.execute("SET ROLE none")
        won = won or _tried(connection, "SET ROLE boss")
    connection.execute("RESET SESSION AUTHORIZATION")
    connection.execute("ROLLBACK TO SAVEPOINT start")
    return won


def _tried(connection: psycopg.Connection, *statements: str) -> bool:
    try:
        with connection.transaction():
            for statement in statements:
                connection.execute(statement)
    except psycopg.Error:
        return False
    return True
