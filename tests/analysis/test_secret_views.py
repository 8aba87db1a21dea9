"""Views of the catalog that cannot be followed are not taken for harmless."""

from __future__ import annotations

import pytest

from pgguard.analysis.secret_views import _handed_on
from pgguard.model.snapshot import DatabaseSnapshot

SECRETS = {"pg_authid": ("rolpassword",), "pg_statistic": ("stavalues1",)}


@pytest.mark.parametrize("text", ["***", "SELECT rolpassword FROM", "VALUES (1); SELECT 1"])
def test_what_cannot_be_read_hands_on_what_it_names(text: str) -> None:
    handed = _handed_on(DatabaseSnapshot({}, "lab"), f"{text} -- pg_authid", SECRETS, {})
    assert handed == {"rolpassword": frozenset({"pg_authid"})}


def test_what_is_read_hands_on_only_what_it_shows() -> None:
    text = "SELECT rolname, rolpassword AS secret FROM pg_authid"
    handed = _handed_on(DatabaseSnapshot({}, "lab"), text, SECRETS, {})
    assert handed == {"secret": frozenset({"pg_authid"})}
