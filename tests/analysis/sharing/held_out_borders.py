"""The held-out half, borders: identities, jump hosts, NAT, poolers, what was not observed."""

from __future__ import annotations

from tests.analysis.sharing.rhythms import DESK_TOOLS, bursts, looked_at
from tests.analysis.sharing.worlds import DAY, HOUR, Desk, World, sampled


def principals_of_two(seed: int) -> World:
    desk = Desk(seed, "cardio", days=14)
    for number, name in enumerate(("mdupont@CHU.EXAMPLE", "e.klein@CHU.EXAMPLE")):
        desk.office(f"10.40.1.{number + 1}", DESK_TOOLS[number], identity=name, method="gss", attendance=0.7)
    return desk.world(2, "proven")


def directory_names_of_four(seed: int) -> World:
    desk = Desk(seed, "onco_etude", days=14)
    for number in range(4):
        name = f"uid=u{4100 + number},ou=people,dc=chu,dc=example"
        bursts(desk, "10.40.2.9", "psql", a_day=2, attendance=0.6, identity=name, method="ldap")
    return desk.world(4, "proven", policy={"networks": {"jump_hosts": ["10.40.2.9/32"]}})


def an_undeclared_jump_host_with_identity(seed: int) -> World:
    desk = Desk(seed, "genetique", days=14)
    for name in ("CN=Nora Faure,OU=Genetics,O=CHU", "CN=Karim Diallo,OU=Genetics,O=CHU"):
        desk.office("10.40.3.1", "psql", identity=name, method="cert")
    return desk.world(2, "proven")


def an_undeclared_jump_host(seed: int) -> World:
    desk = Desk(seed, "perinat", days=14)
    for number in range(6):
        desk.office("10.40.4.1", DESK_TOOLS[number % 3], arrives=7.5 + number / 3)
    return desk.world(6, "possible", "not-assessable")


def notebooks_with_principals(seed: int) -> World:
    desk = Desk(seed, "recherche")
    for name in ("alix@CHU.EXAMPLE", "brune@CHU.EXAMPLE", "cyr@CHU.EXAMPLE"):
        desk.office(
            lambda day: f"10.244.{day % 5}.{desk.random.randrange(2, 250)}",
            "",
            identity=name,
            method="gss",
            attendance=0.6,
        )
    return desk.world(3, "proven")


def identities_seen_by_looking(seed: int) -> World:
    desk = Desk(seed, "psy_lecture", days=14)
    for number, name in enumerate(("lroux", "tmoreau", "vhenry")):
        desk.office(f"10.40.6.{number + 1}", "psql", identity=name, method="ldap")
    return looked_at(desk.world(3, "proven", connections=False), 600, seed)


def system_users_of_a_shell_server(seed: int) -> World:
    desk = Desk(seed, "etude", days=14)
    for name in ("ada", "jean", "lea"):
        bursts(desk, "", "psql", a_day=3, identity=name, method="peer")
    return desk.world(3, "proven", mapped=4)


def a_map_nobody_uses(seed: int) -> World:
    return Desk(seed, "export_ars").world(0, "configured", mapped=5)


def one_principal_spelt_three_ways(seed: int) -> World:
    desk = Desk(seed, "c.leroy")
    for name in ("c.leroy@CHU.EXAMPLE", "C.LEROY@CHU.EXAMPLE", "c.leroy@chu.example"):
        bursts(desk, "10.40.7.1", "psql", a_day=2, identity=name, method="gss")
    return desk.world(1, "none", "possible", alarm=True)


def one_name_in_two_orders(seed: int) -> World:
    desk = Desk(seed, "p.noir")
    for name in ("CN=Paul Noir,OU=Pharmacie,O=Clinique", "/O=Clinique/OU=Pharmacie/CN=Paul Noir"):
        bursts(desk, "10.40.8.1", "DBeaver 24.2.0 - Main <lab>", identity=name, method="cert")
    return desk.world(1, "none", "possible", alarm=True)


