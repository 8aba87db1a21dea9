"""Every column of a database with its category: the policy's word where it has one, else the detector's."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, cast

from pgguard.analysis.patterns import by_column, told
from pgguard.analysis.personal.evidence import candidates, signature
from pgguard.analysis.personal.lexicon import lexicon as read_lexicon
from pgguard.analysis.personal.seen import ORDER, Candidate, Seen, type_class
from pgguard.analysis.personal.table import Table, optional, root
from pgguard.analysis.personal.tables import tables
from pgguard.analysis.personal.weights import probability
from pgguard.analysis.personal.weights import weights as read_weights
from pgguard.model.classification import Classified, Evidence
from pgguard.model.policy import NOT_SENSITIVE
from pgguard.model.quote import qualified

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pgguard.analysis.personal.lexicon import Lexicon
    from pgguard.analysis.personal.weights import Weights
    from pgguard.model.policy import Category, ColumnEntry, Policy
    from pgguard.model.rows import Column, ColumnSample
    from pgguard.model.snapshot import DatabaseSnapshot

_NOTHING = Evidence("name", "nothing in its name or place speaks of a person", 0.0)
# log-odds: how far from the likeliest a category may be and still be the one that tells best, what a word
# of every trade counts less, and a phrase more for each further word
_NEAR = 2.5
_COMMON = 1.5
_LONGER = 0.3
_PLACES = {category: number for number, category in enumerate(ORDER)}


class Judged(NamedTuple):
    """A category, the log-odds that the column is sensitive, and why."""

    category: Category
    logit: float
    evidence: tuple[Evidence, ...]


def classify(
    database: DatabaseSnapshot,
    policy: Policy,
    *,
    lexicons: tuple[str, ...] | None = None,
) -> tuple[Classified, ...]:
    """One `Classified` for every column of the stored relations and views of a database.

    What belongs to the system or to an extension is left out; a partition and a table that inherits follow
    their parent. `lexicons` are files besides the built-in ones, the policy's when not given. Raises `Unread`
    when relations or columns could not be read (other sections that are missing only take evidence away), and
    `PolicyError` for a lexicon with mistakes.
    """
    site = policy.discovery.lexicons if lexicons is None else lexicons
    key = ("personal", policy.column, site)
    known: tuple[Classified, ...] | None = database._memo.get(key)
    if known is None:
        with _without_collector():
            known = detect(database, policy, read_lexicon(site), read_weights())
        database._memo[key] = known
    return known


@contextmanager
def _without_collector() -> Iterator[None]:
    # hundreds of thousands of tuples without a cycle: the collector would walk over them again and again
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def said_once(found: Iterable[Classified]) -> list[Classified]:
    """Without the columns of partitions and of tables that inherit: they follow their parents."""
    return [one for one in found if not one.relation.parent]


def detect(
    database: DatabaseSnapshot,
    policy: Policy,
    lexicon: Lexicon,
    weights: Weights,
) -> tuple[Classified, ...]:
    """The same as `classify` with a given lexicon and weights, nothing remembered."""
    declared = {entry.name: entry for entry in policy.column if entry.database in ("", database.name)}
    known = tables(database, lexicon)
    samples = by_column(database)
    found: list[Classified] = []
    judged_roots: dict[int, dict[str, Judged]] = {}
    details = Details(database, lexicon)
    memo: dict[tuple[object, ...], Judged] = {}

    def judged_column(seen: Seen) -> Judged:
        key = signature(seen, lexicon)
        found = memo.get(key)
        if found is None:
            found = memo[key] = judge(candidates(seen, lexicon), weights)
        return found

    for table in known.values():
        top = root(known, table)
        inherited = judged_roots.get(top.relation.oid)
        if inherited is None:
            inherited = judged_roots[top.relation.oid] = {
                seen.column.name: judged_column(seen) for seen in details.seen(top, known)
            }
        relation = table.relation
        for column in table.columns:
            entry = declared.get(qualified(relation.schema, relation.name, column.name)) if declared else None
            if entry is not None:
                found.append(_decided(database.name, table, column, entry))
                continue
            judged = inherited.get(column.name)
            if judged is None:
                # an inheriting table's own column
                seen = details.one(table, column, known)
                judged = judged_column(seen)
            if samples:
                judged = _with_values(judged, samples.get((relation.oid, column.number), ()))
            chance = probability(judged.logit)
            sensitive = chance >= weights.thresholds["discover"]
            category: Category = judged.category if sensitive or judged.category == "person_key" else "none"
            score = chance if sensitive and category != "person_key" else 1.0 - chance
            found.append(
                Classified(database.name, relation, column, category, round(score, 3), judged.evidence)
            )
    return tuple(found)


def _with_values(judged: Judged, samples: Sequence[ColumnSample]) -> Judged:
    """What the counts of values add: they decide the category where they say more than the names."""
    values = list(told(list(samples)))
    if not values:
        return judged
    best = values[0]
    logit = judged.logit + best.evidence.weight
    is_known = judged.logit > 0 and judged.category not in NOT_SENSITIVE
    category = judged.category if is_known and judged.logit > best.evidence.weight else best.category
    return Judged(category, logit, (*(one.evidence for one in values), *judged.evidence))


def judge(found: list[Candidate], weights: Weights) -> Judged:
    """The candidate with the highest log-odds."""
    if not found:
        return Judged("none", weights.values["bias"] - 1.0, (_NOTHING,))
    logits = [weights.logit(one.reasons) for one in found]
    highest = max(logits)
    _, _, number = min(
        (
            (-_telling(one, logit, weights), _PLACES[one.category], number)
            for number, (one, logit) in enumerate(zip(found, logits, strict=True))
            if logit > highest - _NEAR and (logit > 0) == (highest > 0)
        ),
    )
    best = found[number]
    evidence = tuple(
        Evidence(reason.kind, reason.words, round(weights.values[reason.feature], 2))
        for reason in best.reasons
    )
    return Judged(cast("Category", best.category), highest, evidence)


def _telling(one: Candidate, logit: float, weights: Weights) -> float:
    """How well the evidence tells the category, apart from whether the column is sensitive.

    A word that every trade has tells it less than one of medicine, and a type that fits many says nothing.
    """
    for reason in one.reasons:
        if reason.feature.startswith("common_"):
            logit -= _COMMON
        elif reason.feature == "text_fits":
            logit -= weights.values[reason.feature]
    return round(logit + (_LONGER * (one.hit.end - one.hit.start - 1) if one.hit else 0.0), 2)


class Details:
    """What other sections of the snapshot tell of columns: comments, labels, domains."""

    def __init__(self, database: DatabaseSnapshot, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.comments = {(one.relation, one.number): one.text for one in optional(database, "comments")}
        self.labels = {
            (one.relation, one.number): " ".join(one.labels) for one in optional(database, "column_labels")
        }
        self.bases = {
            one.text: one.catalog
            for one in optional(database, "definitions")
            if one.kind == "type" and one.catalog not in ("enum", "range", "composite")
        }

    def seen(self, table: Table, known: Mapping[int, Table]) -> Iterable[Seen]:
        """Every column of a table with what is known of it."""
        return [self.one(table, column, known) for column in table.columns]

    def one(self, table: Table, column: Column, known: Mapping[int, Table]) -> Seen:
        """One column with what is known of it."""
        read = self.lexicon.read
        key = (table.relation.oid, column.number)
        written, domain = column.type, None
        if written in self.bases:
            domain = read(written.rpartition(".")[2])
            while written in self.bases and self.bases[written] != written:
                written = self.bases[written]
        comment = self.comments.get(key)
        labels = self.labels.get(key)
        target = table.references.get(column.number)
        return Seen(
            table, column, read(column.name), type_class(written), domain,
            read(comment) if comment else None, read(labels) if labels else None,
            known.get(target) if target is not None else None, known, {},
        )  # fmt: skip


def _decided(database: str, table: Table, column: Column, entry: ColumnEntry) -> Classified:
    said = Evidence("policy", f"the policy says so, decided by {entry.decided_by}", 0.0)
    return Classified(database, table.relation, column, entry.category, 1.0, (said,), entry.decided_by)
