"""What one look at the catalog saw otherwise than the look before."""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """One thing that changed between two looks of the catalog watch.

    `at` is when it was seen, UTC in ISO 8601; `before` is None of what was not there,
    `after` of what is gone.
    """

    at: str
    object: str
    before: str | None
    after: str | None
