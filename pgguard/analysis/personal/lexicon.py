"""The lexicons: data/lexicon/*.toml and a site's own files, read into one, with every mistake named.

A file holds words that people can read and extend: `[abbreviations]`; `[tables]`, words of the names of
tables; `[columns.PLACE.CATEGORY]` with phrases; `[columns.keys]`; `[beside]`, words that turn a phrase into
something else; `[vocabulary]`, common words for cutting joined names; `[common]`, words that say little by
themselves. `[[learned]]` entries name the schemas whose columns taught them.
"""

from __future__ import annotations

import tomllib
import typing
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pgguard.analysis.personal.words import cut, peel, skeleton, split, stem
from pgguard.errors import PolicyError
from pgguard.model.policy import Category

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CATEGORIES = frozenset(typing.get_args(Category))
PLACES = ("anywhere", "person", "record", "whole", "whole_person", "whole_record")
TABLES = ("person", "record", "staff", "organisation", "reference", "technical", "detail")
BESIDE = ("key", "about", "unit", "system", "boolean", "organisation", "staff", "kin")
_END = ""
_MOST_WORDS = 6
_MOST_EXPANSIONS = 6
_MOST_MEANINGS = 3
_SHORT_KEY = 5
_TELLING = 4


# of every word what it may stand for, each with how that is known (see Hit.how)
Meanings = tuple[tuple[tuple[tuple[str, ...], int], ...], ...]


class Hit(NamedTuple):
    """A phrase that fits words `start` to `end` of a name.

    `place` is one of PLACES, table, beside or key; `value` the category, or the kind of table or of word
    beside; `how` is 0 by its words, 1 by an abbreviation, 2 by a guessed one.
    """

    start: int
    end: int
    place: str
    value: str
    phrase: str
    how: int = 0


class Read(NamedTuple):
    """A name read by the lexicon: its words, cut and with the abbreviations' meanings, and what fits.

    `phrases` and `beside` are the hits of those places; `plain` the positions of words that only say whose
    row or key it is.
    """

    words: tuple[str, ...]
    meanings: Meanings
    hits: tuple[Hit, ...]
    phrases: tuple[Hit, ...]
    beside: tuple[Hit, ...]
    plain: frozenset[int]


def _read(words: tuple[str, ...], meanings: Meanings, hits: tuple[Hit, ...]) -> Read:
    plain = {
        position
        for hit in hits
        if hit.place == "key" or (hit.place == "table" and hit.value in ("person", "detail"))
        for position in range(hit.start, hit.end)
    }
    return Read(
        words,
        meanings,
        hits,
        tuple(hit for hit in hits if hit.place in PLACES),
        tuple(hit for hit in hits if hit.place == "beside" and hit.how < 2),
        frozenset(plain),
    )


