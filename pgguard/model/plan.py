"""Plan: changes in order, each with why it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pgguard.model.finding import Change


class Answer(NamedTuple):
    """A finding that a step answers: its check, fingerprint, subject and evidence."""

    check: str
    fingerprint: str
    subject: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Step:
    """Changes that belong together and become one migration: of one database, None for anywhere.

    They are all transactional, or none of them is. `asserts` are further SQL expressions that must be
    true before anything is done, each with what to say when it is not; `checks` are expressions that must
    be true afterwards. `phase` is empty, or one of a plan's own: prepare, watch, cutover, cleanup, or those
    of an
    encryption. `statement_timeout` is how long one statement may take, 0 for as long as it needs.
    """

    slug: str
    title: str
    why: str
    changes: tuple[Change, ...]
    database: str | None = None
    phase: str = ""
    risk: str = ""
    answers: tuple[Answer, ...] = ()
    asserts: tuple[tuple[str, str], ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    first: str = ""
    statement_timeout: str = "60s"

    @property
    def transactional(self) -> bool:
        """Whether everything in it can be one transaction."""
        return all(one.transactional for one in self.changes)


class Section(NamedTuple):
    """Something more that a plan has to say: a text, and a table of its columns' names and rows."""

    title: str
    text: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order, and what no SQL can do, for people.

    `cluster` is the number that initdb gave the cluster (pg_control_system), empty where it is not known.
    """

    target: str
    server_version: str
    planned_at: str
    planned_as: str
    steps: tuple[Step, ...]
    by_hand: tuple[str, ...] = ()
    cluster: str = ""
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True)
class Migration:
    """One step as SQL: `up` does it, `down` undoes it, `verify` fails unless it holds.

    `name` is its number and slug (0003_rights_of_functions). `undoable` is false when a change of it
    cannot be undone; `down` then says so.
    """

    name: str
    step: Step
    up: str
    down: str
    verify: str
    undoable: bool
