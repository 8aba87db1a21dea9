"""What counts of values mean: evidence for a category, in words that hold no value."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.model.classification import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.model.policy import Category
    from pgguard.model.rows import ColumnSample
    from pgguard.model.snapshot import DatabaseSnapshot


class Told(NamedTuple):
    """One category that the values of a column speak for."""

    category: Category
    evidence: Evidence


def by_column(database: DatabaseSnapshot) -> Mapping[tuple[int, int], list[ColumnSample]]:
    """The samples of a database by relation oid and column number; a column's own before its keys."""
    found: dict[tuple[int, int], list[ColumnSample]] = {}
    for one in database.samples or ():
        found.setdefault((one.relation, one.number), []).append(one)
    return found


def told(samples: list[ColumnSample]) -> Iterator[Told]:
    """What the values speak for, the strongest first."""
    yield from sorted(_all_told(samples), key=lambda one: -one.evidence.weight)


def looks_real(sample: ColumnSample) -> bool:
    """Whether the values look like those of people: filled, different, and neither encrypted nor one mask."""
    matches = dict(sample.matches)
    hidden = matches.get("pgp_message", 0) + matches.get("bytes", 0)
    least = _rules()["rules"]
    return (
        not sample.unread
        and sample.filled >= least["least"]
        and sample.distinct >= least["distinct"]
        and hidden * 2 < sample.filled
    )


def all_encrypted(samples: list[ColumnSample]) -> bool | None:
    """Whether all values are PGP messages; None where none was looked at."""
    known = [one for one in samples if not one.unread and not one.path and one.filled]
    if not known:
        return None
    return all(dict(one.matches).get("pgp_message", 0) == one.filled for one in known)


def _all_told(samples: list[ColumnSample]) -> Iterator[Told]:
    rules = _rules()
    for sample in samples:
        if sample.unread or sample.filled < rules["rules"]["least"]:
            continue
        matches = dict(sample.matches)
        where = f" under {sample.path}" if sample.path else ""
        for pattern in rules["pattern"]:
            count = matches.get(pattern["name"], 0)
            if count < max(pattern["share"] * sample.filled, rules["rules"]["least"]):
                continue
            weight, more = pattern["weight"], ""
            if "with" in pattern:
                valid = matches.get(pattern["with"], 0)
                more = f", {valid} with a right key"
                if valid < pattern["share"] * sample.filled:
                    weight = pattern["without"]
            words = f"{count} of {sample.filled} values{where} {pattern['words']}{more}"
            yield Told(pattern["category"], Evidence(sample.origin, words, weight))
        births = rules["births"]
        past = matches.get("past_date", 0)
        if past >= births["share"] * sample.filled and sample.years >= births["years"]:
            words = f"{past} of {sample.filled} values{where} {births['words']}"
            yield Told("date_of_birth", Evidence(sample.origin, words, births["weight"]))


@cache
def _rules() -> dict[str, Any]:
    text = resources.files("pgguard").joinpath("data/patterns.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
