"""What the words of a rule of pg_hba.conf mean: everybody, a group, a pattern, or a name.

Quoted, a keyword is a name like any other and so is a leading + (manual, 20.1). The view
pg_hba_file_rules hides the quotes on every version, so they come from the text of the file; where that
could not be read, a keyword counts as one unless a database or a role really bears its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from pgguard.analysis.hba.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

Kind = Literal["all", "sameuser", "samerole", "replication", "group", "pattern", "name"]
_DATABASE_WORDS: Mapping[str, Kind] = {
    "all": "all",
    "sameuser": "sameuser",
    "samerole": "samerole",
    "samegroup": "samerole",
    "replication": "replication",
}
_ADDRESS_WORDS = frozenset({"all", "samehost", "samenet"})


class Word(NamedTuple):
    """One meaning of one word of a rule; `sure` is false where quotes that we do not see could change it."""

    kind: Kind
    text: str
    sure: bool = True

    def names(self, name: str) -> bool | None:
        """Whether it is that name, or a pattern that the name matches; None where that is not known."""
        if self.kind == "name":
            return name == self.text
        return matches(self.text, name) if self.kind == "pattern" else False


class Words(NamedTuple):
    """The words of one rule. `address_is_name` tells of an address word whose quotes make it a host name."""

    databases: tuple[Word, ...]
    users: tuple[Word, ...]
    address_is_name: bool


def words(snapshot: Snapshot, rule: HbaRule) -> Words:
    """What the rule's words mean on a server of this version.

    Raises `Unread` when databases or roles could not be read.
    """
    quoted = _quoted(snapshot, rule)
    databases = [
        meaning
        for text, quote in zip(rule.databases, quoted["databases"], strict=True)
        for meaning in _database_meanings(snapshot, text, quote)
    ]
    users = [
        meaning
        for text, quote in zip(rule.users, quoted["users"], strict=True)
        for meaning in _user_meanings(snapshot, text, quote)
    ]
    by_name = rule.address in _ADDRESS_WORDS and quoted["address"][0] is True
    return Words(tuple(databases), tuple(users), by_name)


def _database_meanings(snapshot: Snapshot, text: str, quoted: bool | None) -> Iterator[Word]:
    keyword = _DATABASE_WORDS.get(text)
    if keyword is None:
        yield _plain(snapshot, text)
        return
    if quoted is None and all(row.name != text for row in snapshot.databases):
        quoted = False
    if quoted is not True:
        yield Word(keyword, text, sure=quoted is False)
    if quoted is not False:
        yield Word("name", text, sure=quoted is True)


def _user_meanings(snapshot: Snapshot, text: str, quoted: bool | None) -> Iterator[Word]:
    if text != "all" and not text.startswith("+"):
        yield _plain(snapshot, text)
        return
    if quoted is None and snapshot.role(text) is None:
        quoted = False
    if quoted is not True:
        sure = quoted is False
        yield Word("all", text, sure) if text == "all" else Word("group", text[1:], sure)
    if quoted is not False:
        yield Word("name", text, sure=quoted is True)


def _plain(snapshot: Snapshot, text: str) -> Word:
    # a pattern is one in quotes too
    if text.startswith("/") and snapshot.major >= 16:
        return Word("pattern", text[1:])
    return Word("name", text)


# The text of the file ------------------------------------------------------------------------------


Lines = dict[tuple[str, int], list[list["bool | None"]]]


def _quoted(snapshot: Snapshot, rule: HbaRule) -> dict[str, list[bool | None]]:
    """For each word of the rule's three fields, whether it begins with a quote; None where unknown."""
    fields = {"databases": rule.databases, "users": rule.users, "address": (rule.address,)}
    lines = _lines(snapshot)
    line = lines.get((rule.file, rule.line)) if lines is not None else None
    if not line:
        # without the file nobody knows; with it, a line that is not listed has no quotes
        return {name: [None if lines is None else False] * len(texts) for name, texts in fields.items()}
    found: dict[str, list[bool | None]] = {}
    for (name, texts), marks in zip(fields.items(), line[1:4] + [[]] * 3, strict=False):
        # an included list of names has quotes of its own, which we do not see
        seen = len(marks) == len(texts) and None not in marks
        found[name] = list(marks) if seen else [None] * len(texts)
    return found


def _lines(snapshot: Snapshot) -> Lines | None:
    """The lines that may have quotes, in fields; None where the file could not be read."""
    if "hba lines" not in snapshot._memo:
        known: Lines | None = None
        if "hba_quotes" not in snapshot.missing():
            shapes = {(row.file, row.line): row.shape for row in snapshot.hba_quotes}
            known = {
                (file, line): _fields(_continued(shapes, file, line, snapshot.major)) for file, line in shapes
            }
        snapshot._memo["hba lines"] = known
    found: Lines | None = snapshot._memo["hba lines"]
    return found


def _continued(shapes: Mapping[tuple[str, int], str], file: str, line: int, major: int) -> str:
    text = shapes[file, line]
    while major >= 14 and text.endswith("\\"):
        line += 1
        text = text[:-1] + shapes.get((file, line), "")
    return text


def _fields(line: str) -> list[list[bool | None]]:
    """The fields of a line, of each its words: whether they begin with a quote, None for an @ include.

    The rules are those of the server's own tokenizer: blanks end a field, commas a word; a quote is
    doubled to stand for itself; # begins a comment.
    """
    fields: list[list[bool | None]] = []
    words: list[bool | None] = []
    at = 0
    while at < len(line):
        while at < len(line) and line[at] in " \t,":
            at += 1
        start, quoting = at, False
        while at < len(line) and (quoting or line[at] not in " \t,#"):
            quoting ^= line[at] == '"'
            at += 1
        if at > start:
            include = line[start] == "@" and at > start + 1
            words.append(None if include else line[start] == '"')
        if at < len(line) and line[at] == ",":
            continue
        if words:
            fields.append(words)
            words = []
        if at < len(line) and line[at] == "#":
            break
    if words:
        fields.append(words)
    return fields
