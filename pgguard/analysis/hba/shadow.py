"""The rules of pg_hba.conf that never decide, whoever comes.

Who might come is put together from the words of the rules: for each word of a user field a login that
it fits and that fits as little else as possible, for each word of a database field such a database.
Whoever else a rule fits, fits more rules than one of these, and so has more of them before this one:
where none of these gets through to it, nobody does.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from pgguard.analysis.hba.decisions import namesakes, open_ways
from pgguard.analysis.hba.index import index
from pgguard.analysis.hba.space import Space, Taken, turned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pgguard.analysis.hba.words import Word
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

# a rule for everybody may be covered bit by bit by hundreds: these are enough to show how
_MOST_TAKERS = 50


def shadowed(snapshot: Snapshot) -> tuple[tuple[HbaRule, tuple[HbaRule, ...]], ...]:
    """The rules that fit somebody but never decide, each with earlier rules that take its place.

    Judged for every role and database there is and for those still to come, with the memberships of
    today. Of very many earlier rules some are named. Raises `Unread` when rules, roles, memberships or
    databases could not be read.
    """
    known: tuple[tuple[HbaRule, tuple[HbaRule, ...]], ...] | None = snapshot._memo.get("hba shadowed")
    if known is None:
        known = snapshot._memo["hba shadowed"] = tuple(_shadowed(snapshot))
    return known


def _shadowed(snapshot: Snapshot) -> Iterator[tuple[HbaRule, tuple[HbaRule, ...]]]:
    known = index(snapshot)
    space = _space(snapshot)
    settled: dict[tuple[int, int], list[Taken]] = {}
    alive: set[int] = set()
    for _, possible, sure, _ in space.piles(open_ways(snapshot)):
        if (possible, sure) not in settled:
            settled[possible, sure] = list(space.settle(possible, sure))
            alive.update(taken.number for taken in settled[possible, sure])
    for number, rule in enumerate(known.rules):
        if number not in alive:
            took = {taken.number for taken in islice(_takers(space, settled, number), _MOST_TAKERS)}
            # one that covers all of it says more than those that take a part of it first
            alone = next((one for one in sorted(took) if _covers(space, one, number)), None)
            if took:
                yield rule, tuple(known.rules[one] for one in (sorted(took) if alone is None else [alone]))


def _takers(space: Space, settled: Mapping[tuple[int, int], list[Taken]], number: int) -> Iterator[Taken]:
    databases, users = space.databases[number].possible, space.users[number].possible
    for (possible, _), pile in settled.items():
        if possible >> number & 1:
            for taken in pile:
                meets = taken.databases & databases and taken.users & users
                if meets and taken.number < number and not taken.open:
                    yield taken


def _covers(space: Space, earlier: int, number: int) -> bool:
    """Whether the earlier rule surely fits whatever the other possibly does."""
    known = space.known
    users = space.users[number].possible & ~space.users[earlier].sure
    databases = space.databases[number].possible & ~space.databases[earlier].sure
    by_name = number in space.namesakes
    fits = known.fits[number].possible.within(known.fits[earlier].sure)
    return not users and not databases and not by_name and fits and known.type_covers(earlier, number)


def _space(snapshot: Snapshot) -> Space:
    known = index(snapshot)
    users = _distinct(word for meaning in known.meanings for word in meaning.users)
    databases = _distinct(word for meaning in known.meanings for word in meaning.databases)
    count = len(known.rules)
    of_name = {word.text: 1 << number for number, word in enumerate(users) if word.kind == "name"}

    def bits(names: Iterable[str]) -> int:
        return sum(of_name.get(name, 0) for name in set(names))

    return Space(
        known,
        turned([known.of_some_user(word) for word in users], known.users.keyword("all"), count),
        turned([known.of_some_database(word) for word in databases], known.databases.keyword("all"), count),
        [((1 << len(databases)) - 1, (1 << len(users)) - 1)],
        namesakes(snapshot, known, [word.text if word.kind == "name" else "" for word in databases], bits),
    )


def _distinct(words: Iterable[Word]) -> list[Word]:
    return list({(word.kind, word.text): word for word in words}.values())
