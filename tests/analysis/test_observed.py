"""Whether the logs that were read leave no time out."""

from __future__ import annotations

import datetime

import pytest

from pgguard.analysis.observed import logged_through
from pgguard.model.observation import Coverage

DAY = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)


def _window(first: float, last: float, *, means: str = "log", connections: bool = True) -> Coverage:
    begins, ends = (
        (DAY + datetime.timedelta(hours=one)).strftime("%Y-%m-%dT%H:%M:%SZ") for one in (first, last)
    )
    return Coverage(begins, ends, means, "server.csv", connections, True, True, 0)


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([_window(-1, 20)], True),
        # a log that is read every night, in pieces
        ([_window(4, 20), _window(-20, 4)], True),
        ([_window(-20, 4), _window(4.1, 20)], True),
        ([_window(-20, 4), _window(6, 20)], False),
        ([_window(1, 20)], False),
        ([_window(-1, 8)], False),
        ([_window(-1, 20, connections=False)], False),
        ([_window(-1, 20, means="sample")], False),
        ([], False),
    ],
)
def test_pieces_on_end_are_one(windows: list[Coverage], expected: bool) -> None:
    assert logged_through(windows, DAY, DAY + datetime.timedelta(hours=12)) is expected
