"""The held-out half, people: desks, shifts, devices, replacements, people on service accounts."""

from __future__ import annotations

from tests.analysis.sharing.rhythms import (
    DESK_TOOLS,
    bursts,
    devices,
    duty,
    leased,
    merged,
    with_gap,
)
from tests.analysis.sharing.worlds import DAY, HOUR, Desk, World, sampled


def two_biologists(seed: int) -> World:
    desk = Desk(seed, "bio2", days=14)
    desk.office("10.20.3.41", "pgAdmin 4 - DB:lab", attendance=0.85)
    desk.office("10.20.3.57", "pgAdmin 4 - CONN:7716", arrives=8.7, leaves=18, attendance=0.85)
    return desk.world(2, "strong")


def twenty_readers(seed: int) -> World:
    desk = Desk(seed, "bact_lecture", days=14)
    for number in range(20):
        desk.office(
            f"192.168.40.{100 + number}",
            desk.random.choice(DESK_TOOLS),
            arrives=7 + number % 4,
            leaves=15 + number % 4,
            attendance=desk.random.uniform(0.5, 0.95),
        )
    return desk.world(20, "strong")


def hot_desks(seed: int) -> World:
    desk = Desk(seed, "sero", days=14)
    people = 6
    for day in range(desk.days):
        if day % 7 < 5:
            for place in desk.random.sample(range(8), people):
                if desk.random.random() < 0.85:
                    begin = day * DAY + desk.random.gauss(8.3, 0.5) * HOUR
                    tool = desk.random.choice(DESK_TOOLS[:4])
                    desk.add(begin, begin + desk.random.gauss(8, 0.7) * HOUR, f"10.20.8.{place + 30}", tool)
    return desk.world(people, "strong")


def part_timers(seed: int) -> World:
    desk = Desk(seed, "parasito", days=14)
    for number in range(4):
        desk.office(f"10.20.9.{60 + number}", "psql", leaves=14.5 + number / 2, attendance=0.55)
    return desk.world(4, "strong")


def a_pair_that_shares_wednesdays(seed: int) -> World:
    desk = Desk(seed, "qualite", days=28)
    for first, last, host in ((0, 2, "10.20.10.5"), (2, 4, "10.20.10.6")):
        days = [day for day in range(desk.days) if first <= day % 7 <= last]
        duty(desk, days, 8.2, 8.5, host, "DBeaver 24.2.0 - Main <lab>")
    return desk.world(2, "possible", "strong")


def people_who_ask_and_leave(seed: int) -> World:
    desk = Desk(seed, "immuno", days=14)
    for number in range(6):
        bursts(desk, f"10.20.11.{14 + number}", desk.random.choice(DESK_TOOLS), a_day=6)
    return desk.world(6, "strong")


def two_who_ask_and_leave(seed: int) -> World:
    desk = Desk(seed, "auto_immunite", days=21)
    for number in range(2):
        bursts(desk, f"10.20.11.{34 + number}", "psql", a_day=4, minutes=30)
    return desk.world(2, "possible", "strong")


def never_logged_off(seed: int) -> World:
    desk = Desk(seed, "cyto", days=21)
    for number in range(3):
        for week in range(3):
            begin = (week * 7 + desk.random.uniform(0.32, 0.45)) * DAY
            end = begin + desk.random.uniform(3.2, 4.4) * DAY
            desk.add(begin, end, f"10.20.12.{70 + number}", "pgAdmin 4 - DB:lab")
            desk.add(begin + HOUR, end - HOUR, f"10.20.12.{70 + number}", "pgAdmin 4 - CONN:4431")
    return desk.world(3, "strong")


def presences_at_five_desks(seed: int) -> World:
    desk = Desk(seed, "virologie", days=14)
    for number in range(5):
        bursts(desk, f"10.20.13.{80 + number}", DESK_TOOLS[number], a_day=7, minutes=40)
    return merged(desk.world(5, "strong"))


def desks_sampled_each_five_minutes(seed: int) -> World:
    desk = Desk(seed, "toxico", days=14)
    for number in range(4):
        desk.office(f"10.20.14.{90 + number}", DESK_TOOLS[number], arrives=8 + number / 3)
    return sampled(desk.world(4, "strong", connections=False), 300, seed)


