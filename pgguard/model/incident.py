"""The file of a personal data breach (GDPR art. 33): what is asked for, what the sources tell, what it says.

Times are ISO 8601 in UTC, empty for "not known". No value of a row, no statement and no patient is in it;
logins, staff and addresses are, because that is what it is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

LOCAL = "local socket"
# how figures and words are meant: only facts are evidence
Kind = Literal["fact", "estimate", "unknown", "to judge", "to fill in"]
Keeping = Literal["clear", "encrypted", "hashed", "unknown"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the file is about: from `since` to before `until`, empty filters for everything.

    `person` is a person of the staff; `addresses` are networks, or `local` for the socket. `assumed_utc`
    tells that a time was given without a zone.
    """

    since: str
    until: str
    roles: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    person: str = ""
    addresses: tuple[str, ...] = ()
    noticed_at: str = ""
    assumed_utc: bool = False


class Span(NamedTuple):
    """A stretch of time."""

    since: str
    until: str


class SessionGroup(NamedTuple):
    """Sessions that are alike; `open` have no known end. `example` is the log's id of one of them.

    From 35 days back the store has presences in place of sessions, without an id.
    """

    login: str
    database: str
    identity: str
    method: str
    application: str
    address: str
    tls: bool
    sessions: int
    first: str
    last: str
    open: int
    example: str


class ReadGroup(NamedTuple):
    """Reads that are alike: `rows` is the sum as far as known, `unknown` statements whose rows are not."""

    database: str
    login: str
    identity: str
    application: str
    address: str
    relation: str
    columns: tuple[str, ...]
    certainty: str
    command: str
    evidence: str
    first: str
    last: str
    statements: int
    rows: int
    unknown: int


class CommandGroup(NamedTuple):
    """Commands about roles, privileges, settings or definitions that are alike."""

    database: str
    login: str
    address: str
    command: str
    object: str
    first: str
    last: str
    times: int


class FailureGroup(NamedTuple):
    """Refused logins that are alike."""

    role: str
    database: str
    address: str
    sqlstate: str
    first: str
    last: str
    times: int


class Habit(NamedTuple):
    """Where, with what and when (hours of UTC) a login was seen before the window."""

    addresses: frozenset[str]
    applications: frozenset[str]
    hours: frozenset[int]


class Watch(NamedTuple):
    """How one kind of thing was watched in the window: `covered`, the `gaps` between, lines not understood.

    `ends` and `identities` tell whether ends of sessions and authenticated identities were logged.
    """

    covered: tuple[Span, ...]
    gaps: tuple[Span, ...]
    unread_lines: int
    identities: bool = False
    ends: bool = False

    @property
    def whole(self) -> bool:
        """Whether the whole window was watched, and every line understood."""
        return bool(self.covered) and not self.gaps and not self.unread_lines


class Seen(NamedTuple):
    """What the observation store holds of an incident.

    `known_since` is the beginning of the oldest log in the store, `known_days` how many days before the
    window were watched; `later` are commands from the window's end on, of anybody. `met` are names of the
    question that the store has met at any time. `nameless` counts statements that read of which no login is
    known, left out because one is asked for; `left_out` groups above what a file can hold.
    """

    sessions: tuple[SessionGroup, ...]
    habits: dict[str, Habit]
    known_since: str
    known_days: int
    failures: tuple[FailureGroup, ...]
    reads: tuple[ReadGroup, ...]
    commands: tuple[CommandGroup, ...]
    later: tuple[CommandGroup, ...]
    logins: Watch
    looks: Watch
    reading: Watch
    met: frozenset[str] = frozenset()
    nameless: int = 0
    left_out: int = 0


class ChangeGroup(NamedTuple):
    """Rows of an audited table that a login changed, or another event of the audit (`relation` names it)."""

    login: str
    claimed: str
    address: str
    relation: str
    verb: str
    rows: int
    first: str
    last: str


