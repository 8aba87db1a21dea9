"""The development half of the scenarios: the rules were written looking at these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.analysis.sharing.worlds import DAY, HOUR, Desk, World

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED = ("proven", "strong")


def two_desks(seed: int) -> World:
    desk = Desk(seed, "labo")
    desk.office("10.1.0.11", "pgAdmin 4 - CONN:123")
    desk.office("10.1.0.12", "psql", arrives=9)
    return desk.world(2, "strong")


def five_desks(seed: int) -> World:
    desk = Desk(seed, "chimie", days=14)
    for number in range(5):
        desk.office(f"10.1.0.{20 + number}", desk.random.choice(["DBeaver 24.1", "psql", "pgAdmin 4"]))
    return desk.world(5, "strong")


def thick_client_at_twelve_desks(seed: int) -> World:
    desk = Desk(seed, "sil")
    for number in range(12):
        desk.office(f"10.1.1.{number}", "SIL client 7.2", arrives=7.5 + number % 3)
    return desk.world(12, "strong")


def thick_client_at_three_desks(seed: int) -> World:
    desk = Desk(seed, "bloc")
    for number in range(3):
        desk.office(f"10.1.2.{number}", "", arrives=7.5 + number)
    return desk.world(3, "possible", "strong")


def certificates_of_three(seed: int) -> World:
    desk = Desk(seed, "biologie")
    for name in ("cn=Ada Martin,ou=lab", "cn=Jean Petit,ou=lab", "cn=Lea Roux,ou=lab"):
        desk.office("10.1.0.5", "psql", identity=name, method="cert")
    return desk.world(3, "proven")


def directory_users_behind_a_jump_host(seed: int) -> World:
    desk = Desk(seed, "anapath")
    for name in ("amartin", "jpetit"):
        desk.office("10.9.0.1", "psql", identity=name, method="ldap")
    return desk.world(2, "proven", policy={"networks": {"jump_hosts": ["10.9.0.1/32"]}})


def a_jump_host_without_identity(seed: int) -> World:
    desk = Desk(seed, "hemato")
    for _ in range(4):
        desk.office("10.9.0.1", "psql")
    return desk.world(4, "not-assessable", policy={"networks": {"jump_hosts": ["10.9.0.1/32"]}})


def a_mapped_system_user(seed: int) -> World:
    desk = Desk(seed, "reporting")
    desk.office("", "psql", identity="ada", method="peer")
    return desk.world(1, "proven", mapped=3)


def one_person_at_one_desk(seed: int) -> World:
    desk = Desk(seed, "c.martin")
    desk.office("10.1.0.30", "DBeaver 24.1", parallel=3)
    return desk.world(1, "none", alarm=True)


def one_person_with_three_devices(seed: int) -> World:
    desk = Desk(seed, "j.petit")
    desk.office("10.1.0.31", "DBeaver 24.1")
    desk.office("10.1.0.32", "psql", attendance=0.5, arrives=10)
    desk.office("10.1.0.33", "psql", attendance=0.3, arrives=19, leaves=22)
    return desk.world(1, "none", "possible", alarm=True)


def application_servers(seed: int) -> World:
    desk = Desk(seed, "portail")
    desk.servers([f"10.2.0.{number}" for number in range(4)], "portail")
    return desk.world(0, "none", alarm=True)


def application_servers_in_office_hours(seed: int) -> World:
    desk = Desk(seed, "consult_app")
    for number in range(3):
        desk.office(f"10.2.1.{number}", "PostgreSQL JDBC Driver", parallel=8, arrives=7, leaves=19)
    return desk.world(0, "none", "possible", alarm=True)


def pods_of_a_cluster(seed: int) -> World:
    desk = Desk(seed, "fhir_api")
    desk.pods("fhir")
    return desk.world(0, "none", alarm=True)


def jobs_by_the_clock(seed: int) -> World:
    desk = Desk(seed, "etl_night")
    desk.every(600, "10.2.0.50", "psql")
    desk.daily(2.25, "10.2.0.51", "psql", lasts=900)
    desk.daily(3.5, "10.2.0.52", "psql", lasts=1_200, delay=60)
    return desk.world(0, "none", alarm=True)


def backup_and_supervision(seed: int) -> World:
    desk = Desk(seed, "sauvegarde")
    desk.daily(1, "10.2.0.60", "pg_dump", lasts=4_000)
    desk.every(60, "10.2.0.61", "postgres_exporter")
    return desk.world(0, "none", alarm=True)


def a_service_used_by_hand(seed: int) -> World:
    desk = Desk(seed, "lis_app")
    desk.servers(["10.2.0.10", "10.2.0.11"], "lis")
    desk.office("10.1.0.40", "pgAdmin 4", attendance=0.5)
    return desk.world(2, "strong")


def a_pooler_without_identity(seed: int) -> World:
    desk = Desk(seed, "urgences")
    desk.servers(["10.3.0.1"], "", pool=20)
    return desk.world(5, "not-assessable", policy={"networks": {"poolers": ["10.3.0.0/24"]}})


def a_pooler_in_front_of_a_service(seed: int) -> World:
    desk = Desk(seed, "resultats_web")
    desk.servers(["10.3.0.1"], "pgbouncer", pool=20)
    return desk.world(0, "not-assessable", "none", alarm=True)


def shifts_at_one_station(seed: int) -> World:
    desk = Desk(seed, "reanimation")
    for day in range(desk.days):
        for shift, host in enumerate(("10.1.5.1", "10.1.5.2", "10.1.5.3")):
            begin = day * DAY + (6 + 8 * shift) * HOUR + desk.random.uniform(300, 1_500)
            desk.add(begin, begin + 7.2 * HOUR, host, "psql")
    return desk.world(3, "possible", "strong")


def a_vpn_with_changing_addresses(seed: int) -> World:
    desk = Desk(seed, "garde")
    for _ in range(4):
        desk.office(lambda day: f"10.8.{day}.{desk.random.randrange(2, 250)}", "DBeaver 24.1")
    return desk.world(4, "possible")


def one_person_on_a_vpn(seed: int) -> World:
    desk = Desk(seed, "l.roux")
    desk.office(lambda day: f"10.8.{day}.{desk.random.randrange(2, 250)}", "DBeaver 24.1")
    return desk.world(1, "none", alarm=True)


def a_terminal_server(seed: int) -> World:
    desk = Desk(seed, "secretariat")
    for number in range(9):
        desk.office("10.1.9.9", "pgAdmin 4", arrives=7.5 + number / 4)
    return desk.world(9, "possible", "not-assessable")


def a_name_for_everybody_not_seen(seed: int) -> World:
    return Desk(seed, "stagiaire").world(0, "configured")


def logs_off(seed: int) -> World:
    desk = Desk(seed, "m.durand")
    desk.office("10.1.0.77", "psql")
    return desk.world(1, "not-assessable", connections=False)


def watched_for_four_days(seed: int) -> World:
    desk = Desk(seed, "p.blanc", days=4)
    desk.office("10.1.0.78", "psql")
    return desk.world(1, "not-assessable")


def a_declared_service(seed: int) -> World:
    desk = Desk(seed, "lis")
    desk.servers(["10.2.0.10", "10.2.0.11"], "lis")
    service = {"role": "lis", "owner": "Lab IT", "purpose": "laboratory application"}
    return desk.world(0, alarm=True, policy={"service": [service]})


def a_failover_of_servers(seed: int) -> World:
    desk = Desk(seed, "dossier")
    desk.servers(["10.2.4.1"], "dossier", pool=5)
    half = desk.days / 2 * DAY
    desk.sessions = [one for one in desk.sessions if one.started_at < "2026-10-15"]
    for number in range(5):
        desk.add(half, desk.days * DAY, f"10.2.4.{2 + number % 2}", "dossier")
    return desk.world(0, "none", alarm=True)


def a_deployment_tool(seed: int) -> World:
    desk = Desk(seed, "deploy")
    for day in desk.workdays(0.4):
        begin = day * DAY + desk.random.uniform(9, 18) * HOUR
        desk.add(begin, begin + 40, f"10.244.1.{desk.random.randrange(2, 200)}", "flyway")
    return desk.world(0, "none", alarm=True)


def certificates_of_machines(seed: int) -> World:
    desk = Desk(seed, "hl7_router")
    for number in range(2):
        name = f"cn=app{number}.hosp.example,ou=servers"
        for _ in range(4):
            desk.add(
                desk.random.uniform(0, DAY), 20 * DAY, f"10.2.6.{number}", "", identity=name, method="cert"
            )
    return desk.world(0, "none", alarm=True)


def a_person_relieved_for_a_holiday(seed: int) -> World:
    desk = Desk(seed, "facturation")
    for day in desk.workdays():
        host = "10.1.7.1" if day < 12 else "10.1.7.2"
        begin = day * DAY + desk.random.gauss(8, 0.3) * HOUR
        desk.add(begin, begin + 8 * HOUR, host, "psql")
    return desk.world(2, "possible")


SCENARIOS: tuple[Callable[[int], World], ...] = (
    two_desks,
    five_desks,
    thick_client_at_twelve_desks,
    thick_client_at_three_desks,
    certificates_of_three,
    directory_users_behind_a_jump_host,
    a_jump_host_without_identity,
    a_mapped_system_user,
    one_person_at_one_desk,
    one_person_with_three_devices,
    application_servers,
    application_servers_in_office_hours,
    pods_of_a_cluster,
    jobs_by_the_clock,
    backup_and_supervision,
    a_service_used_by_hand,
    a_pooler_without_identity,
    a_pooler_in_front_of_a_service,
    shifts_at_one_station,
    a_vpn_with_changing_addresses,
    one_person_on_a_vpn,
    a_terminal_server,
    a_name_for_everybody_not_seen,
    logs_off,
    watched_for_four_days,
    a_declared_service,
    a_failover_of_servers,
    a_deployment_tool,
    certificates_of_machines,
    a_person_relieved_for_a_holiday,
)