def a_certificate_and_its_renewal(seed: int) -> World:
    desk = Desk(seed, "g.meunier", days=28)
    turn = 10 + seed % 8
    for day in desk.workdays():
        serial = "0017" if day < turn else "0231"
        name = f"CN=Gaelle Meunier,serialNumber={serial},OU=Labo,O=CHU"
        begin = day * DAY + desk.random.gauss(8.5, 0.3) * HOUR
        desk.add(begin, begin + 8 * HOUR, "10.40.9.1", "psql", identity=name, method="cert")
    return desk.world(1, "none", "possible", alarm=True)


def one_person_by_certificate_and_directory(seed: int) -> World:
    desk = Desk(seed, "r.bonnet")
    desk.office("10.40.10.1", "psql", identity="CN=r.bonnet,OU=Labo,O=CHU", method="cert")
    bursts(desk, "10.40.10.1", "pgAdmin 4 - DB:lab", a_day=2, identity="r.bonnet", method="ldap")
    return desk.world(1, "none", "possible", alarm=True)


def certificates_of_pods(seed: int) -> World:
    desk = Desk(seed, "fhir_write")
    for replica in range(4):
        at = 0.0
        while at < desk.days * DAY:
            length = desk.random.expovariate(1 / (2 * DAY))
            name = f"CN=fhir-write-{desk.random.randrange(16**5):05x}-{replica}.prod.svc.cluster.local"
            host = f"10.244.{replica}.{desk.random.randrange(2, 250)}"
            for _ in range(3):
                stop = min(at + length, desk.days * DAY)
                desk.add(at, stop, host, "fhir", identity=name, method="cert")
            at += length
    return desk.world(0, "none", alarm=True)


def certificates_of_servers(seed: int) -> World:
    desk = Desk(seed, "sil_app")
    for number in range(3):
        name = f"CN=srv-sil-{number:02}.chu.example,OU=Servers,O=CHU"
        for day in range(0, desk.days, 3):
            for _ in range(4):
                begin = day * DAY + desk.random.uniform(0, 60)
                desk.add(
                    begin,
                    begin + 3 * DAY - 90,
                    f"10.40.11.{number + 1}",
                    "PostgreSQL JDBC Driver",
                    identity=name,
                    method="cert",
                )
    return desk.world(0, "none", alarm=True)


def principals_of_services(seed: int) -> World:
    desk = Desk(seed, "lab_portal")
    for number in range(2):
        name = f"portal/srv{number:02}.chu.example@CHU.EXAMPLE"
        for week in range(3):
            for _ in range(6):
                begin = week * 7 * DAY + desk.random.uniform(0, 300)
                host = f"10.40.12.{number + 1}"
                desk.add(begin, begin + 7 * DAY - 400, host, "portal", identity=name, method="gss")
    return desk.world(0, "none", alarm=True)


def local_jobs_of_two_system_users(seed: int) -> World:
    desk = Desk(seed, "archive")
    for day in range(desk.days):
        for hour, name, lasts in ((0.5, "postgres", 1_800), (2.5, "barman", 3_000), (4.0, "postgres", 90)):
            begin = day * DAY + hour * HOUR + desk.random.uniform(0, 4)
            desk.add(begin, begin + lasts, "", "psql", identity=name, method="peer")
    return desk.world(0, "none", alarm=True)


def a_password_login_names_itself(seed: int) -> World:
    # the server logs the login's own name as the identity of a password
    desk = Desk(seed, "f.picard")
    desk.office("10.40.13.1", "pgAdmin 4 - DB:lab", identity="f.picard", method="scram-sha-256")
    return desk.world(1, "none", alarm=True)


def desks_whose_password_names_itself(seed: int) -> World:
    desk = Desk(seed, "micro", days=14)
    for number in range(3):
        desk.office(f"10.40.14.{number + 1}", DESK_TOOLS[number], identity="micro", method="scram-sha-256")
    return desk.world(3, "strong")


