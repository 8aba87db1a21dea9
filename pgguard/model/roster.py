"""The roster: which person gets which login in place of which shared one."""

from __future__ import annotations

import datetime  # noqa: TC003 - the fields are values
from typing import NamedTuple


class RosterEntry(NamedTuple):
    """One person of roster.csv.

    `login` is the role that the person gets, `function` what the person does (it names the capability
    role), `replaces` the shared login, `until` the last day, None without an end. `line` is the line of
    the file, for messages.
    """

    person: str
    login: str
    email: str
    function: str
    replaces: str
    until: datetime.date | None
    line: int
