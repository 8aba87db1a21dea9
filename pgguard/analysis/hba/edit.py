"""Changes of single lines of pg_hba.conf as values, applied to its text; every other byte stays as it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from pgguard.analysis.hba.parse import read_address, rule_lines
from pgguard.analysis.hba.text import Line, lines
from pgguard.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pgguard.analysis.hba.parse import Texts
    from pgguard.model.snapshot import Snapshot

Field = Literal["type", "database", "user", "address", "method"]
_KEYWORDS = frozenset({"all", "sameuser", "samerole", "samegroup", "replication", "samehost", "samenet"})
_NEEDS_QUOTES = frozenset(' \t\r",#')
_PATTERNS_FROM = 16
_COMMENT = "# "
_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")


class Replace(NamedTuple):
    """Another value for one field of the rule at a line; `value` is written as the file wants it."""

    file: str
    line: int
    field: Field
    value: str


class Insert(NamedTuple):
    """A new line before or after the rule at a line; a comment has to begin with #."""

    file: str
    line: int
    text: str
    after: bool = False


class CommentOut(NamedTuple):
    """The rule at a line becomes a comment."""

    file: str
    line: int


Edit = Replace | Insert | CommentOut


class Edited(NamedTuple):
    """A file after edits: for each of its lines, the number of the line it was, 0 for a new one."""

    text: str
    origins: tuple[int, ...]


def written_name(name: str, major: int) -> str:
    """A role or a database as a word of pg_hba.conf that means it alone.

    Raises `InputError` for a name with a line break, which no line of the file can hold.
    """
    if any(char in name for char in "\n\x00") or not name:
        msg = f"no line of pg_hba.conf can name {name!r}: rename it first"
        raise InputError(msg)
    if name.startswith("/") and major >= _PATTERNS_FROM:
        # a word that begins with / is a pattern, with quotes too
        escaped = "".join(char if char.isalnum() or char == "_" else "\\" + char for char in name)
        return _quoted(f"/^{escaped}$")
    plain = name not in _KEYWORDS and name[0] not in "+@/" and _NEEDS_QUOTES.isdisjoint(name)
    return name if plain and not name.endswith("\\") else _quoted(name)


def written_group(group: str) -> str:
    """+group: every login that is a member of the role, as a word of pg_hba.conf.

    Raises `InputError` for a name with a line break.
    """
    if any(char in group for char in "\n\x00") or not group:
        msg = f"no line of pg_hba.conf can name {group!r}: rename it first"
        raise InputError(msg)
    # quotes before the + would make it a name
    return "+" + (group if _NEEDS_QUOTES.isdisjoint(group) and group[-1] != "\\" else _quoted(group))


def apply_edits(text: str, edits: Sequence[Edit], major: int) -> Edited:
    """The file's text after edits of its lines, as a server of this version counts them.

    Raises `InputError` when there is no rule at a line that an edit names, or a value goes over one
    line.
    """
    by_line: dict[int, list[Edit]] = {}
    for edit in edits:
        given = edit.text if isinstance(edit, Insert) else edit.value if isinstance(edit, Replace) else ""
        if any(char in given for char in "\n\x00") or given.endswith("\\"):
            msg = "a line break or a backslash at the end cannot be written into one line"
            raise InputError(msg)
        by_line.setdefault(edit.line, []).append(edit)
    ending = "\r\n" if "\r\n" in text else "\n"
    parts: list[str] = []
    origins: list[int] = []
    for line in lines(text, major):
        asked = by_line.pop(line.number, [])
        if asked and not line.fields:
            msg = f"line {line.number} holds no rule"
            raise InputError(msg)
        before = [one.text + ending for one in asked if isinstance(one, Insert) and not one.after]
        after = [one.text + ending for one in asked if isinstance(one, Insert) and one.after]
        own, kept = _own(text, line, asked)
        if after and not own.endswith("\n"):
            own += ending
        if after and major >= 14 and own.rstrip("\r\n").endswith("\\"):
            # at the end of the file a backslash joins nothing, until something comes after it
            own += ending
            kept.append(0)
        parts += [*before, own, *after]
        origins += [0] * len(before) + kept + [0] * len(after)
    for number in by_line:
        msg = f"there is no line {number}"
        raise InputError(msg)
    return Edited("".join(parts), tuple(origins))


