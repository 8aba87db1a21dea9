"""The observations that a block of tests/checks/*.sql asks for."""

from __future__ import annotations

import ast
import contextlib
import datetime
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pgguard.model.audit_alarm import Alarm, Feed
from pgguard.model.observation import Coverage, LoginFailure, Observations, SessionSeen
from pgguard.model.reads import ReadsOfDay
from pgguard.model.register import Document
from pgguard.model.supervision import ChannelTest, Supervision
from pgguard.model.usage import MEANS, Gap, Need, Unattributed, Used

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def observations(watched: int, lines: list[str], failed: Sequence[str] = ()) -> Observations:
    """Sessions and refusals as the directives say them, in a log of so many days up to now."""
    today = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - datetime.timedelta(days=watched)
    # read up to now
    until = datetime.datetime.now(datetime.UTC)
    coverage = Coverage(_iso(since), _iso(until), "log", "server.csv", True, True, True, 0)
    sessions = [one for number, line in enumerate(lines) for one in _sessions(today, number, line)]
    failures = tuple(each for line in failed for each in _failures(line))
    return Observations(tuple(sorted(sessions, key=lambda one: one.started_at)), (coverage,), failures)


def audit_feed(database: str, reason: str, lines: list[str]) -> Feed:
    """What an audit store told, as the directives say it."""
    at = datetime.datetime.now(datetime.UTC).replace(hour=3, minute=7)
    told = [line.split(" ", 2) for line in lines]
    alarms = tuple(Alarm(rule, at, login, "", "", "", evidence) for rule, login, evidence in told)
    return Feed(database, alarms, (reason,) if reason != "asked" else ())


def ingested(days: int, lines: list[str], database: str) -> Observations:
    """Reads as the directives ingested and read say them."""
    now = datetime.datetime.now(datetime.UTC)
    since = now - datetime.timedelta(days=days)
    coverage = Coverage(_iso(since), _iso(now), "reads", "server.csv", False, False, False, 0)
    found = []
    for line in lines:
        ago, role, relation, *numbers = line.split()
        first, _, last = ago.rpartition("-")
        statements, rows, copies = map(int, numbers)
        for back in range(int(last), int(first or last) + 1):
            day = (now - datetime.timedelta(days=back)).strftime("%Y-%m-%d")
            found.append(ReadsOfDay(day, database, role, relation, statements, rows, copies))
    return Observations(coverage=(coverage,), reads=tuple(found))


def supervision(last_run: str, tested: list[str]) -> Supervision:
    """The history of nightly checks as the directives last-run and tested say it."""
    now = datetime.datetime.now(datetime.UTC)
    at = "" if last_run == "never" else (now - datetime.timedelta(hours=int(last_run))).isoformat()
    tests = {}
    for line in tested:
        name, reason = line.split(" ", 1)
        tests[name] = ChannelTest(now.isoformat(), "" if reason == "ok" else reason)
    return Supervision(at, tests)


def documents(lines: list[str]) -> dict[str, Document]:
    """The texts of contracts as the directives `document` say them."""
    found = {}
    for line in lines:
        path, _, reason = line.partition(" because ")
        path, _, digest = path.partition(" ")
        found[path] = Document(digest, reason)
    return found


@contextlib.contextmanager
def folder_of(mode: str, lines: list[str]) -> Iterator[Path]:
    """A folder with the files that the directives `file` say, until the end of the block."""
    # the folders above have to let other accounts through, as those of pytest do not
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        for line in lines:
            path, permissions, days, *rest = line.split(" ", 3)
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            text = ast.literal_eval('"' + "".join(rest).replace('"', '\\"') + '"')
            file.write_bytes(text.encode("latin-1"))
            file.chmod(int(permissions, 8))
            then = time.time() - int(days) * 86400
            os.utime(file, (then, then))
        folder.chmod(int(mode, 8))
        yield folder


def learnt(window: str, used: list[str], untold: list[str], database: str) -> Observations:
    """Statements as the directives `learnt`, `used` and `untold` say them."""
    days, source = window.split()
    today = datetime.datetime.now(datetime.UTC)
    since, until = _iso(today - datetime.timedelta(days=int(days) - 1)), _iso(today)
    uses = []
    for role, relation, column, operation in (one.split() for one in used):
        need = Need(role, "relation", relation, column, operation)
        uses.append(Used(database, need, since, until, 1, source))
    gaps = []
    for role, relation in (one.split() for one in untold):
        gap = Gap(role, "SELECT", "it was cut", "" if relation == "any" else relation)
        gaps.append(Unattributed(database, gap, since, until, 1, source))
    coverage = Coverage(since, until, MEANS, source, False, False, False, 0)
    return Observations(coverage=(coverage,), usage=tuple(uses), usage_gaps=tuple(gaps))


def _sessions(today: datetime.datetime, number: int, line: str) -> list[SessionSeen]:
    what, _, proof = line.partition(" as ")
    identity, _, method = proof.partition(" by ")
    days, role, hours, address, application = what.split(" ", 4)
    first, _, last = days.rpartition("-")
    begin, _, end = hours.partition("-")
    found = []
    for ago in range(int(last) if first else 0, int(first or last)):
        day = today - datetime.timedelta(days=ago + 1)
        # nobody is as punctual as a scheduler
        start = day + datetime.timedelta(hours=int(begin), minutes=(ago * 17 + number * 7) % 47)
        stop = day + datetime.timedelta(hours=int(end), minutes=(ago * 11) % 50)
        found.append(
            SessionSeen(
                f"{int(start.timestamp()):x}.{number:x}",
                role,
                "lab",
                application,
                "" if address == "local" else address,
                "",
                identity,
                method,
                False,
                _iso(start),
                _iso(stop),
                _iso(stop),
                "log",
            )
        )
    return found


def _failures(line: str) -> list[tuple[LoginFailure, int]]:
    times, hours, role, address = line.split()
    first = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=int(hours))
    found = []
    for number in range(int(times)):
        at = _iso(first + datetime.timedelta(seconds=number * 900 // int(times)))
        found.append((LoginFailure(at, role, "lab", "", address, "scram-sha-256", "28P01"), 1))
    return found


def _iso(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
