"""Forty people behind three shared logins and two services, changed over while everybody works."""

from __future__ import annotations

import datetime
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.model.plan import Plan
from pgguard.model.policy import PersonalRoles, Policy
from pgguard.plan.migration import migrations
from pgguard.plan.personal import plan_personal
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from pgguard.store.roster import COLUMNS, parse
from tests.plan.rights import rights

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster
    from pgguard.model.plan import Migration

CLUSTER = """
CREATE ROLE owner NOLOGIN; CREATE ROLE auditors NOLOGIN;
CREATE ROLE labo LOGIN; CREATE ROLE accueil LOGIN; CREATE ROLE urgences LOGIN;
CREATE ROLE lis_app LOGIN; CREATE ROLE portail LOGIN;
GRANT auditors TO urgences;
ALTER ROLE labo SET search_path = lab; ALTER ROLE accueil SET search_path = lab;
ALTER ROLE urgences SET search_path = lab; ALTER ROLE lis_app SET search_path = lab;
ALTER ROLE portail SET search_path = lab;
"""
LAB = """
CREATE SCHEMA lab AUTHORIZATION owner;
CREATE TABLE lab.patient (id bigserial PRIMARY KEY, nom text);
CREATE TABLE lab.resultat (id bigserial, patient bigint REFERENCES lab.patient, valeur text);
CREATE TABLE lab.rendezvous (id bigserial, patient bigint, le date);
CREATE VIEW lab.liste AS SELECT id, nom FROM lab.patient;
ALTER TABLE lab.patient OWNER TO owner; ALTER TABLE lab.resultat OWNER TO owner;
ALTER TABLE lab.rendezvous OWNER TO owner; ALTER VIEW lab.liste OWNER TO owner;
INSERT INTO lab.patient (nom) SELECT 'P' || n FROM generate_series(1, 50) AS n;
GRANT USAGE ON SCHEMA lab TO labo, accueil, urgences, lis_app, portail;
GRANT SELECT ON lab.patient TO labo, urgences; GRANT SELECT, INSERT, UPDATE ON lab.resultat TO labo;
GRANT USAGE ON SEQUENCE lab.resultat_id_seq TO labo;
GRANT SELECT ON lab.liste TO accueil; GRANT SELECT, INSERT, DELETE ON lab.rendezvous TO accueil;
GRANT USAGE ON SEQUENCE lab.rendezvous_id_seq TO accueil;
GRANT SELECT ON lab.resultat TO urgences;
GRANT ALL ON ALL TABLES IN SCHEMA lab TO lis_app; GRANT ALL ON ALL SEQUENCES IN SCHEMA lab TO lis_app;
GRANT SELECT ON lab.liste TO portail;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA lab GRANT SELECT ON TABLES TO labo;
CREATE TABLE lab.brouillon (a int); ALTER TABLE lab.brouillon OWNER TO labo;
"""
WORK = {
    "labo": ("SELECT count(*) FROM patient", "INSERT INTO resultat (patient, valeur) VALUES (1, 'x')",
             "UPDATE resultat SET valeur = 'y' WHERE id = 1", "INSERT INTO brouillon VALUES (1)"),
    "accueil": ("SELECT * FROM liste LIMIT 3", "INSERT INTO rendezvous (patient, le) VALUES (1, now())",
                "DELETE FROM rendezvous WHERE id < 0"),
    "urgences": ("SELECT * FROM patient LIMIT 3", "SELECT * FROM resultat LIMIT 3"),
    "lis_app": ("INSERT INTO patient (nom) VALUES ('new')", "UPDATE resultat SET valeur = 'z' WHERE id = 2"),
    "portail": ("SELECT * FROM liste ORDER BY id DESC LIMIT 1",),
}  # fmt: skip
REFUSED = {
    "labo": (
        "DELETE FROM patient",
        "INSERT INTO rendezvous (patient) VALUES (1)",
        "CREATE TABLE lab.x (a int)",
    ),
    "accueil": ("SELECT * FROM resultat", "SELECT * FROM patient"),
    "urgences": ("INSERT INTO resultat (patient) VALUES (1)",),
}
STAFF = {
    "labo": {"biologist": 10, "technician": 12},
    "accueil": {"secretary": 10},
    "urgences": {"nurse": 8},
}