def a_jump_host_whose_password_names_itself(seed: int) -> World:
    desk = Desk(seed, "dialyse")
    for _ in range(3):
        desk.office("10.40.15.1", "psql", identity="dialyse", method="md5")
    return desk.world(3, "not-assessable", policy={"networks": {"jump_hosts": ["10.40.15.0/28"]}})


def a_service_with_principal_and_a_dba(seed: int) -> World:
    desk = Desk(seed, "radio_app")
    for week in range(3):
        for _ in range(5):
            begin = week * 7 * DAY + desk.random.uniform(0, 300)
            name = "svc_radio@CHU.EXAMPLE"
            desk.add(begin, begin + 7 * DAY - 400, "10.40.16.1", "radio", identity=name, method="gss")
    bursts(desk, "10.20.60.4", "psql", a_day=2, attendance=0.6, identity="t.simon@CHU.EXAMPLE", method="gss")
    return desk.world(2, "proven", "strong")


def a_citrix_farm(seed: int) -> World:
    desk = Desk(seed, "dpi_lecture", days=14)
    for _ in range(25):
        tool = desk.random.choice(DESK_TOOLS[:4])
        desk.office(lambda _day: f"10.40.17.{1 + desk.random.randrange(4)}", tool, attendance=0.8)
    return desk.world(25, "strong")


def a_declared_terminal_server(seed: int) -> World:
    desk = Desk(seed, "codage")
    for number in range(15):
        desk.office("10.40.18.1", "HeidiSQL 12.6", arrives=7.5 + number / 6)
    return desk.world(15, "not-assessable", policy={"networks": {"jump_hosts": ["10.40.18.1/32"]}})


def a_clinic_behind_nat(seed: int) -> World:
    desk = Desk(seed, "clinique_sud")
    for number in range(10):
        desk.office("192.0.2.10", DESK_TOOLS[number % 4], arrives=7 + number / 3, attendance=0.7)
    return desk.world(10, "not-assessable", policy={"networks": {"nat": ["192.0.2.0/28"]}})


def a_clinic_behind_unknown_nat(seed: int) -> World:
    desk = Desk(seed, "clinique_nord")
    for number in range(8):
        desk.office("198.51.100.4", DESK_TOOLS[number % 5], arrives=7 + number / 3, attendance=0.7)
    return desk.world(8, "possible", "not-assessable")


def a_clinic_behind_nat_and_desks(seed: int) -> World:
    desk = Desk(seed, "reseau_onco", days=14)
    for number in range(4):
        desk.office("192.0.2.20", "psql", arrives=7 + number / 3)
    for number in range(2):
        desk.office(f"10.40.20.{number + 1}", "pgAdmin 4 - DB:lab")
    return desk.world(6, "strong", policy={"networks": {"nat": ["192.0.2.20/32"]}})


def a_vendor_on_a_jump_host(seed: int) -> World:
    desk = Desk(seed, "editeur_sil", days=28)
    for tool in DESK_TOOLS[:3]:
        bursts(desk, "10.40.21.1", tool, a_day=2, minutes=50, attendance=0.25)
    return desk.world(3, "not-assessable", policy={"networks": {"jump_hosts": ["10.40.21.1/32"]}})


def a_vendor_from_one_address(seed: int) -> World:
    desk = Desk(seed, "maint_pacs", days=28)
    for tool in DESK_TOOLS[:3]:
        bursts(desk, "203.0.113.7", tool, a_day=2, minutes=50, attendance=0.35)
    return desk.world(3, "possible", "not-assessable")


def a_vpn_of_a_group(seed: int) -> World:
    desk = Desk(seed, "biostat")
    for number in range(5):
        desk.office(
            lambda _day: f"10.250.{desk.random.randrange(8)}.{desk.random.randrange(2, 250)}",
            DESK_TOOLS[number],
            attendance=0.8,
        )
    return desk.world(5, "possible", "strong")


def a_pooler_that_passes_names(seed: int) -> World:
    desk = Desk(seed, "echo_lecture", days=14)
    for number in range(4):
        port = desk.random.randrange(40_000, 60_000)
        desk.office("10.40.23.1", f"DBeaver 24.2.0 - 10.20.70.{number + 1}:{port}")
    return desk.world(
        4, "possible", "not-assessable", "strong", policy={"networks": {"poolers": ["10.40.23.1/32"]}}
    )