def physical(text: str) -> list[str]:
    """The lines of a text with their ends, as editors count them: \\n ends one, and nothing else does."""
    return [part for part in _LINE.findall(text) if part]


def edit_files(texts: Texts, edits: Iterable[Edit], major: int) -> Texts:
    """The files after edits.

    Raises `InputError` when there is no rule at a line that an edit names.
    """
    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        by_file.setdefault(edit.file or texts.main, []).append(edit)
    for file, some in by_file.items():
        text = texts.files.get(file)
        if text is None:
            msg = f"{file}: its text is not known, so that no line of it can be changed"
            raise InputError(msg)
        texts = texts.replaced(file, apply_edits(text, some, major).text)
    return texts


def copied(text: str, line: Line, values: Sequence[tuple[Field, str]]) -> str:
    """The rule of a line as a new one with other values, on one line and without its comment."""
    spans = {_span(line, field): value for field, value in values}
    first, last = line.span(0)[0], line.span(len(line.fields) - 1)[1]
    made = _with(text, first, last, spans)
    # over several lines it would not be one rule before PostgreSQL 14, and hard to read after
    return "".join(part.rstrip("\r").removesuffix("\\") for part in made.split("\n"))


def rules_for(
    snapshot: Snapshot, texts: Texts, group: str, like_login: str, *, replacing: bool = False
) -> tuple[Edit, ...]:
    """What lets the members of a group in wherever a line names a login: such lines for +group as well.

    Each stands right after the line that names the login, so that nothing else decides in between; a
    line that turns the login away turns the group away too. With `replacing` the line's own name goes.
    Raises `Unread` when roles could not be read, `InputError` for a name that no line can hold.
    """
    found: list[Edit] = []
    for file, line, error in rule_lines(texts, snapshot.major):
        if error or len(line.fields) < 4:
            continue
        users = line.fields[2]
        named = [word for word in users if _is_name(snapshot, word.text, quoted=word.quoted)]
        if any(word.text == like_login for word in named):
            text = texts.files[file] or ""
            if replacing and len(users) == 1:
                found.append(Replace(file, line.number, "user", written_group(group)))
            else:
                made = copied(text, line, [("user", written_group(group))])
                found.append(Insert(file, line.number, made, after=True))
    return tuple(found)


def _is_name(snapshot: Snapshot, text: str, *, quoted: bool) -> bool:
    if text.startswith("/") and snapshot.major >= _PATTERNS_FROM:
        return False
    return quoted or (text != "all" and not text.startswith(("+", "@")))


def _own(text: str, line: Line, asked: Sequence[Edit]) -> tuple[str, list[int]]:
    """The line's own text after the edits, and the numbers of the lines that it is made of."""
    numbers = list(range(line.number, line.number + line.height))
    spans = {_span(line, one.field): one.value for one in asked if isinstance(one, Replace)}
    made = _with(text, line.start, line.end, spans)
    # a value that went over several lines is on one now
    lost = text[line.start : line.end].count("\n") - made.count("\n")
    if lost:
        del numbers[1 : 1 + lost]
    if any(isinstance(one, CommentOut) for one in asked):
        made = "".join(_COMMENT + part for part in physical(made))
    return made, numbers


def _with(text: str, start: int, end: int, spans: dict[tuple[int, int], str]) -> str:
    made: list[str] = []
    for (first, last), value in sorted(spans.items()):
        made += [text[start:first], value]
        start = last
        # columns stay under each other as far as there are blanks
        longer = len(value) - len(text[first:last])
        blanks = len(text[start:end]) - len(text[start:end].lstrip(" "))
        if blanks > 1 and start + blanks < end and text[start + blanks] not in "\r\n":
            made.append(" " * max(blanks - longer, 1))
            start += blanks
    return "".join([*made, text[start:end]])


def _span(line: Line, field: Field) -> tuple[int, int]:
    try:
        if field in ("type", "database", "user"):
            return line.span(("type", "database", "user").index(field))
        local = line.fields[0][0].text == "local"
        method = 3 if local else read_address(line)[2]
        if field == "method":
            return line.span(method)
        if not local:
            # an address may have a mask of its own
            return line.span(3)[0], line.span(method - 1)[1]
    except (IndexError, ValueError):
        pass
    msg = f"line {line.number} has no {field}"
    raise InputError(msg)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
