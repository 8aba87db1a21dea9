"""What changed between two snapshots: for people, bounded, and as JSON, whole."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from typing import TYPE_CHECKING, Any

from pgguard.analysis.drift import Direction
from pgguard.model.finding import Severity
from pgguard.model.quote import ident
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.analysis.drift import Difference, Drift, Look, Uncompared

_MOST = 60
_MOST_NAMES = 3
# so many differences that say the same of other names and for other reasons are read; more are one line
_MOST_ALIKE = 5
_INDENT = "      "
_MARKS = {
    Direction.WIDENED: "+",
    Direction.CHANGED: "~",
    Direction.NARROWED: "-",
    Direction.NEUTRAL: " ",
}


# verbs of the sentences that differences are, for several subjects
_FOR_MANY = {
    "is": "are",
    "was": "were",
    "has": "have",
    "holds": "hold",
    "runs": "run",
    "fires": "fire",
    "calls": "call",
    "sends": "send",
    "belongs": "belong",
    "accepts": "accept",
}


def render_json(drift: Drift) -> str:
    """Everything, with all names."""
    document = {
        "before": _look_json(drift.before),
        "after": _look_json(drift.after),
        "summary": {
            **{one.value: drift.count(one) for one in Direction},
            **{
                severity.label: sum(1 for one in drift.differences if one.severity is severity)
                for severity in sorted(Severity, reverse=True)
            },
            "uncompared": len(drift.uncompared),
        },
        "differences": [_difference_json(one) for one in drift.differences],
        "uncompared": [_uncompared_json(one) for one in drift.uncompared],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def render_terminal(drift: Drift, *, everything: bool = False, width: int | None = None) -> str:
    """The differences for people, the most serious first; with `everything` no list is cut."""
    lines = [
        f"From  {_look(drift.before)}",
        f"To    {_look(drift.after)}",
        "",
        _summary(drift),
        "",
    ]
    told = drift.differences if everything else _folded(drift.differences)
    shown = told if everything else told[:_MOST]
    severity: Severity | None = None
    for one in shown:
        if one.severity is not severity:
            severity = one.severity
            count = sum(1 for other in told if other.severity is severity)
            lines += ["", f"{severity.label.upper()} ({count})"]
        lines += _wrapped(_line(one, everything=everything), width)
    if len(shown) < len(told):
        left = len(told) - len(shown)
        lines += ["", f"and {left} more, none more serious (--all shows them, and every name)"]
    if drift.uncompared:
        lines += ["", "NOT COMPARED: whether these changed nobody knows"]
        for note in drift.uncompared:
            lines += _wrapped(f"  ? {_note(note)}", width)
    lines = [line for number, line in enumerate(lines) if line or number == 0 or lines[number - 1]]
    return "\n".join(lines).rstrip() + "\n"


def _folded(differences: Sequence[Difference]) -> list[Difference]:
    """The differences with those of one kind in one, where they are too many to be read."""
    alike: dict[object, list[Difference]] = {}
    for one in differences:
        key = (one.area, one.direction, one.severity, one.noun, one.does, one.what_noun, one.database)
        alike.setdefault(key if one.what_noun != "value" else one, []).append(one)
    found: list[Difference] = []
    for group in alike.values():
        if len(group) <= _MOST_ALIKE:
            found += group
            continue
        found.append(
            dataclasses.replace(
                group[0],
                who=tuple(dict.fromkeys(name for one in group for name in one.who)),
                what=tuple(dict.fromkeys(name for one in group for name in one.what)),
                tail=f"(not each of them; {len(group)} different cases, which --all tells one by one)",
            )
        )
    found.sort(key=lambda one: -one.severity)
    return found


def _summary(drift: Drift) -> str:
    if not drift.differences:
        if drift.uncompared:
            return "Nothing that could be compared changed; not everything could be."
        return "Nothing changed."
    parts = [
        f"{drift.count(direction)} {word}"
        for direction, word in (
            (Direction.WIDENED, "opened (+)"),
            (Direction.CHANGED, "to be judged (~)"),
            (Direction.NARROWED, "closed (-)"),
            (Direction.NEUTRAL, "without effect on access"),
        )
        if drift.count(direction)
    ]
    return f"{plural(len(drift.differences), 'difference')}: {', '.join(parts)}"


def _line(one: Difference, *, everything: bool) -> str:
    who = _names(one.who, one.noun, everything=everything)
    what = _names(one.what, one.what_noun, everything=everything)
    where = f" [database {ident(one.database)}]" if one.database else ""
    # where the subject is no person, what it is comes first
    named = who if one.noun in ("login", "role", "server", "identity") else f"{one.noun} {who}"
    parts = (named, _agreeing(one.does, len(one.who)), what, one.tail)
    return visible(f"  {_MARKS[one.direction]} {' '.join(part for part in parts if part)}{where}")


def _names(names: Sequence[str], noun: str, *, everything: bool) -> str:
    if everything or len(names) <= _MOST_NAMES + 1:
        return ", ".join(names)
    left = len(names) - _MOST_NAMES
    return f"{', '.join(names[:_MOST_NAMES])} and {left} other {_plural(noun)}"


def _agreeing(does: str, count: int) -> str:
    """The verb for one subject or for several."""
    if count == 1:
        return does
    if does.startswith("is a new "):
        return f"are new {_plural(does.removeprefix('is a new '))}"
    words = does.split(" ")
    for number, word in enumerate(words[:3]):
        if word.rstrip(",") in _FOR_MANY:
            words[number] = word.replace(word.rstrip(","), _FOR_MANY[word.rstrip(",")])
            break
    return " ".join(words)


def _plural(noun: str) -> str:
    if noun.endswith("s"):
        return noun
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def _note(note: Uncompared) -> str:
    side = {"before": "the first", "after": "the second", "both": "both"}[note.side]
    where = f" of database {ident(note.database)}" if note.database and note.section else ""
    section = f"{note.section}{where}, missing in {side}" if note.section else f"missing in {side}"
    return visible(f"{note.what}: {section}: {note.reason}")


def _look(look: Look) -> str:
    return visible(f"{look.target}, PostgreSQL {look.server_version}, {look.inspected_at}")


def _look_json(look: Look) -> dict[str, str]:
    return {
        "target": look.target,
        "server_version": look.server_version,
        "inspected_at": look.inspected_at,
    }


def _difference_json(one: Difference) -> dict[str, Any]:
    return {
        "area": one.area,
        "direction": one.direction.value,
        "severity": one.severity.label,
        "database": one.database,
        "text": _line(one, everything=False).strip(" +-~"),
        "noun": one.noun,
        "who": list(one.who),
        "does": one.does,
        "what": list(one.what),
        "tail": one.tail,
    }


def _uncompared_json(one: Uncompared) -> dict[str, Any]:
    return {
        "what": one.what,
        "side": one.side,
        "section": one.section or None,
        "database": one.database,
        "reason": one.reason,
    }


def _wrapped(text: str, width: int | None) -> Iterator[str]:
    if width is None:
        yield text
        return
    yield from textwrap.wrap(text, width, subsequent_indent=_INDENT, break_long_words=False) or [text]
