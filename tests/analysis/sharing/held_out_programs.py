"""The held-out half, programs: servers, pods, jobs, tools that only look like people."""

from __future__ import annotations

from tests.analysis.sharing.rhythms import DESK_TOOLS, merged, switched, timer
from tests.analysis.sharing.worlds import DAY, HOUR, Desk, World, sampled

DRIVERS = ("", "PostgreSQL JDBC Driver", "psqlODBC", "Npgsql", "node-postgres", "psycopg2", "app - worker")


def servers_restarted_one_after_the_other(seed: int) -> World:
    desk = Desk(seed, "sgl")
    driver = desk.random.choice(DRIVERS)
    for day in range(desk.days):
        for number in range(5):
            begin = day * DAY + 10 * HOUR + number * 300 + desk.random.uniform(0, 30)
            for _ in range(4):
                desk.add(begin, begin + DAY - desk.random.uniform(20, 60), f"10.31.1.{number + 1}", driver)
    return desk.world(0, "none", alarm=True)


def servers_added_by_day(seed: int) -> World:
    desk = Desk(seed, "agenda")
    driver = desk.random.choice(DRIVERS)
    desk.servers(["10.31.2.1", "10.31.2.2"], driver, pool=6)
    for number in range(4):
        switched(desk, f"10.31.2.{number + 3}", driver, (8 + number / 4, 19 + number / 4), pool=6)
    return desk.world(0, "none", "possible", alarm=True)


def servers_switched_off_at_night(seed: int) -> World:
    desk = Desk(seed, "recette")
    driver = desk.random.choice(DRIVERS)
    for number in range(3):
        switched(desk, f"10.31.3.{number + 3}", driver, (7, 20), pool=5)
    return desk.world(0, "none", "possible", alarm=True)


def a_server_of_each_hospital(seed: int) -> World:
    desk = Desk(seed, "echange")
    for site in range(6):
        desk.servers([f"10.{100 + site}.0.20"], "mirth", pool=2, restart_days=20)
    return desk.world(0, "none", alarm=True)


def presences_of_servers(seed: int) -> World:
    desk = Desk(seed, "courrier_app")
    desk.servers(["10.31.5.1", "10.31.5.2", "10.31.5.3"], desk.random.choice(DRIVERS), pool=5)
    return merged(desk.world(0, "none", alarm=True))


def servers_sampled(seed: int) -> World:
    desk = Desk(seed, "identito")
    desk.servers(["10.31.6.1", "10.31.6.2"], desk.random.choice(DRIVERS), pool=10)
    return sampled(desk.world(0, "none", "not-assessable", alarm=True, connections=False), 600, seed)


def a_web_that_connects_for_each_request(seed: int) -> World:
    desk = Desk(seed, "intranet")
    for day in range(desk.days):
        for number in range(2):
            for _ in range(60 if day % 7 < 5 else 15):
                begin = day * DAY + min(max(desk.random.gauss(13, 3.5), 0), 23.9) * HOUR
                desk.add(begin, begin + desk.random.expovariate(0.5), f"10.31.7.{number + 1}", "")
    return desk.world(0, "none", "possible", alarm=True)


def pods_of_several_namespaces(seed: int) -> World:
    desk = Desk(seed, "plateforme")
    for name, network in (("api", "10.244"), ("worker", "10.42"), ("", "10.128")):
        desk.pods(name, replicas=desk.random.randrange(2, 5), network=network)
    return desk.world(0, "none", alarm=True)


def pods_behind_their_nodes(seed: int) -> World:
    desk = Desk(seed, "teleconsult")
    for _ in range(3):
        at = 0.0
        while at < desk.days * DAY:
            length = desk.random.expovariate(1 / DAY)
            for _ in range(3):
                stop = min(at + length, desk.days * DAY)
                desk.add(at, stop, f"10.31.8.{10 + desk.random.randrange(5)}", "psycopg2")
            at += length
    return desk.world(0, "none", alarm=True)


def pods_for_three_days(seed: int) -> World:
    desk = Desk(seed, "bilan_api", days=3)
    desk.pods("bilan", replicas=6)
    return desk.world(0, "none", "not-assessable", alarm=True)