class Lexicon:
    """All lexicon files together."""

    def __init__(self, files: Sequence[tuple[str, Mapping[str, Any]]], without: str = "") -> None:
        self._trie: dict[str, Any] = {}
        self._abbreviations: dict[str, list[tuple[str, ...]]] = {}
        self._vocabulary: set[str] = set()
        self._cuts: dict[str, tuple[str, ...]] = {}
        # the words that are a phrase by themselves, as stems
        self._alone: set[str] = set()
        self._telling: set[str] = set()
        self._common: set[str] = set()
        self._reads: dict[str, Read] = {}
        self._open: dict[Meanings, list[tuple[Any, int]]] = {}
        sections = [one for name, data in files for one in _sections(name, data, without)]
        for section, phrases in sections:
            self._learn(section, phrases)
        for section, phrases in sections:
            self._add(section, phrases)
        self._prefixes: dict[str, set[str]] = {}
        self._skeletons: dict[str, set[str]] = {}
        for word in self._vocabulary:
            if len(word) >= 5:
                self._skeletons.setdefault(skeleton(word), set()).add(word)
                for size in range(4, len(word)):
                    self._prefixes.setdefault(word[:size], set()).add(word)

    def read(self, name: str) -> Read:
        """What the lexicon makes of the name of a schema, table or column, or of a comment."""
        known = self._reads.get(name)
        if known is None:
            words, meanings = self._meanings(name)
            known = self._reads[name] = _read(words, meanings, self._hits(meanings))
        return known

    def is_common(self, words: Sequence[str]) -> bool:
        """Whether databases of every trade have such words."""
        return all(stem(word) in self._common for word in words)

    def across(self, table: str, column: str) -> tuple[Hit, ...]:
        """The phrases that begin in the last two words of the table's name and end in the column's.

        The ends of the hits are positions in the column's name.
        """
        begun = self._begun(self.read(table).meanings[-2:])
        if not begun:
            return ()
        found: dict[tuple[int, str, str], Hit] = {}
        states = begun
        for position, word in enumerate(self.read(column).meanings[: _MOST_WORDS - 1]):
            states = [step for state in states for step in _steps(state, word)]
            for node, how in states:
                for place, value, phrase in node.get(_END, ()):
                    if place in PLACES:
                        key = (position, place, value)
                        if key not in found or how < found[key].how:
                            found[key] = Hit(0, position + 1, place, value, phrase, how)
            if not states:
                break
        return tuple(sorted(found.values()))

    def _begun(self, meanings: Meanings) -> list[tuple[Any, int]]:
        """Where the trie has come to after the last words of a table's name."""
        known = self._open.get(meanings)
        if known is None:
            known = []
            for start in range(len(meanings)):
                states: list[tuple[Any, int]] = [(self._trie, 0)]
                for word in meanings[start:]:
                    states = [step for state in states for step in _steps(state, word)]
                known += [state for state in states if len(state[0]) > (_END in state[0])]
            self._open[meanings] = known
        return known

    def _learn(self, section: tuple[str, str], phrases: Sequence[str]) -> None:
        place, value = section
        for phrase in phrases:
            words = split(phrase)
            if place == "abbreviation":
                meaning = tuple(stem(word) for word in words)
                for short in split(value):
                    kept = self._abbreviations.setdefault(short, [])
                    if meaning not in kept:
                        kept.append(meaning)
            elif place == "common":
                self._common.update(stem(word) for word in words)
            elif len(words) == 1 and place != "vocabulary":
                self._alone.add(stem(words[0]))
                if place == "anywhere" and value != "none" and len(words[0]) >= _TELLING:
                    self._telling.add(stem(words[0]))
            self._vocabulary.update(words)

    def _add(self, section: tuple[str, str], phrases: Sequence[str]) -> None:
        place, value = section
        if place in ("abbreviation", "vocabulary", "common"):
            return
        for phrase in phrases:
            stems = tuple(stem(part) for word in split(phrase) for part in self._parts(word))
            orders = (
                {stems, stems[::-1]} if len(stems) == 2 and place in PLACES and value != "none" else {stems}
            )
            for order in orders:
                node = self._trie
                for word in order:
                    node = node.setdefault(word, {})
                entry = (place, value, phrase)
                if entry not in node.setdefault(_END, []):
                    node[_END].append(entry)

    def _meanings(self, name: str) -> tuple[tuple[str, ...], Meanings]:
        words: list[str] = []
        plain = name.lower()
        whole = (plain,) if plain in self._abbreviations or stem(plain) in self._alone else split(name)
        for word in whole:
            words += self._parts(word)
        return tuple(words), tuple(self._alternatives(word) for word in words)

    def _parts(self, word: str) -> tuple[str, ...]:
        if len(word) < 5 or word in self._abbreviations or stem(word) in self._alone:
            return (word,)
        known = self._cuts.get(word)
        if known is None:
            known = self._cuts[word] = self._cut(word)
        return known

    def _cut(self, word: str) -> tuple[str, ...]:
        pieces = cut(word, self._pieces(), self._abbreviations)
        if pieces is None and not self._is_known(word):
            if word.endswith("id") and len(word) <= _SHORT_KEY:
                return word[:-2], "id"
            pieces = peel(word, self._pieces(), self._telling)
            return tuple(part for piece in pieces for part in self._parts(piece)) if pieces else (word,)
        if pieces is None:
            return (word,)
        if self._is_known(word) and (len(pieces) > 2 or min(map(len, pieces)) < 4):
            # a word of the language that only looks like two others
            return (word,)
        return pieces

    def _is_known(self, word: str) -> bool:
        return word in self._vocabulary or word in self._abbreviations or stem(word) in self._stems()

    def _stems(self) -> set[str]:
        known: set[str] | None = self.__dict__.get("_all_stems")
        if known is None:
            known = self.__dict__["_all_stems"] = {stem(word) for word in self._vocabulary}
        return known

    def _pieces(self) -> set[str]:
        known: set[str] | None = self.__dict__.get("_all_pieces")
        if known is None:
            known = {word for word in self._vocabulary if len(word) >= 3} | self._stems()
            self.__dict__["_all_pieces"] = known
        return known

    def _alternatives(self, word: str) -> tuple[tuple[tuple[str, ...], int], ...]:
        found: dict[tuple[str, ...], int] = {(stem(word),): 0}
        short = self._abbreviations.get(word, ())
        for meaning in short:
            # what may stand for many things stands for none with certainty
            found.setdefault(meaning, 1 if len(short) <= _MOST_MEANINGS else 2)
        if not self._is_known(word):
            for pair, letter in (("ae", "a"), ("oe", "o"), ("ue", "u")):
                if pair in word and self._is_known(plain := word.replace(pair, letter)):
                    found.setdefault((stem(plain),), 0)
            if len(word) >= 3:
                near = self._skeletons.get(word, set()) if skeleton(word) == word else set()
                near = near or (self._prefixes.get(word, set()) if len(word) >= 5 else set())
                stems = sorted({stem(one) for one in near})
                if len(stems) <= _MOST_EXPANSIONS:
                    for one in stems:
                        found.setdefault((one,), 2)
        return tuple(found.items())

    def _hits(self, meanings: Meanings) -> tuple[Hit, ...]:
        found: dict[tuple[int, int, str, str], Hit] = {}
        for start in range(len(meanings)):
            states: list[tuple[Any, int]] = [(self._trie, 0)]
            for position in range(start, min(len(meanings), start + _MOST_WORDS)):
                states = [step for state in states for step in _steps(state, meanings[position])]
                if not states:
                    break
                for node, how in states:
                    for place, value, phrase in node.get(_END, ()):
                        key = (start, position + 1, place, value)
                        if key not in found or how < found[key].how:
                            found[key] = Hit(start, position + 1, place, value, phrase, how)
        return tuple(sorted(found.values()))