def desks_with_lost_logs(seed: int) -> World:
    desk = Desk(seed, "hemostase", days=28)
    for number in range(3):
        desk.office(f"10.20.15.{number + 3}", "DBeaver 23.3.1 - Main <lab>", attendance=0.75)
    return with_gap(desk.world(3, "strong"), 8, 8 + 4 + seed % 4)


def leases_of_some_days(seed: int) -> World:
    desk = Desk(seed, "pharma_lecture")
    for number in range(5):
        address = leased(desk, f"10.21.{number % 2}", 5)
        desk.office(address.__getitem__, DESK_TOOLS[number], attendance=0.9)
    return desk.world(5, "strong", "possible")


def leases_of_a_day(seed: int) -> World:
    desk = Desk(seed, "dietetique")
    for _ in range(6):
        address = leased(desk, "10.22.4", 1)
        desk.office(address.__getitem__, desk.random.choice(DESK_TOOLS), attendance=0.85)
    return desk.world(6, "possible", "strong")


def desks_and_telework(seed: int) -> World:
    desk = Desk(seed, "dim")
    for number in range(5):

        def place(_day: int, home: str = f"10.20.16.{number + 11}") -> str:
            remote = f"10.250.{desk.random.randrange(4)}.{desk.random.randrange(2, 250)}"
            return home if desk.random.random() < 0.6 else remote

        desk.office(place, DESK_TOOLS[number % 3], attendance=0.9)
    return desk.world(5, "strong")


def a_named_client_at_seven_desks(seed: int) -> World:
    desk = Desk(seed, "hexa", days=14)
    for number in range(7):
        desk.office(f"10.20.17.{number + 40}", "HexaLab 5.1.3", arrives=7 + number / 3, attendance=0.85)
    return desk.world(7, "strong")


def a_driver_without_name_at_nine_desks(seed: int) -> World:
    desk = Desk(seed, "prelevement", days=14)
    for number in range(9):
        desk.office(
            f"10.20.18.{number + 40}", "psqlODBC_lo", arrives=6.5 + number / 2, leaves=14 + number / 2
        )
    return desk.world(9, "strong")


def a_night_alone(seed: int) -> World:
    desk = Desk(seed, "nuit_labo")
    for day in range(desk.days):
        host = f"10.20.19.{5 + desk.random.randrange(2)}"
        duty(desk, [day], 20.5, 9.6, host, desk.random.choice(DESK_TOOLS[:2]))
    return desk.world(3, "possible")


def a_night_in_pairs(seed: int) -> World:
    desk = Desk(seed, "lab24", days=14)
    for number in range(2):
        duty(desk, range(desk.days), 20.5 + number / 2, 10, f"10.20.19.{15 + number}", "psql", missed=0.15)
    return desk.world(2, "strong")


def hand_over_with_a_talk(seed: int) -> World:
    desk = Desk(seed, "gaz_sang", days=14)
    for shift, host in enumerate(("10.20.20.1", "10.20.20.2", "10.20.20.3")):
        duty(desk, range(desk.days), 6.25 + 8 * shift, 8.5, host, "pgAdmin 4 - DB:lab")
    return desk.world(2, "possible", "strong")


def weekend_duty(seed: int) -> World:
    desk = Desk(seed, "permanence", days=28)
    days = [day for day in range(desk.days) if day % 7 >= 5]
    for number in range(2):
        duty(desk, days, 8 + number, 9, f"10.20.21.{number + 1}", "psql", missed=0.1)
    return desk.world(2, "strong")