def pods_with_jobs_in_psql(seed: int) -> World:
    desk = Desk(seed, "purge_job")
    for day in range(desk.days):
        for hour in (1, 7, 13, 19):
            begin = day * DAY + hour * HOUR + desk.random.uniform(1, 40)
            host = f"10.244.{desk.random.randrange(6)}.{desk.random.randrange(2, 250)}"
            desk.add(begin, begin + desk.random.uniform(20, 400), host, "psql")
    return desk.world(0, "none", alarm=True)


def a_stateful_set(seed: int) -> World:
    desk = Desk(seed, "file_attente")
    for number in range(3):
        at = 0.0
        while at < desk.days * DAY:
            length = desk.random.uniform(3, 8) * DAY
            for _ in range(2):
                desk.add(at, min(at + length, desk.days * DAY), f"10.244.3.{20 + number}", f"queue-{number}")
            at += length + desk.random.uniform(5, 60)
    return desk.world(0, "none", alarm=True)


def timers_with_random_delay(seed: int) -> World:
    desk = Desk(seed, "synchro")
    for number in range(3):
        timer(desk, HOUR, 900, (60, 900), f"10.31.9.{number + 1}", "psql")
    return desk.world(0, "none", alarm=True)


def nightly_timers_on_four_hosts(seed: int) -> World:
    desk = Desk(seed, "consolidation")
    for number in range(4):
        desk.daily(1.5, f"10.31.10.{number + 1}", "psql", lasts=2_400, delay=1_800)
    return desk.world(0, "none", alarm=True)


def jobs_by_day_only(seed: int) -> World:
    desk = Desk(seed, "import_hl7")
    for number in range(2):
        for day in range(desk.days):
            if day % 7 < 5:
                for quarter in range(4 * 7, 4 * 19):
                    begin = day * DAY + quarter * 900 + desk.random.uniform(0, 4)
                    desk.add(begin, begin + desk.random.uniform(1, 50), f"10.31.11.{number + 1}", "psql")
    return desk.world(0, "none", alarm=True)


def weekly_and_monthly_jobs(seed: int) -> World:
    desk = Desk(seed, "statistique_nat", days=35)
    for week in range(5):
        for number in range(2):
            begin = (week * 7 + 6) * DAY + (3 + number / 4) * HOUR + desk.random.uniform(0, 20)
            desk.add(begin, begin + 3 * HOUR, f"10.31.12.{number + 1}", "psql")
    return desk.world(0, "none", alarm=True)


def a_service_and_its_cron(seed: int) -> World:
    desk = Desk(seed, "biblio_app")
    desk.servers(["10.31.13.1"], "biblio", pool=6)
    desk.every(900, "10.31.13.1", "psql", lasts=8)
    return desk.world(0, "none", alarm=True)


def probes_that_use_psql(seed: int) -> World:
    desk = Desk(seed, "sonde")
    for number in range(2):
        desk.every(600, f"10.31.14.{number + 1}", "psql", lasts=2, jitter=6)
    return desk.world(0, "none", alarm=True)


def backup_replication_and_zabbix(seed: int) -> World:
    desk = Desk(seed, "exploit")
    desk.servers(["10.31.15.2", "10.31.15.3"], "walreceiver", pool=1, restart_days=30)
    desk.daily(0.5, "10.31.15.4", "pg_basebackup", lasts=7_000)
    desk.daily(13, "10.31.15.4", "pgBackRest [backup]", lasts=1_500)
    desk.every(1_200, "10.31.15.5", "zabbix_agent2", lasts=2)
    desk.every(1_800, "10.31.15.6", "check_postgres", lasts=2)
    return desk.world(0, "none", alarm=True)


def a_failover_and_back(seed: int) -> World:
    desk = Desk(seed, "prescription")
    edges = (0, 8 + desk.random.uniform(0, 1), 12 + desk.random.uniform(0, 1), desk.days)
    for part, site in enumerate((1, 2, 1)):
        for number in range(2):
            for _ in range(5):
                host = f"10.{31 + site}.16.{number + 1}"
                desk.add(edges[part] * DAY + 30, edges[part + 1] * DAY, host, "prescription")
    return desk.world(0, "none", alarm=True)


def a_bi_tool(seed: int) -> World:
    desk = Desk(seed, "bi_lecture")
    for day in range(desk.days):
        for _ in range(30 if day % 7 < 5 else 4):
            begin = day * DAY + desk.random.gauss(12, 3) * HOUR
            desk.add(begin, begin + desk.random.uniform(5, 900), "10.31.17.1", "Metabase v0.50.3 [5f1c]")
    return desk.world(0, "none", "not-assessable", alarm=True)


