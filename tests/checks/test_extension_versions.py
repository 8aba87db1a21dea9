"""Versions of extensions are compared as numbers where they are numbers."""

from __future__ import annotations

import pytest

from pgguard.checks.ext_outdated import _older


@pytest.mark.parametrize(
    ("installed", "newest", "older"),
    [
        ("1.9", "1.10", True),
        ("1.10", "1.9", False),
        ("3.4.0", "3.4.0", False),
        ("2.17-1", "2.17-2", True),
        ("3.1dev", "3.1", True),
        ("beta", "beta", False),
    ],
)
def test_older(installed: str, newest: str, *, older: bool) -> None:
    assert _older(installed, newest) is older
