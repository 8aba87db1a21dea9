"""What the GDPR asks of a breach file besides facts: whom to ask, by when, whether to tell the persons."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pgguard.model.classification import SENSITIVITY
from pgguard.model.incident import Contact, Deadline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.analysis.incident_controllers import Division
    from pgguard.model.incident import TableTold
    from pgguard.model.policy import Policy

_HOURS = datetime.timedelta(hours=72)
_ISO = "%Y-%m-%dT%H:%M:%SZ"


def deadline(noticed_at: str, alert: tuple[str, str] | None, no_alert: str, now: str) -> Deadline:
    """The 72 hours of art. 33(1), from when it was noticed; from the first alert where nobody says when.

    They run from awareness, a reasonable degree of certainty (EDPB Guidelines 9/2022, 31): that an alert was
    that is for a person to say.
    """
    source = "stated" if noticed_at else ""
    if not noticed_at and alert is not None:
        noticed_at, source = alert[0], f"the first alert, to be confirmed: {alert[1]}"
    if not noticed_at:
        return Deadline("", no_alert, "", None)
    until = datetime.datetime.fromisoformat(noticed_at) + _HOURS
    left = (until - datetime.datetime.fromisoformat(now)).total_seconds() / 3600
    return Deadline(noticed_at, source, until.strftime(_ISO), round(left, 1))


def communication(tables: Iterable[TableTold]) -> Iterator[str]:
    """What speaks for and against a communication to the persons (art. 34)."""
    clear: set[str] = set()
    safe: list[str] = []
    opened: list[str] = []
    unsure: list[str] = []
    for table in tables:
        for column in table.columns:
            name = f"{table.table}.{column.name}"
            if column.keeping == "clear":
                clear.add(column.category)
            elif column.key == "no":
                safe.append(name)
            elif column.key in ("yes", "opened"):
                opened.append(name)
            else:
                unsure.append(name)
    if safe:
        yield f"34(3)(a): stored encrypted, and the logins had no right to open it: {_some(safe)}"
    if opened:
        yield f"34(3)(a) does not help: encrypted, and the logins could open it: {_some(opened)}"
    if unsure:
        yield f"34(3)(a) could not be judged, whose the key is is not known: {_some(unsure)}"
    special = sorted(one for one in clear if SENSITIVITY.get(one) == "special")  # type: ignore[call-overload]
    if special:
        yield f"34(1): special categories were within reach in clear, the risk is high: {', '.join(special)}"
    elif clear:
        named = ", ".join(sorted(one for one in clear if one))
        yield f"34(1): within reach in clear, whether the risk is high is to be judged: {named}"
    elif safe and not opened and not unsure:
        yield "34(3)(a): nothing was within reach in clear; that the keys were not taken is to be confirmed"


def _some(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def contacts(policy: Policy, division: Division) -> Iterator[Contact]:
    """The controllers of the file, and the processors that the register has under contract with them."""
    chosen = (division.chosen,) if division.chosen else division.controllers
    for one in policy.controller:
        if one.name in chosen or not chosen:
            yield Contact("controller", one.name, one.contact, one.dpo, one.representative)
    under = {
        one.processor
        for one in policy.contract
        if not chosen or one.controller in chosen or (not one.controller and len(policy.controller) == 1)
    }
    for other in policy.processor:
        if other.name in under:
            yield Contact("processor", other.name, other.contact, other.dpo, other.representative)
