"""How well the detector tells personal data on labelled schemas, and how fast it is.

Each schema is scored by a detector that has not seen it: without the words that only it taught, with weights
fitted to the other schemas. `FOLDER=` scores another folder with the detector as it is shipped.
"""

from __future__ import annotations

import argparse
import math
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from bench.many_columns import many_columns
from bench.schemas import SHARED, Label, labels, names, snapshot
from pgguard.analysis.personal.classify import Details, classify, detect
from pgguard.analysis.personal.evidence import candidates
from pgguard.analysis.personal.lexicon import Lexicon, lexicon, sole_teachers
from pgguard.analysis.personal.tables import tables
from pgguard.analysis.personal.weights import Weights, prior, probability, weights
from pgguard.model.policy import Policy

Example = tuple[list[tuple[str, ...]], bool, float]


class Said(NamedTuple):
    """A labelled column with what the detector said of it and why."""

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
    known_labels = labels(folder, name)
    found: list[Example] = []
    for table in known.values():
        for seen in details.seen(table, known):
            label = known_labels.get((table.relation.schema, table.relation.name, seen.column.name))
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


def fit(some: list[list[Example]], start: Weights, *, pull: float = 3.0, rounds: int = 120) -> Weights:
    """Weights near the prior that tell the examples best: logistic regression with a pull to the prior.

    Of several candidates of a column the likeliest one counts. Every step is divided by what bounds the
    curvature (Boehning and Lindsay 1988), so that it needs no rate to be chosen.
    """
    values = dict(start.values)
    # each schema counts alike
    share = [math.sqrt(150 / max(1, len(one))) for one in some]
    for _ in range(rounds):
        slope = {feature: pull * (values[feature] - start.values[feature]) for feature in values}
        bound = dict.fromkeys(values, pull)
        for part, one in zip(share, some, strict=True):
            for options, sensitive, importance in one:
                best, features = max(
                    (values["bias"] + sum(values[feature] for feature in option), option)
                    for option in options
                )
                weight = importance * part
                error = (probability(best) - sensitive) * weight
                most = 0.25 * weight * (len(features) + 1)
                slope["bias"] += error
                bound["bias"] += most
                for feature in features:
                    slope[feature] += error
                    bound[feature] += most
        for feature in values:
            values[feature] -= slope[feature] / bound[feature]
    return Weights(values, start.thresholds)


def score(folder: Path, name: str, words: Lexicon, used: Weights) -> list[Said]:
    known_labels = labels(folder, name)
    found = []
    for one in detect(snapshot(folder, name), Policy(), words, used):
        label = known_labels.get((one.relation.schema, one.relation.name, one.column.name))
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
        shown = [one for one in found if one.label.sure or arguable]
        for one in shown:
            if one.sensitive != one.label.sensitive:
                print(_line("MISS " if one.label.sensitive else "FALSE", one))
        for one in shown:
            if one.sensitive and one.label.sensitive and one.category != one.label.category:
                print(_line("OTHER", one))


def _line(kind: str, one: Said) -> str:
    doubt = "" if one.label.sure else "(arguable) "
    said = f"label {one.label.category} | said {one.category} {one.score}"
    return f"{kind} {doubt}{one.name} | {said} | {one.why}"


def told(name: str, found: list[Said]) -> list[Said]:
    """The same, with a line printed for the schema."""
    sure = figures([one for one in found if one.label.sure])
    every = figures(found)
    print(
        f"{name:24} F1 sure {sure[2]:.3f} (precision {sure[0]:.3f}, recall {sure[1]:.3f}), all {every[2]:.3f}"
    )
    return found


def leave_one_out(folders: list[Path]) -> list[Said]:
    every = [(folder, name) for folder in folders for name in names(folder)]
    found: list[Said] = []
    # the same words for all that taught none of their own
    read: dict[tuple[int, str], list[Example]] = {}
    for folder, name in every:
        words = lexicon((), name if name in sole_teachers() else "")
        others = []
        for place, other in every:
            if other != name:
                key = (id(words), other)
                if key not in read:
                    read[key] = examples(place, other, words)
                others.append(read[key])
        used = fit(others, prior())
        found += told(name, score(folder, name, words, used))
    return found


def speed() -> None:
    """How long the classification of a large database takes, and the memory it adds at its peak."""
    database = many_columns()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    found = classify(database, Policy())
    seconds = time.process_time() - begin
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    taken = f"{seconds:.1f} s of processor time, {grown:.0f} MiB more memory at the peak"
    print(f"{len(found)} columns classified in {taken}")


def write(used: Weights) -> None:
    """Put the fitted weights behind the prior in data/weights.toml."""
    path = Path(__file__).parent.parent / "pgguard/data/weights.toml"
    kept = path.read_text(encoding="utf-8").partition("\n[fitted]")[0].rstrip()
    lines = [f"{feature} = {value:.2f}" for feature, value in used.values.items()]
    path.write_text("\n".join([kept, "", "[fitted]", *lines, ""]), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.discover", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, help="score the schemas of this folder with the shipped detector"
    )
    parser.add_argument("--also", type=Path, help="one more folder of schemas for leave-one-out")
    parser.add_argument("--write", action="store_true", help="fit the weights to all schemas and keep them")
    parser.add_argument("--quiet", action="store_true", help="no misses and false alarms, no timing")
    parser.add_argument(
        "--arguable", action="store_true", help="misses and false alarms of arguable labels too"
    )
    arguments = parser.parse_args()
    folder = arguments.folder or SHARED
    if not names(folder):
        print(
            f"there are no labelled schemas (NAME.columns.csv, NAME.labels.csv) in {folder}", file=sys.stderr
        )
        return 2
    if not arguments.quiet:
        speed()
    folders = [folder, *([arguments.also] if arguments.also else [])]
    if arguments.write:
        write(fit([examples(place, name, lexicon()) for place in folders for name in names(place)], prior()))
        return 0
    if arguments.folder:
        found = []
        for name in names(folder):
            found += told(name, score(folder, name, lexicon(), weights()))
    else:
        found = leave_one_out(folders)
    report(found, misses=not arguments.quiet, arguable=arguments.arguable)
    return 0


if __name__ == "__main__":
    sys.exit(main())
