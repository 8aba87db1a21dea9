"""What was seen of the sessions of a cluster over time: from server logs, or by looking now and then.

No statement, no parameter and no value is kept. Times are ISO 8601 in UTC, empty for "not known" and
"not yet".
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pgguard.model.reads import ReadsOfDay
    from pgguard.model.usage import Unattributed, Used


class SessionSeen(NamedTuple):
    """One session of a client.

    `session` is unique in the cluster: the log's session id (%c, start time and process id in
    hexadecimal), which pg_stat_activity's backend_start and pid give too. `address` is empty for the
    local socket, `host` the name that log_hostname gave. `identity` is what authenticated, as the log's
    "connection authenticated" line or system_user tells it (certificate's name, principal, directory
    user, system user), empty where none is known; `method` the method of that, empty where not known.
    `seen_by` is log or sample; `last_seen_at` the latest moment at which the session certainly was.
    """

    session: str
    role: str
    database: str
    application: str
    address: str
    host: str
    identity: str
    method: str
    tls: bool
    started_at: str
    last_seen_at: str
    ended_at: str
    seen_by: str


class LoginFailure(NamedTuple):
    """One refused login: the SQLSTATE (28P01, 28000, 53300, ...) or empty where the log has none."""

    at: str
    role: str
    database: str
    application: str
    address: str
    method: str
    sqlstate: str


class Coverage(NamedTuple):
    """A window that was watched.

    means: log, sample, statements (see `usage`). `identities` tells whether authenticated identities were
    logged, `connections` whether connections and `disconnections` whether their ends were. `gaps` counts the
    lines or moments in it that could not be read.
    """

    since: str
    until: str
    means: str
    source: str
    connections: bool
    disconnections: bool
    identities: bool
    gaps: int


class Grade(enum.Enum):
    """How sure it is that one login is used by several people, from certain to unknowable."""

    PROVEN = "proven"
    STRONG = "strong"
    POSSIBLE = "possible"
    CONFIGURED = "configured"
    NOT_ASSESSABLE = "not-assessable"
    NONE = "none"


class Assessment(NamedTuple):
    """What the observations say of one login.

    `at_least` is the peak of people at the same time that must be assumed; `reasons` one sentence each;
    `examples` rows of the observation that show it (day, identity or address, application).
    """

    role: str
    grade: Grade
    at_least: int
    reasons: tuple[str, ...]
    examples: tuple[str, ...]


class Observations(NamedTuple):
    """What the observation store holds, as far back as the checks look; refusals with how often they came.

    What statements took, and what of them could not be told, is of all the time that the store remembers.
    """

    sessions: tuple[SessionSeen, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    failures: tuple[tuple[LoginFailure, int], ...] = ()
    usage: tuple[Used, ...] = ()
    usage_gaps: tuple[Unattributed, ...] = ()
    reads: tuple[ReadsOfDay, ...] = ()
