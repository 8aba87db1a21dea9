"""Who an identity is, in the spellings that certificates, directories and Kerberos give."""

from __future__ import annotations

import pytest

from pgguard.analysis.sharing import Known, assess_all
from pgguard.analysis.sharing.identities import person
from pgguard.store.policy_file import parse
from tests.analysis.sharing.worlds import Desk


@pytest.mark.parametrize(
    ("identity", "method", "name"),
    [
        ("CN=Ada Martin,OU=Lab,O=CHU", "cert", "ada martin"),
        ("/O=CHU/OU=Lab/CN=Ada Martin", "cert", "ada martin"),
        ("O=CHU, cn = Ada Martin", "cert", "ada martin"),
        (r"CN=Martin\, Ada,OU=Lab", "cert", "martin, ada"),
        ("CN=amartin@chu.example,O=CHU", "cert", "amartin"),
        ("AMARTIN@CHU.EXAMPLE", "gss", "amartin"),
        ("amartin/admin@CHU.EXAMPLE", "gss", "amartin"),
        (r"CHU\AMartin", "sspi", "amartin"),
        ("jean.paul.martin@CHU.EXAMPLE", "gss", "jean.paul.martin"),
        ("uid=jean.paul.martin,ou=people,dc=chu", "ldap", "jean.paul.martin"),
        ("O=CHU,CN=srv-01.chu.example", "cert", ""),
        ("*.chu.example", "cert", ""),
        ("results/srv01.chu.example@CHU.EXAMPLE", "gss", ""),
        ("SRV01$@CHU.EXAMPLE", "gss", ""),
        ("root", "peer", ""),
        ("svc_portal@CHU.EXAMPLE", "gss", ""),
    ],
)
def test_a_person_has_one_name_and_a_machine_none(identity: str, method: str, name: str) -> None:
    assert person(identity, method) == name


def test_one_person_by_two_methods_is_not_proven_to_be_two() -> None:
    desk = Desk(0, "pathologie")
    desk.office("10.9.1.1", "psql", identity="CN=Ada Martin,OU=Lab", method="cert")
    desk.office("10.9.1.1", "psql", identity="amartin", method="ldap")
    world = desk.world(1)
    (one,) = assess_all([world.role], world.sessions, world.coverage, parse("", "policy"), Known())
    assert one.grade.value == "possible"
    assert "cert and ldap" in " ".join(one.reasons)
