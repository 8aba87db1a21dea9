"""The rules of pg_hba.conf turned round: from a login, a database and a way in to the rules that fit.

Rules are numbered from 0 in the file's order, and a set of rules is an integer with one bit for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.hba.rules import WAYS, fit, rules, ways
from pgguard.analysis.hba.words import words
from pgguard.analysis.membership import members

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.analysis.hba.words import Word
    from pgguard.model.snapshot import Snapshot

# stands where a database's name does, for a physical replication connection, which has none
REPLICATION = ""


class Rules(NamedTuple):
    """A set of rules that surely match, and the larger one of those that possibly do."""

    sure: int = 0
    possible: int = 0

    def __and__(self, other: Rules) -> Rules:
        return Rules(self.sure & other.sure, self.possible & other.possible)

    def __or__(self, other: Rules) -> Rules:
        return Rules(self.sure | other.sure, self.possible | other.possible)


def index(snapshot: Snapshot) -> Index:
    """The rules of the snapshot, prepared for questions.

    Raises `Unread` when rules, roles, memberships or databases could not be read.
    """
    known: Index | None = snapshot._memo.get("hba index")
    if known is None:
        known = snapshot._memo["hba index"] = Index(snapshot)
    return known


class Index:
    """The rules that can match, by what they say about types, databases, users and addresses."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.rules = rules(snapshot)
        self.meanings = [words(snapshot, rule) for rule in self.rules]
        self.fits = [
            fit(rule, address_is_name=meaning.address_is_name)
            for rule, meaning in zip(self.rules, self.meanings, strict=True)
        ]
        self.databases = _Field([meaning.databases for meaning in self.meanings])
        self.users = _Field([meaning.users for meaning in self.meanings])
        self._of_way = {
            way: sum(1 << number for number, rule in enumerate(self.rules) if way in ways(rule))
            for way in WAYS
        }
        self._of_member: dict[str, Rules] = {}
        for group, fitting in self.users.of_kind["group"].items():
            for member in (group, *members(snapshot, group)) if snapshot.role(group) is not None else ():
                self._of_member[member] = self._of_member.get(member, Rules()) | fitting

    def of_user(self, name: str) -> Rules:
        """The rules whose user field fits a login."""
        return self.users.of_name(name) | self._of_member.get(name, Rules())

    def of_some_user(self, word: Word) -> Rules:
        """The rules that fit every login which a word of a user field fits, and no others."""
        if word.kind == "name":
            return self.of_user(word.text)
        found = self.users.keyword("all")
        if word.kind == "group":
            found |= self.users.of_kind["group"][word.text] | self._of_member.get(word.text, Rules())
        elif word.kind == "pattern":
            found |= self.users.of_kind["pattern"][word.text]
        return found

    def of_database(self, name: str, *, own: bool = False, by_membership: bool = False) -> Rules:
        """The rules whose database field fits.

        `own` is for a user of the database's name, `by_membership` for a member of a role of that name.
        """
        if name == REPLICATION:
            return self.databases.keyword("replication")
        found = self.databases.of_name(name)
        if own:
            found |= self.databases.keyword("sameuser")
        if by_membership:
            found |= self.databases.keyword("samerole")
        return found

    def of_some_database(self, word: Word) -> Rules:
        """The rules that fit every database which a word of a database field fits, and no others."""
        if word.kind == "name":
            return self.of_database(word.text)
        if word.kind == "replication":
            return self.of_database(REPLICATION)
        found = self.databases.keyword("all")
        if word.kind == "pattern":
            found |= self.databases.of_kind["pattern"][word.text]
        elif word.kind in ("sameuser", "samerole"):
            # every role is a member of itself
            found |= self.databases.keyword("samerole") | self.databases.keyword(word.kind)
        return found

    def of_way(self, way: str) -> Rules:
        """The rules whose type fits that way in."""
        return Rules(self._of_way[way], self._of_way[way])

    def type_covers(self, earlier: int, number: int) -> bool:
        """Whether the earlier rule's type fits every way in that the other's does."""
        return ways(self.rules[number]) <= ways(self.rules[earlier])


class _Field:
    """One field of all rules, turned round: from a name to the rules that it fits."""

    def __init__(self, lists: Sequence[tuple[Word, ...]]) -> None:
        self.of_kind: dict[str, dict[str, Rules]] = {"name": {}, "group": {}, "pattern": {}, "keyword": {}}
        self._patterns: dict[str, Word] = {}
        for number, meanings in enumerate(lists):
            for word in meanings:
                kind = word.kind if word.kind in self.of_kind else "keyword"
                key = word.kind if kind == "keyword" else word.text
                known = self.of_kind[kind]
                known[key] = known.get(key, Rules()) | Rules(word.sure << number, 1 << number)
                if kind == "pattern":
                    self._patterns[word.text] = word

    def keyword(self, kind: str) -> Rules:
        return self.of_kind["keyword"].get(kind, Rules())

    def of_name(self, name: str) -> Rules:
        found = self.keyword("all") | self.of_kind["name"].get(name, Rules())
        for text, word in self._patterns.items():
            fits = word.names(name)
            if fits is not False:
                fitting = self.of_kind["pattern"][text]
                found |= Rules(fitting.sure if fits else 0, fitting.possible)
        return found


def numbers(bits: int) -> Iterator[int]:
    """The numbers of the rules in a set, in order."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
