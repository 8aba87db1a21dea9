"""The checks, one file each; this folder is the registry.

A check is a module with

* a docstring: a title sentence; then the paragraphs "Why it matters: ...", "How to fix: ..." and
  "Silent when: ...";
* `severity`, one of `Severity`;
* `references`, a tuple of texts that name controls;
* `find(snapshot, policy)`, which yields findings. What it needs and cannot read raises `Unread`
  by itself; what cannot be judged at all raises `NotApplicable` with what to declare.

The check's id is the module's name with dashes. Nothing about a check is written anywhere else.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pgguard.errors import UsageError
from pgguard.model.finding import Finding, Severity

if TYPE_CHECKING:
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

Find = Callable[["Snapshot", "Policy"], Iterator[Finding]]
_HEADINGS = ("Why it matters:", "How to fix:", "Silent when:")


@dataclass(frozen=True, slots=True)
class Check:
    """One check as its module describes it; texts are single paragraphs."""

    id: str
    title: str
    why: str
    fix: str
    silent: str
    severity: Severity
    references: tuple[str, ...]
    find: Find


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check of this folder, in alphabetical order of their ids."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return tuple(_load(name) for name in names)


def check(check_id: str) -> Check | None:
    """The check of that id, or None."""
    return next((one for one in all_checks() if one.id == check_id), None)


def named(check_id: str) -> Check:
    """The check of that id.

    Raises `UsageError` with near ids when there is none.
    """
    found = check(check_id)
    if found is None:
        near = difflib.get_close_matches(check_id, [one.id for one in all_checks()], 3, 0.5)
        hint = f"did you mean {', '.join(near)}?" if near else "pgguard checks lists them"
        msg = f"there is no check {check_id}: {hint}"
        raise UsageError(msg)
    return found


def _load(name: str) -> Check:
    module = importlib.import_module(f"{__name__}.{name}")
    title, *paragraphs = (
        " ".join(part.split()) for part in (inspect.getdoc(module) or "").split("\n\n") if part.strip()
    )
    texts = dict.fromkeys(_HEADINGS, "")
    for paragraph in paragraphs:
        for heading in _HEADINGS:
            if paragraph.startswith(heading):
                texts[heading] = paragraph.removeprefix(heading).strip()
    return Check(
        id=name.replace("_", "-"),
        title=title,
        why=texts["Why it matters:"],
        fix=texts["How to fix:"],
        silent=texts["Silent when:"],
        severity=module.severity,
        references=module.references,
        find=module.find,
    )