class Worker(threading.Thread):
    """Somebody at work: the statements of a login again and again, as `role`, until stopped."""

    def __init__(self, cluster: Cluster, role: str, work: tuple[str, ...], *, reconnect: bool) -> None:
        super().__init__(daemon=True)
        self.cluster, self.role, self.work, self.reconnect = cluster, role, work, reconnect
        self.failed: list[str] = []
        self.done = 0
        self._stop_now = threading.Event()

    def run(self) -> None:
        try:
            while not self._stop_now.is_set():
                with psycopg.connect(self.cluster.dsn(user=self.role, dbname="lab"), autocommit=True) as one:
                    while not self._stop_now.is_set():
                        for statement in self.work:
                            one.execute(statement.encode())
                            self.done += 1
                        time.sleep(0.05)
                        if self.reconnect:
                            break
        except psycopg.Error as error:
            self.failed.append(str(error))

    def stop(self) -> None:
        self._stop_now.set()
        self.join(20)


def _roster() -> str:
    lines = []
    for login, staff in STAFF.items():
        for function, count in staff.items():
            lines += [f"{function} {n},{login}.{function[:4]}{n},,{function},{login}," for n in range(count)]
    return ",".join(COLUMNS) + "\n" + "\n".join(lines) + "\n"


def _psql(cluster: Cluster, text: str, database: str | None) -> None:
    done = subprocess.run(
        [
            str(cluster.postgres.psql or "psql"),
            "-X",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            cluster.dsn(dbname=database or "lab"),
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _run(cluster: Cluster, files: list[Migration], kind: str) -> None:
    for one in files if kind != "down" else reversed(files):
        _psql(cluster, getattr(one, kind), one.step.database)


def test_not_one_statement_fails_and_everything_is_taken_back(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(hba="local all all trust\n", settings={"max_connections": "150"})
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE lab")
        connection.execute(CLUSTER)
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
        connection.execute(LAB)
    before = rights(cluster, "lab")
    snapshot = read_snapshot(Target(cluster.dsn()))
    roles = [role.name for role in snapshot.roles]
    roster = parse(_roster(), "roster.csv", roles=roles, today=datetime.date(2026, 11, 25))
    assert len(roster) == 40
    policy = Policy(personal_roles=PersonalRoles(ddl_functions=("biologist",)))
    steps, by_hand = plan_personal(snapshot, roster, policy)
    server = snapshot.server
    files = migrations(Plan("lab", server.version, server.now, server.inspected_as, steps, by_hand))
    phases = {
        name: [one for one in files if one.step.phase == name]
        for name in ("prepare", "watch", "cutover", "cleanup")
    }
    reversible = [one for one in phases["cleanup"] if one.undoable]

    services = [Worker(cluster, role, WORK[role], reconnect=True) for role in ("lis_app", "portail")]
    shared = [Worker(cluster, role, WORK[role], reconnect=True) for role in STAFF for _ in range(3)]
    sitting = [Worker(cluster, role, WORK[role], reconnect=False) for role in STAFF]
    for one in (*services, *shared, *sitting):
        one.start()
    time.sleep(0.5)
    _run(cluster, phases["prepare"], "up")
    _run(cluster, phases["prepare"], "verify")
    people = [Worker(cluster, one.login, WORK[one.replaces], reconnect=True) for one in roster]
    for one in people:
        one.start()
    time.sleep(1)
    # the watch says that the old logins are still in use, and no longer once they are not
    with pytest.raises(AssertionError, match="nobody is connected as"):
        _run(cluster, phases["watch"], "verify")
    for one in shared:
        one.stop()
    # sessions that are open when the login is closed go on
    _run(cluster, phases["cutover"], "up")
    _run(cluster, phases["cutover"], "verify")
    time.sleep(0.5)
    for one in sitting:
        one.stop()
    _run(cluster, phases["watch"], "verify")
    _run(cluster, reversible, "up")
    _run(cluster, reversible, "verify")
    _run(cluster, phases["prepare"], "verify")
    time.sleep(1)
    for role in STAFF:
        with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
            psycopg.connect(cluster.dsn(user=role, dbname="lab"))
    for person in (roster[0], roster[-1], next(one for one in roster if one.replaces == "accueil")):
        for statement in REFUSED[person.replaces]:
            with psycopg.connect(cluster.dsn(user=person.login, dbname="lab")) as connection:  # noqa: SIM117
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
    for one in (*services, *people):
        one.stop()
    everybody = (*services, *shared, *sitting, *people)
    assert [failure for one in everybody for failure in one.failed] == []
    assert all(one.done > 0 for one in everybody)
    # planned again on the cluster as it is now, there is nothing left for these people
    again = read_snapshot(Target(cluster.dsn()))
    assert {one.login for one in roster} <= {role.name for role in again.roles}
    _run(cluster, reversible, "down")
    _run(cluster, phases["cutover"], "down")
    _run(cluster, phases["prepare"], "down")
    assert rights(cluster, "lab") == before