def _steps(
    state: tuple[Any, int], word: tuple[tuple[tuple[str, ...], int], ...]
) -> Iterator[tuple[Any, int]]:
    """Where one word, by each of its meanings, leads in the trie."""
    for meaning, how in word:
        node: Any = state[0]
        for part in meaning:
            node = node.get(part)
            if node is None:
                break
        else:
            yield node, max(state[1], how)


@cache
def lexicon(site: tuple[str, ...] = (), without: str = "") -> Lexicon:
    """The built-in lexicons and a site's own files in one.

    `without` leaves out what only that schema taught. Raises `PolicyError` for a file that cannot be read and
    for every mistake in it.
    """
    files = [(name, tomllib.loads(text)) for name, text in _built_in()]
    for path in site:
        try:
            files.append((path, tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))))
        except OSError as error:
            msg = f"{path}: the lexicon cannot be read: {error.strerror}"
            raise PolicyError(msg) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            msg = f"{path}: this is not TOML: {error}"
            raise PolicyError(msg) from None
    return Lexicon(files, without)


def sole_teachers() -> frozenset[str]:
    """The schemas that alone taught some of the built-in words."""
    return frozenset(
        entry["from"][0]
        for _, text in _built_in()
        for entry in tomllib.loads(text).get("learned", ())
        if len(entry.get("from", ())) == 1
    )


