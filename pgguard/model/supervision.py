"""What is known of the nightly checks of a cluster: when one ended last, and which channels answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class ChannelTest(NamedTuple):
    """The last test of an alert channel (ISO 8601, UTC) and why it failed, empty when it answered."""

    at: str
    reason: str


class Supervision(NamedTuple):
    """What the history of nightly checks holds.

    `last_run` is when the last one that evaluated the cluster ended (ISO 8601, UTC), before the present one;
    empty when there was none. `tests` are the last tests of alert channels by name; `began` says whether the
    present look is itself a nightly check.
    """

    last_run: str = ""
    tests: Mapping[str, ChannelTest] = {}
    began: bool = False
