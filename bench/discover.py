"""How well the detector tells personal data on labelled schemas, and how fast it is.

Each schema is scored by a detector that has not seen it: without the words that only it taught, with weights
fitted to the other schemas. `FOLDER=` scores another folder with the detector as it is shipped.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from bench.schemas import SHARED, Label, labels, names, snapshot
from pgguard.analysis.personal.classify import Details, detect
from pgguard.analysis.personal.evidence import candidates
from pgguard.analysis.personal.lexicon import Lexicon, lexicon
from pgguard.analysis.personal.tables import tables
from pgguard.analysis.personal.weights import Weights, prior, probability, weights
from pgguard.model.policy import Policy

Example = tuple[list[tuple[str, ...]], bool, float]


class Said(NamedTuple):
    name: str
    label: Label
    category: str
    sensitive: bool
    score: float
    why: str


def examples(folder: Path, name: str, words: Lexicon) -> list[Example]:
    """The labelled columns as the features of their candidates, the label and its weight."""
    database = snapshot(folder, name)
    known = tables(database, words)
    details = Details(database, words)
    told = labels(folder, name)
    found: list[Example] = []
    for table in known.values():
        for seen in details.seen(table, known):
            label = told.get((table.relation.schema, table.relation.name, seen.column.name))
            if label is None:
                continue
            features = [
                tuple(reason.feature for reason in one.reasons)
                for one in candidates(seen, words)
                if one.category != "person_key"
            ]
            if features:
                found.append((features, label.sensitive, 1.0 if label.sure else 0.35))
    return found


def fit(some: list[list[Example]], start: Weights, *, pull: float = 1.0, rounds: int = 150) -> Weights:
    """Weights near the prior that tell the examples best: logistic regression with a pull to the prior."""
    values = dict(start.values)
    # each schema counts alike
    share = [math.sqrt(150 / max(1, len(one))) for one in some]
    for number in range(rounds):
        slope = {feature: pull * (values[feature] - start.values[feature]) for feature in values}
        for part, one in zip(share, some, strict=True):
            for options, sensitive, importance in one:
                best, features = max(
                    (values["bias"] + sum(values[feature] for feature in option), option)
                    for option in options
                )
                error = (probability(best) - sensitive) * importance * part
                slope["bias"] += error
                for feature in features:
                    slope[feature] += error
        step = 0.02 / (1 + number / 60)
        for feature, one_slope in slope.items():
            values[feature] -= step * one_slope
    return Weights(values, start.thresholds)


def score(folder: Path, name: str, words: Lexicon, used: Weights) -> list[Said]:
    told = labels(folder, name)
    found = []
    for one in detect(snapshot(folder, name), Policy(), words, used):
        label = told.get((one.relation.schema, one.relation.name, one.column.name))
        if label is not None:
            why = "; ".join(f"{said.words} ({said.weight:+.1f})" for said in one.evidence)
            found.append(
                Said(
                    f"{name}: {one.relation.name}.{one.column.name} {one.column.type}",
                    label,
                    one.category,
                    one.sensitive,
                    one.score,
                    why,
                )
            )
    return found


def figures(found: list[Said]) -> tuple[float, float, float]:
    """Precision, recall and F1 of sensitive-or-not."""
    hits = sum(one.sensitive and one.label.sensitive for one in found)
    said = sum(one.sensitive for one in found)
    true = sum(one.label.sensitive for one in found)
    precision, recall = hits / said if said else 1.0, hits / true if true else 1.0
    return precision, recall, 2 * hits / (said + true) if said + true else 1.0


def by_category(found: list[Said]) -> list[str]:
    lines = []
    true, said, hits = Counter(), Counter(), Counter()  # type: ignore[var-annotated]
    for one in found:
        true[one.label.category] += 1
        said[one.category] += 1
        hits[one.category] += one.category == one.label.category
    for category in sorted(true | said):
        if category == "none":
            continue
        precision = hits[category] / said[category] if said[category] else 1.0
        recall = hits[category] / true[category] if true[category] else 1.0
        f1 = 2 * hits[category] / (said[category] + true[category])
        lines.append(
            f"  {category:20} precision {precision:.3f} recall {recall:.3f} F1 {f1:.3f} of {true[category]}"
        )
    total = sum(hits.values())
    lines.append(
        f"  the category is right for {total} of {len(found)} columns ({total / max(1, len(found)):.3f})"
    )
    return lines


def report(found: list[Said], *, misses: bool, arguable: bool) -> None:
    for title, some in (("sure", [one for one in found if one.label.sure]), ("all", found)):
        precision, recall, f1 = figures(some)
        print(f"{title}: precision {precision:.3f} recall {recall:.3f} F1 {f1:.3f} of {len(some)} columns")
        for line in by_category(some):
            print(line)
    if misses:
        for one in found:
            if one.sensitive != one.label.sensitive and (one.label.sure or arguable):
                kind = "MISS " if one.label.sensitive else "FALSE"
                print(
                    f"{kind} {'' if one.label.sure else '(arguable) '}{one.name} | label {one.label.category} | said {one.category} {one.score} | {one.why}"
                )
        for one in found:
            if (
                one.sensitive
                and one.label.sensitive
                and one.category != one.label.category
                and (one.label.sure or arguable)
            ):
                print(
                    f"OTHER {'' if one.label.sure else '(arguable) '}{one.name} | label {one.label.category} | said {one.category} {one.score} | {one.why}"
                )


def leave_one_out(folders: list[Path]) -> list[Said]:
    every = [(folder, name) for folder in folders for name in names(folder)]
    found: list[Said] = []
    for folder, name in every:
        words = lexicon((), name)
        others = [examples(place, other, words) for place, other in every if other != name]
        used = fit(others, prior())
        one = score(folder, name, words, used)
        p, r, f = figures([said for said in one if said.label.sure])
        p2, r2, f2 = figures(one)
        print(
            f"{name:20} sure: precision {p:.3f} recall {r:.3f} F1 {f:.3f}   all: {p2:.3f} {r2:.3f} {f2:.3f}"
        )
        found += one
    return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--also", type=Path, help="one more folder for leave-one-out")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--arguable", action="store_true")
    parser.add_argument("--prior", action="store_true")
    arguments = parser.parse_args()
    if arguments.folder:
        found = []
        for name in names(arguments.folder):
            one = score(arguments.folder, name, lexicon(), prior() if arguments.prior else weights())
            p, r, f = figures([said for said in one if said.label.sure])
            p2, r2, f2 = figures(one)
            print(
                f"{name:20} sure: precision {p:.3f} recall {r:.3f} F1 {f:.3f}   all: {p2:.3f} {r2:.3f} {f2:.3f}"
            )
            found += one
        report(found, misses=not arguments.quiet, arguable=arguments.arguable)
        return 0
    if not names(SHARED):
        print(f"there are no labelled schemas in {SHARED}", file=sys.stderr)
        return 2
    found = leave_one_out([SHARED, *([arguments.also] if arguments.also else [])])
    report(found, misses=not arguments.quiet, arguable=arguments.arguable)
    return 0


if __name__ == "__main__":
    sys.exit(main())