def _built_in() -> Iterator[tuple[str, str]]:
    folder = resources.files("pgguard").joinpath("data/lexicon")
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.name.endswith(".toml"):
            yield entry.name, entry.read_text(encoding="utf-8")


def _sections(
    file: str, data: Mapping[str, Any], without: str
) -> Iterator[tuple[tuple[str, str], Sequence[str]]]:
    """What a file adds, as ((place, value), phrases). Raises `PolicyError` with a line for each mistake."""
    mistakes: list[str] = []

    def texts(key: str, value: Any) -> Sequence[str]:
        if isinstance(value, list) and all(isinstance(one, str) and split(one) for one in value):
            return value
        mistakes.append(f"{file}: {key}: must be a list of words")
        return ()

    def known(key: str, name: str, names: Sequence[str] | frozenset[str]) -> bool:
        if name not in names:
            mistakes.append(f"{file}: {key}: unknown; known are {', '.join(sorted(names))}")
        return name in names

    def table(key: str, value: Any) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        mistakes.append(f"{file}: {key}: must be a table")
        return {}

    found: list[tuple[tuple[str, str], Sequence[str]]] = []
    for part, content in data.items():
        if part == "abbreviations":
            for short, long in table(part, content).items():
                long = [long] if isinstance(long, str) else long
                found.append((("abbreviation", short), texts(f"{part}.{short}", long)))
        elif part in ("tables", "beside"):
            for kind, listed in table(part, content).items():
                if known(f"{part}.{kind}", kind, TABLES if part == "tables" else BESIDE):
                    place = "table" if part == "tables" else "beside"
                    found.append(((place, kind), texts(f"{part}.{kind}", listed)))
        elif part == "columns":
            for place, categories in table(part, content).items():
                if place == "keys":
                    listed = table("columns.keys", categories).get("words", [])
                    found.append((("key", "key"), texts("columns.keys.words", listed)))
                elif known(f"columns.{place}", place, PLACES):
                    for category, phrases in table(f"columns.{place}", categories).items():
                        key = f"columns.{place}.{category}"
                        if known(key, category, CATEGORIES):
                            found.append(
                                (
                                    (place, category),
                                    texts(f"{key}.phrases", table(key, phrases).get("phrases")),
                                )
                            )
        elif part in ("vocabulary", "common"):
            found.append(((part, ""), texts(f"{part}.words", table(part, content).get("words"))))
        elif part == "learned":
            for number, entry in enumerate(content if isinstance(content, list) else (), 1):
                found += _learned(f"{part} {number}", entry, without, texts, known)
        else:
            known(
                part,
                part,
                ("abbreviations", "tables", "columns", "beside", "vocabulary", "common", "learned"),
            )
    if mistakes:
        raise PolicyError("\n".join(mistakes))
    yield from found


def _learned(
    key: str, entry: Mapping[str, Any], without: str, texts: Any, known: Any
) -> Iterator[tuple[tuple[str, str], Sequence[str]]]:
    sources = entry.get("from", [])
    if without and list(sources) == [without]:
        return
    where = str(entry.get("in", "")).split(".")
    phrases = texts(f"{key}: phrases", entry.get("phrases"))
    if where[0] == "columns" and len(where) == 3 and known(key, where[1], (*PLACES, "keys")):
        if where[1] == "keys":
            yield ("key", "key"), phrases
        elif known(key, where[2], CATEGORIES):
            yield (where[1], where[2]), phrases
    elif where[0] == "tables" and len(where) == 2 and known(key, where[1], TABLES):
        yield ("table", where[1]), phrases
    elif where[0] == "beside" and len(where) == 2 and known(key, where[1], BESIDE):
        yield ("beside", where[1]), phrases
    elif where[0] == "abbreviations" and len(where) == 2:
        yield ("abbreviation", where[1]), phrases
    else:
        known(
            f"{key}: in",
            ".".join(where),
            ("columns.PLACE.CATEGORY", "tables.KIND", "beside.KIND", "abbreviations.WORD"),
        )