def two_who_take_turns_at_one_desk(seed: int) -> World:
    desk = Desk(seed, "secr_cardio")
    for day in range(desk.days):
        if day % 7 < 5:
            tool = ("psql", "DBeaver 24.2.0 - Main <lab>")[(day + day // 7) % 2]
            duty(desk, [day], 8.4, 8.4, "10.20.22.9", tool)
    return desk.world(2, "possible")


def two_who_take_turns_by_week(seed: int) -> World:
    desk = Desk(seed, "secr_onco", days=28)
    for day in range(desk.days):
        if day % 7 < 5:
            duty(desk, [day], 8.4, 8.4, f"10.20.23.{10 + day // 7 % 2}", "HeidiSQL 12.6")
    return desk.world(2, "possible")


def a_holiday_with_return(seed: int) -> World:
    desk = Desk(seed, "caisse", days=28)
    away = 7 * (1 + seed % 2)
    for day in range(desk.days):
        if day % 7 < 5:
            host = "10.20.24.8" if away <= day < away + 7 else "10.20.24.7"
            duty(desk, [day], 8, 8.6, host, "DBeaver 23.3.1 - Main <lab>")
    return desk.world(2, "possible")


def trainees_by_the_week(seed: int) -> World:
    desk = Desk(seed, "stage_hemato", days=35)
    for week in range(5):
        days = range(week * 7, week * 7 + 5)
        duty(desk, days, 9, 7, f"10.20.25.{desk.random.randrange(20, 250)}", desk.random.choice(DESK_TOOLS))
    return desk.world(5, "possible", "configured")


def a_kiosk(seed: int) -> World:
    desk = Desk(seed, "poste_accueil")
    duty(desk, range(desk.days), 6.8, 13, "10.20.26.1", "Borne 2.0", missed=0)
    return desk.world(12, "possible", "configured", "none", "not-assessable")


def on_call_by_turns(seed: int) -> World:
    desk = Desk(seed, "astreinte", days=28)
    for week in range(4):
        for _ in range(desk.random.randrange(4, 7)):
            begin = (week * 7 + desk.random.uniform(0, 6.8)) * DAY
            desk.add(begin, begin + desk.random.uniform(0.3, 2) * HOUR, f"10.250.9.{10 + week % 3}", "psql")
    return desk.world(3, "possible")


def two_developers_with_pools(seed: int) -> World:
    desk = Desk(seed, "dev_sil", days=14)
    for number in range(2):
        desk.office(
            f"10.20.27.{number + 1}", "DataGrip 2024.2.2", arrives=9 + number, leaves=18.5, parallel=5
        )
    return desk.world(2, "strong")


def a_lent_login(seed: int) -> World:
    desk = Desk(seed, "a.lefevre")
    desk.office("10.20.28.4", "DBeaver 24.2.0 - Main <lab>")
    desk.office("10.20.28.31", "psql", arrives=7.3, leaves=15, attendance=0.7)
    person = {"name": "Anne Lefevre", "role": "a.lefevre"}
    return desk.world(2, "strong", "possible", policy={"person": [person]})


def a_pc_and_a_laptop(seed: int) -> World:
    desk = Desk(seed, "m.garnier")
    devices(desk, [("10.20.29.5", "DBeaver 24.2.0 - Main <lab>", 1), ("10.20.29.140", "psql", 0.6)])
    return desk.world(1, "none", "possible", alarm=True)


def a_pc_and_a_laptop_of_the_statistician(seed: int) -> World:
    # the name tells nothing: only that both machines come and go together
    desk = Desk(seed, "statlab")
    devices(desk, [("10.20.29.6", "psql", 1), ("10.20.29.141", "psql", 0.5)])
    return desk.world(1, "none", "possible", alarm=True)


def a_laptop_that_docks(seed: int) -> World:
    desk = Desk(seed, "h.perrin", days=28)
    for day in desk.workdays():
        begin = day * DAY + desk.random.gauss(8.5, 0.4) * HOUR
        turn = begin + desk.random.uniform(2, 6) * HOUR
        desk.add(begin, turn, "10.20.30.9", "pgAdmin 4 - DB:lab")
        if desk.random.random() < 0.5:
            desk.add(turn + 400, turn + 2 * HOUR, "10.60.2.77", "pgAdmin 4 - DB:lab")
    return desk.world(1, "none", "possible", alarm=True)


def a_desk_and_a_session_left_open(seed: int) -> World:
    desk = Desk(seed, "s.blin")
    desk.office("10.20.31.2", "psql")
    for week in range(3):
        begin = (week * 7 + 0.4) * DAY
        desk.add(begin, begin + desk.random.uniform(2, 4) * DAY, "10.20.200.12", "psql")
    return desk.world(1, "none", "possible", alarm=True)


def a_developer_with_a_pool(seed: int) -> World:
    desk = Desk(seed, "k.haddad")
    desk.office("10.20.32.2", "IntelliJ IDEA 2024.1", parallel=5, arrives=9.5, leaves=19)
    return desk.world(1, "none", alarm=True)


def a_dba_on_call(seed: int) -> World:
    desk = Desk(seed, "dba_rossi", days=28)
    desk.office("10.20.33.2", "psql", parallel=2)
    for day in desk.workdays(0.2):
        begin = day * DAY + desk.random.uniform(20, 23) * HOUR
        desk.add(begin, begin + HOUR, f"10.250.3.{desk.random.randrange(2, 250)}", "psql")
    return desk.world(1, "none", "possible", alarm=True)


def one_person_with_many_tools(seed: int) -> World:
    desk = Desk(seed, "n.faure")
    for tool in ("psql", "pgAdmin 4 - DB:lab", "PostgreSQL JDBC Driver"):
        bursts(desk, "10.20.34.2", tool, a_day=2)
    return desk.world(1, "none", "possible", alarm=True)


def one_person_on_dhcp(seed: int) -> World:
    desk = Desk(seed, "b.colin", days=28)
    address = leased(desk, "10.22.5", 6)
    desk.office(address.__getitem__, "HeidiSQL 12.6")
    return desk.world(1, "none", "possible", alarm=True)


def a_service_rarely_by_hand(seed: int) -> World:
    desk = Desk(seed, "gmao_app")
    desk.servers(["10.30.1.10", "10.30.1.11"], "gmao", pool=5)
    for day in desk.random.sample(range(desk.days), 2):
        desk.add((day + 0.45) * DAY, (day + 0.5) * DAY, "10.20.35.3", "pgAdmin 4 - DB:lab")
    return desk.world(1, "possible", "strong")


def a_service_often_by_hand(seed: int) -> World:
    desk = Desk(seed, "pacs_app", days=14)
    desk.servers(["10.30.2.10"], "PostgreSQL JDBC Driver", pool=10)
    for number in range(2):
        bursts(desk, f"10.20.36.{number + 3}", DESK_TOOLS[number + 1], a_day=3, attendance=0.7)
    return desk.world(2, "strong")


def a_service_by_hand_on_its_server(seed: int) -> World:
    desk = Desk(seed, "rdv_app")
    desk.servers(["10.30.3.10"], "rdv-web", pool=8)
    bursts(desk, "10.30.3.10", "psql", a_day=2, minutes=15, attendance=0.5)
    return desk.world(1, "strong", "possible")


def pods_and_a_developer(seed: int) -> World:
    desk = Desk(seed, "orders_api")
    desk.pods("orders", replicas=4, network="10.42")
    desk.office("10.20.37.3", "DBeaver 24.2.0 - Main <lab>", attendance=0.6, arrives=10, leaves=16)
    return desk.world(1, "strong")


def a_declared_service_used_by_hand(seed: int) -> World:
    desk = Desk(seed, "dmp_app")
    desk.servers(["10.30.4.10", "10.30.4.11"], "dmp", pool=6)
    desk.office("10.20.38.3", "pgAdmin 4 - DB:lab", attendance=0.6)
    service = {"role": "dmp_app", "owner": "Exchange", "purpose": "record", "origins": ["10.30.4.0/28"]}
    # role-mixed-use tells of people on declared services, so that they get no grade
    return desk.world(1, policy={"service": [service]})


PEOPLE = (
    two_biologists,
    twenty_readers,
    hot_desks,
    part_timers,
    a_pair_that_shares_wednesdays,
    people_who_ask_and_leave,
    two_who_ask_and_leave,
    never_logged_off,
    presences_at_five_desks,
    desks_sampled_each_five_minutes,
    desks_with_lost_logs,
    leases_of_some_days,
    leases_of_a_day,
    desks_and_telework,
    a_named_client_at_seven_desks,
    a_driver_without_name_at_nine_desks,
    a_night_alone,
    a_night_in_pairs,
    hand_over_with_a_talk,
    weekend_duty,
    two_who_take_turns_at_one_desk,
    two_who_take_turns_by_week,
    a_holiday_with_return,
    trainees_by_the_week,
    a_kiosk,
    on_call_by_turns,
    two_developers_with_pools,
    a_lent_login,
    a_pc_and_a_laptop,
    a_pc_and_a_laptop_of_the_statistician,
    a_laptop_that_docks,
    a_desk_and_a_session_left_open,
    a_developer_with_a_pool,
    a_dba_on_call,
    one_person_with_many_tools,
    one_person_on_dhcp,
    a_service_rarely_by_hand,
    a_service_often_by_hand,
    a_service_by_hand_on_its_server,
    pods_and_a_developer,
    a_declared_service_used_by_hand,
)