class AuditSeen(NamedTuple):
    """What the audit store of a database tells; `reason` says why it tells nothing.

    `since` is when it began to record. `deleted` counts the rows of a table that were deleted from the
    window's beginning on, by anybody; -1 where a TRUNCATE hides how many. `verified` is one sentence,
    `first_bad` names the first entry or seal that is not as it was sealed. `sound` is None where it could not
    be told.
    """

    database: str
    reason: str = ""
    since: str = ""
    changes: tuple[ChangeGroup, ...] = ()
    deleted: dict[str, int] = {}  # noqa: RUF012 - never changed
    alarms: tuple[tuple[str, str, str, str], ...] = ()
    unjudged: tuple[str, ...] = ()
    sound: bool | None = None
    verified: str = ""
    first_bad: str = ""
    doubts: tuple[str, ...] = ()


class CountAsked(NamedTuple):
    """A table to be counted: its name, a column with the person's key (empty: none), and one that may be NULL
    where a row is nobody's that the key leads to.
    """

    database: str
    schema: str
    name: str
    key: str = ""
    nullable: str = ""


class Counted(NamedTuple):
    """How many rows, different keys and rows without one there are; `rows` -1 with the reason why not."""

    asked: CountAsked
    rows: int
    keys: int = -1
    nulls: int = 0
    at: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SessionTold:
    """One line about sessions: who, from where, when, and what is new about it."""

    login: str
    person: str
    identity: str
    database: str
    application: str
    address: str
    tls: bool
    sessions: int
    first: str
    last: str
    open: int
    example: str
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ColumnTold:
    """A column with personal data that could be reached, and what is known of it.

    `read`: named (a statement named it), among (one or more of these were), unknown (the table was read,
    which columns is not known), no (that it was read was not seen). `key`: for encrypted ones whether the
    login could open it: no, yes, opened (it was seen to), unknown; empty for clear ones.
    """

    name: str
    category: str
    read: str
    keeping: Keeping
    key: str
    way: str


@dataclass(frozen=True, slots=True)
class TableTold:
    """A table that could be reached, or was.

    `rows_given` is what statements gave as far as known; `rows_unknown` how many statements gave an unknown
    number. `at_most` rows there are, None where not known; `exact` tells whether they were counted.
    """

    database: str
    table: str
    logins: tuple[str, ...]
    read: bool
    statements: int
    commands: tuple[tuple[str, int], ...]
    evidence: tuple[str, ...]
    first: str
    last: str
    rows_given: int
    rows_unknown: int
    columns: tuple[ColumnTold, ...]
    rows_limited: bool
    shared: bool
    at_most: int | None
    exact: bool
    basis: str


@dataclass(frozen=True, slots=True)
class Bound:
    """An upper bound: None where it is not known. `exact` is False where an estimate is in it."""

    records: int | None
    persons: int | None
    exact: bool
    basis: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """A controller or processor, and whom to ask (art. 33(3)(b)); empty for what is not declared."""

    role: Literal["controller", "processor"]
    name: str
    contact: str
    dpo: str
    representative: str


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a category of data can lead to, in fixed words, and where they are from; for a person to judge."""

    category: str
    words: str
    source: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A finding that concerns the incident, by the check's id, and what would mend it."""

    check: str
    title: str
    severity: str
    kind: str
    name: str
    database: str
    evidence: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The 72 hours of art. 33(1): `source` says where `noticed_at` is from, empty for nobody said it."""

    noticed_at: str
    source: str
    until: str
    hours_left: float | None


@dataclass(frozen=True, slots=True)
class Source:
    """One source of evidence: what of the window it covers, and what it says about itself."""

    name: str
    covered: tuple[Span, ...] = ()
    gaps: tuple[Span, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """The breach file in the order of art. 33(3)(a) to (d), with its evidence and what could not be known."""

    made_at: str
    asked: Asked
    server: str
    policy: str
    controller: str = ""
    sessions: tuple[SessionTold, ...] = ()
    failures: tuple[FailureGroup, ...] = ()
    tables: tuple[TableTold, ...] = ()
    unnamed_reads: int = 0
    commands: tuple[CommandGroup, ...] = ()
    changes: tuple[ChangeGroup, ...] = ()
    alarms: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    read_bound: Bound | None = None
    bound: Bound | None = None
    contacts: tuple[Contact, ...] = ()
    consequences: tuple[Consequence, ...] = ()
    taken: tuple[str, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    deadline: Deadline
    communication: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    others: str = ""