def a_bi_tool_that_names_its_users(seed: int) -> World:
    desk = Desk(seed, "decisionnel")
    for name in ("amartin", "jpetit", "lroux", "kdiallo", "nfaure"):
        for day in desk.workdays(0.8):
            begin = day * DAY + desk.random.uniform(8, 17) * HOUR
            desk.add(begin, begin + desk.random.uniform(60, 1_800), "10.31.18.1", f"Superset: {name}")
    return desk.world(5, "possible", "not-assessable", "none", alarm=True)


def a_workbook_each_hour(seed: int) -> World:
    desk = Desk(seed, "tableau_bord")
    desk.every(HOUR, "10.20.50.7", "Microsoft Office Excel", lasts=20, jitter=5)
    desk.every(HOUR, "10.31.19.1", "Mashup Engine", lasts=40, jitter=5)
    return desk.world(0, "none", "possible", alarm=True)


def a_migration_tool_from_runners(seed: int) -> World:
    desk = Desk(seed, "livraison", days=28)
    for day in desk.workdays(0.5):
        for step in range(desk.random.randrange(1, 4)):
            begin = day * DAY + desk.random.uniform(9, 17) * HOUR + step * 100
            host = f"10.31.20.{1 + desk.random.randrange(3)}"
            desk.add(
                begin, begin + desk.random.uniform(5, 90), host, desk.random.choice(("Liquibase", "psql"))
            )
    return desk.world(0, "none", "possible", alarm=True)


def a_declared_service_with_sites(seed: int) -> World:
    desk = Desk(seed, "labnet")
    for site in range(3):
        desk.servers([f"10.{120 + site}.0.9"], "labnet", pool=3)
    service = {
        "role": "labnet",
        "owner": "Vendor",
        "purpose": "results between sites",
        "origins": ["10.120.0.0/14"],
        "applications": ["labnet"],
    }
    return desk.world(0, alarm=True, policy={"service": [service]})


def automata_of_a_laboratory(seed: int) -> World:
    desk = Desk(seed, "middleware")
    for number in range(8):
        for day in range(desk.days):
            begin = day * DAY + 5 * HOUR + desk.random.uniform(0, 1_200)
            desk.add(begin, begin + DAY - desk.random.uniform(900, 2_000), f"10.31.21.{number + 1}", "")
    return desk.world(0, "none", alarm=True)


def a_blue_and_a_green(seed: int) -> World:
    desk = Desk(seed, "admissions")
    at, green = 0.0, False
    while at < desk.days:
        length = desk.random.uniform(2, 5)
        for _ in range(6):
            stop = min(at + length, desk.days) * DAY
            desk.add(at * DAY, stop, f"10.31.22.{1 + green}", "PostgreSQL JDBC Driver")
        at, green = at + length - 0.02, not green
    return desk.world(0, "none", alarm=True)


def a_job_that_calls_itself_a_tool(seed: int) -> World:
    desk = Desk(seed, "extraction")
    for number in range(2):
        desk.daily(22 + number, f"10.31.23.{number + 1}", DESK_TOOLS[3], lasts=9_000, delay=600)
    desk.every(4 * HOUR, "10.31.23.3", "psql", lasts=1_500, jitter=30)
    return desk.world(0, "none", alarm=True)


PROGRAMS = (
    servers_restarted_one_after_the_other,
    servers_added_by_day,
    servers_switched_off_at_night,
    a_server_of_each_hospital,
    presences_of_servers,
    servers_sampled,
    a_web_that_connects_for_each_request,
    pods_of_several_namespaces,
    pods_behind_their_nodes,
    pods_for_three_days,
    pods_with_jobs_in_psql,
    a_stateful_set,
    timers_with_random_delay,
    nightly_timers_on_four_hosts,
    jobs_by_day_only,
    weekly_and_monthly_jobs,
    a_service_and_its_cron,
    probes_that_use_psql,
    backup_replication_and_zabbix,
    a_failover_and_back,
    a_bi_tool,
    a_bi_tool_that_names_its_users,
    a_workbook_each_hour,
    a_migration_tool_from_runners,
    a_declared_service_with_sites,
    automata_of_a_laboratory,
    a_blue_and_a_green,
    a_job_that_calls_itself_a_tool,
)
