"""The words of an SQL name: cut where letters change case, at separators, and inside joined words."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

# camelCase, digits and separators all end a word: patFName2 is pat, f, name
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LIGATURES = str.maketrans({"ß": "ss", "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O"})


def listed(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


# words that only join others; not "no" (number), not single letters (d_items)
STOP = listed("of de du des la le les del der das den dem el los las the and et und von zum zur au aux")
# never a part of a joined word
_ALONE = listed("with from for has not any all and per pro con por mit aus")
# what German puts between the parts of a compound
_LINKS = ("", "s", "n", "en", "es")
_SHORTEST_PIECE = 3
# an abbreviation of so many letters is hardly part of another word
_CLEAR = 5
_ENDS = frozenset({"id", "dt", "no", "nr", "cd", "nm", "fk", "pk", "ts", "tm"})
_MOST_PIECES = 4
# a known word of so many letters is seen within an unknown one
_LONG = 6


@cache
def words(name: str) -> tuple[str, ...]:
    """The words of an SQL name in lower case without accents."""
    plain = unicodedata.normalize("NFKD", name.translate(_LIGATURES)).encode("ascii", "ignore").decode()
    return tuple(part.lower() for part in _WORD.findall(plain))


@cache
def split(name: str) -> tuple[str, ...]:
    """The words of a name without those that only join others."""
    found = words(name)
    return tuple(word for word in found if word not in STOP) or found


@cache
def stem(word: str) -> str:
    """The word without its plural; English and the Romance languages, and roughly so."""
    if len(word) <= 3:
        return word
    for ending, instead in (
        ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("ores", "or"), ("iones", "ion"),
        ("dades", "dad"), ("ies", "y"),
    ):  # fmt: skip
        if word.endswith(ending):
            return word[: -len(ending)] + instead
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if word.endswith("ie") and len(word) > 4:
        word = word[:-2] + "y"
    return word


def skeleton(word: str) -> str:
    """The first letter and the consonants after it, as in ptnt for patient."""
    return word[:1] + "".join(letter for letter in word[1:] if letter not in "aeiouy")


def cut(word: str, vocabulary: Collection[str], abbreviations: Collection[str]) -> tuple[str, ...] | None:
    """A joined word as words of the vocabulary that fill it wholly, the fewest and longest; None without.

    Pieces have three letters or more, but for usual endings such as dt and id; one of them at most is an
    abbreviation, and one at most has but three letters.
    """
    size = len(word)
    # best[end]: cost, pieces and how many of them are short or abbreviated, of word[:end]
    best: list[tuple[float, tuple[str, ...], int] | None] = [(0.0, (), 0)] + [None] * size
    for end in range(2, size + 1):
        for start in range(max(0, end - 24), end - 1):
            before = best[start]
            if before is None or len(before[1]) >= _MOST_PIECES:
                continue
            piece = word[start:end]
            if len(piece) == size:
                continue
            for link in _LINKS if start and end - start > 4 else ("",):
                if not piece.startswith(link):
                    continue
                bare = piece[len(link) :]
                if link and len(bare) < 5:
                    continue
                short = 0.0
                if len(bare) >= _SHORTEST_PIECE and _known(bare, vocabulary):
                    weak = int(len(bare) == _SHORTEST_PIECE)
                elif bare in abbreviations and len(bare) >= _SHORTEST_PIECE:
                    weak = int(len(bare) < _CLEAR)
                    short = 0.6
                elif bare in _ENDS and end == size:
                    weak = 0
                else:
                    continue
                if before[2] + weak > 1:
                    continue
                cost = before[0] + 1.0 + 0.4 * weak + short + (0.5 if link else 0.0)
                now = best[end]
                if now is None or cost < now[0]:
                    best[end] = (cost, (*before[1], bare), before[2] + weak)
                break
    found = best[size]
    if found is None or len(found[1]) < 2 or max(map(len, found[1])) < 4:
        return None
    return found[1]


def _known(piece: str, vocabulary: Collection[str]) -> bool:
    return piece not in _ALONE and (piece in vocabulary or (len(piece) > 4 and stem(piece) in vocabulary))


def peel(word: str, vocabulary: Collection[str], telling: Collection[str]) -> tuple[str, ...] | None:
    """An unknown word that ends or begins with a long known one, as the two: noninvasive, systolic.

    A beginning may be shorter when the word is `telling` by itself: drug, hiclseqno.
    """
    for size in range(len(word) - _SHORTEST_PIECE, _LONG - 3, -1):
        if size >= _LONG and _known(word[-size:], vocabulary):
            return word[:-size], word[-size:]
        if size >= _LONG - 1 and _known(word[:size], vocabulary):
            return word[:size], word[size:]
        if stem(word[:size]) in telling:
            return word[:size], word[size:]
    return None
