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


def patterns() -> list[dict[str, Any]]:
    """What each pattern of values stands for: the entries of data/patterns.toml."""
    found: list[dict[str, Any]] = _rules()["pattern"]
    return found


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
    """Whether all values of a column are messages of encryption that say so (PGP, age and others).

    None where no value was looked at, and for bytes that tell nothing: they may be a cipher without a header,
    or a picture of an unknown kind.
    """
    known = [one for one in samples if not one.unread and not one.path and one.filled]
    if not known:
        return None
    counts = [dict(one.matches) for one in known]
    if all(
        count.get("pgp_message", 0) + count.get("ciphertext", 0) == one.filled
        for count, one in zip(counts, known, strict=True)
    ):
        return True
    opaque = all(
        count.get("bytes", 0) == one.filled
        and not count.get("clear_file")
        and not count.get("readable_bytes")
        for count, one in zip(counts, known, strict=True)
    )
    return None if opaque else False


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
            if not pattern.get("different", 0) <= sample.distinct <= pattern.get("alike", sample.distinct):
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
        past, recent = matches.get("past_date", 0), matches.get("recent_date", 0)
        if (
            past >= births["share"] * sample.filled
            and sample.years >= births["years"]
            and recent <= births["recent"] * sample.filled
        ):
            words = f"{past} of {sample.filled} values{where} {births['words']}"
            yield Told("date_of_birth", Evidence(sample.origin, words, births["weight"]))


@cache
def _rules() -> dict[str, Any]:
    text = resources.files("pgguard").joinpath("data/patterns.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
