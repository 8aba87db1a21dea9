"""A category that a column may have, with all that speaks for and against it: table, type, reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis.personal.beside import against
from pgguard.analysis.personal.roles import is_terms
from pgguard.analysis.personal.seen import HEALTH, NAMED, Candidate, Reason, is_own_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.personal.lexicon import Hit
    from pgguard.analysis.personal.seen import Seen
    from pgguard.analysis.personal.table import Table

_DOUBTS = frozenset({"also_unit", "also_system", "also_about", "denied", "guessed"})
# what is somebody's wherever it is found
_UNMISTAKABLE = frozenset(
    {"national_id", "direct_identifier", "date_of_birth", "death", "special_category", "health_observation"}
    | {"genetic", "contact"}
)
_WRITTEN = frozenset({"free_text", "direct_identifier", "record_number", "credential", "staff_identity"})
_NUMBERS = frozenset({"record_number", "national_id", "care_event"})
_LOGINS = frozenset({"user", "login", "username", "usuario", "utilisateur", "benutzer"})


def judged(category: str, reasons: list[Reason], seen: Seen, hit: Hit | None) -> Candidate:
    table, target = seen.table, seen.target
    beside = against(seen, hit)
    features = {reason.feature for reason in beside}
    if target is not None and is_terms(target):
        if category in _WRITTEN:
            # a code for it
            category = "health_observation"
        if table.linked or table.role in ("person", "detail", "record"):
            own = any(
                one.feature
                in ("hit_anywhere", "hit_whole", "hit_in", "hit_whole_in", "hit_topic", "hit_across")
                for one in reasons
            )
            feature = "key_to_terms" if own else "terms_of_other"
            reasons = [
                Reason(feature, "reference", f"it refers to {target.named}, a list of terms"),
                *(
                    one._replace(feature="told_by_key") if one.feature.startswith("hit_") else one
                    for one in reasons
                ),
            ]
    elif target is not None:
        reasons += _reference(category, seen)
    clear = any(one.feature in ("hit_anywhere", "hit_whole") for one in reasons) and not any(
        one.feature in _DOUBTS for one in reasons
    )
    reasons += context(category, table, clear=clear)
    reasons += beside
    reasons += _fit(category, seen, hit)
    if not beside and hit is not None and not any(one.feature in _DOUBTS for one in reasons):
        reasons.append(Reason("covers", "name", "and nothing else"))
    if is_own_key(seen):
        reasons.append(Reason("own_key", "type", "a number that only tells rows apart"))
    if category in HEALTH and category != "care_event" and seen.type.name in ("date", "time"):
        category = "care_event"
    if category in NAMED and (table.role == "staff" or "beside_staff" in features):
        category = "staff_identity"
    return Candidate(category, tuple(reasons), hit)


def context(category: str, table: Table, *, clear: bool = False) -> list[Reason]:
    role = table.role or "unknown"
    if category in ("credential", "network_identifier"):
        return []
    if category == "staff_identity" and role != "reference":
        return []
    if category == "free_text" and role == "technical":
        return [Reason("in_technical_free", "table", "the table belongs to the machinery")]
    said = {
        "person": "the table is about persons",
        "detail": "the table holds a part of a person's data",
        "record": "the table records what happened to persons",
        "staff": "the table is about people who work here",
        "organisation": "the table is about organisations",
        "reference": "the table lists codes or kinds",
        "technical": "the table belongs to the machinery",
        "unknown": "nothing tells what the table is about",
    }[role]
    findings = category in HEALTH or category == "free_text" or (role == "staff" and category == "death")
    group = "health" if findings else "other"
    if role == "unknown" and clear and category in _UNMISTAKABLE:
        group = "clear"
    if role in ("record", "technical"):
        role += "_linked" if table.linked else "_unlinked"
    return [Reason(f"in_{role}_{group}", "table", said)]


def _reference(category: str, seen: Seen) -> list[Reason]:
    target = seen.target
    assert target is not None  # noqa: S101 - asked by the caller
    if target.role in ("reference", ""):
        return [Reason("key_to_codes", "reference", f"it refers to {target.named}")]
    if (
        target.role == "staff"
        and category == "staff_identity"
        and seen.type.name == "text"
        and not _LOGINS.isdisjoint(seen.read.words)
    ):
        return [Reason("key_to_codes", "reference", f"it is the login in {target.named}")]
    return [Reason("key_to_rows", "reference", f"it is a key to {target.named}")]


def _fit(category: str, seen: Seen, hit: Hit | None) -> Iterator[Reason]:
    kind = seen.type.name
    whole = hit is not None and hit.end - hit.start == len(seen.read.words)
    if kind == "boolean":
        if category in (
            "direct_identifier",
            "contact",
            "national_id",
            "record_number",
            "credential",
            "free_text",
            "staff_identity",
            "network_identifier",
            "date_of_birth",
            "care_event",
        ):
            yield Reason("boolean_of_text", "type", "a switch cannot hold that")
        else:
            yield Reason("boolean_whole" if whole else "boolean_part", "type", "a switch")
    elif kind in ("date", "time"):
        if category in ("date_of_birth", "death"):
            yield Reason("date_fits", "type", "a date, as it should be")
        elif category == "care_event":
            yield Reason("date_of_care", "type", "a date, as it should be")
        elif category in ("health_observation", "genetic", "insurance_financial"):
            yield Reason("date_of_event", "type", "a date of it")
        else:
            yield Reason("date_of_other", "type", "a date cannot hold that")
    elif kind in ("integer", "number") and category in _NUMBERS and seen.read.words[-1:] == ("id",):
        yield Reason("number_id", "type", "a number that joins rows")
    elif kind in ("integer", "number"):
        if category in (
            "direct_identifier",
            "free_text",
            "credential",
            "staff_identity",
            "network_identifier",
        ):
            yield Reason("number_of_text", "type", "a number cannot hold that")
    elif kind in ("text", "json", "binary") and category == "free_text":
        short = 0 < seen.type.length <= 60
        yield Reason("short_text" if short else "text_fits", "type", "a short text" if short else "a text")
    elif kind == "address" and category == "network_identifier":
        yield Reason("text_fits", "type", "an address type")