def a_pooler_of_two_services(seed: int) -> World:
    desk = Desk(seed, "commun_app")
    desk.servers(["10.40.24.1", "10.40.24.2"], "agenda", pool=8)
    desk.servers(["10.40.24.1", "10.40.24.2"], "facturier", pool=4)
    return desk.world(
        0, "none", "not-assessable", alarm=True, policy={"networks": {"poolers": ["10.40.24.0/29"]}}
    )


def an_undeclared_pooler(seed: int) -> World:
    desk = Desk(seed, "soins_app")
    desk.servers(["10.40.25.1", "10.40.25.2"], "pgbouncer", pool=20, restart_days=30)
    return desk.world(0, "none", "not-assessable", alarm=True)


def people_behind_a_pooler(seed: int) -> World:
    desk = Desk(seed, "kine", days=14)
    for number in range(5):
        desk.office("10.40.26.1", DESK_TOOLS[number % 4], attendance=0.8)
    return desk.world(5, "not-assessable", policy={"networks": {"poolers": ["10.40.26.1"]}})


def administrators_on_the_socket(seed: int) -> World:
    desk = Desk(seed, "postgres")
    for _ in range(3):
        bursts(desk, "", "psql", a_day=2, attendance=0.5, identity="postgres", method="peer")
    return desk.world(3, "possible", "configured", "not-assessable")


def two_desks_for_a_week(seed: int) -> World:
    desk = Desk(seed, "ophtalmo", days=7)
    for number in range(2):
        desk.office(f"10.40.27.{number + 1}", "psql", attendance=1)
    return desk.world(2, "strong")


def two_desks_for_two_days(seed: int) -> World:
    desk = Desk(seed, "orl", days=2)
    for number in range(2):
        desk.office(f"10.40.28.{number + 1}", "psql", attendance=1)
    return desk.world(2, "not-assessable", "possible")


def one_desk_sampled(seed: int) -> World:
    desk = Desk(seed, "v.morel")
    desk.office("10.40.29.1", "DBeaver 24.2.0 - Main <lab>")
    return sampled(desk.world(1, "not-assessable", alarm=True, connections=False), 300, seed)


def nothing_seen_and_logs_off(seed: int) -> World:
    return Desk(seed, "x.arnaud").world(1, "not-assessable", alarm=True, connections=False)


def nothing_seen_of_an_intern_login(seed: int) -> World:
    return Desk(seed, "interne_garde").world(0, "configured")


BORDERS = (
    principals_of_two,
    directory_names_of_four,
    an_undeclared_jump_host_with_identity,
    an_undeclared_jump_host,
    notebooks_with_principals,
    identities_seen_by_looking,
    system_users_of_a_shell_server,
    a_map_nobody_uses,
    one_principal_spelt_three_ways,
    one_name_in_two_orders,
    a_certificate_and_its_renewal,
    one_person_by_certificate_and_directory,
    certificates_of_pods,
    certificates_of_servers,
    principals_of_services,
    local_jobs_of_two_system_users,
    a_password_login_names_itself,
    desks_whose_password_names_itself,
    a_jump_host_whose_password_names_itself,
    a_service_with_principal_and_a_dba,
    a_citrix_farm,
    a_declared_terminal_server,
    a_clinic_behind_nat,
    a_clinic_behind_unknown_nat,
    a_clinic_behind_nat_and_desks,
    a_vendor_on_a_jump_host,
    a_vendor_from_one_address,
    a_vpn_of_a_group,
    a_pooler_that_passes_names,
    a_pooler_of_two_services,
    an_undeclared_pooler,
    people_behind_a_pooler,
    administrators_on_the_socket,
    two_desks_for_a_week,
    two_desks_for_two_days,
    one_desk_sampled,
    nothing_seen_and_logs_off,
    nothing_seen_of_an_intern_login,
)
