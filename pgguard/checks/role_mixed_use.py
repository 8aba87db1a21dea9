"""A declared service account is also used by people.

Why it matters: what people do under the program's login is counted as the program's, with all of its
rights, and the password of the program is in people's hands.

How to fix: give those people a role of their own with the rights they need, change the program's
password, and let pg_hba.conf take the login from the program's addresses only.

Silent when: only programs use the service accounts; people's tools that the policy lists among the
service's applications; tools run by a scheduler.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pgguard.analysis.names import role_subject, shorten
from pgguard.analysis.people import is_interactive
from pgguard.analysis.sharing.clients import between, visits
from pgguard.analysis.sharing.grade import by_people
from pgguard.model.finding import Finding, NotApplicable, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy, Service
    from pgguard.model.snapshot import Snapshot

severity = Severity.HIGH
references = (
    "CNIL SAN-2022-009 (shared accounts)",
    "NIST AC-2(9)",
    "ISO 27001 A.5.16",
)


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    if not policy.service:
        msg = "the policy declares no service account: name them in [[service]]"
        raise NotApplicable(msg)
    for service in sorted(policy.service, key=lambda one: one.role):
        seen = _now(snapshot, service) + _over_time(snapshot, policy, service)
        if not seen:
            continue
        places = [f"{tool or 'no name'} from {place}" for (tool, place), _ in seen.most_common()]
        times = sum(seen.values())
        yield Finding(
            role_subject(service.role),
            f"{ident(service.role)} ({service.purpose}) was used {times} time{'s' if times > 1 else ''} by "
            f"tools of people: {shorten(places, 4)}",
        )


def _now(snapshot: Snapshot, service: Service) -> Counter[tuple[str, str]]:
    return Counter(
        (session.application, session.address or "the server itself")
        for session in snapshot.sessions
        if session.role == service.role
        and is_interactive(session)
        and session.application not in service.applications
    )


def _over_time(snapshot: Snapshot, policy: Policy, service: Service) -> Counter[tuple[str, str]]:
    if snapshot.observations is None:
        return Counter()
    own = [
        one
        for one in snapshot.observations.sessions
        if one.role == service.role and one.application not in service.applications
    ]
    direct, behind = visits(own, between(policy))
    return Counter((one.application, one.host) for one in by_people([*direct, *behind]))
