"""Sections raise when they could not be read."""

from __future__ import annotations

import pytest

from pgguard.errors import Unread
from pgguard.model.rows import Acl, Grant, Slot
from pgguard.model.snapshot import DatabaseSnapshot, Missing, Snapshot

SLOT = Slot("old", "physical", "", False, 5)


def test_touching_a_missing_section_raises_with_the_servers_reason() -> None:
    snapshot = Snapshot({"slots": Missing("permission denied")}, [])
    with pytest.raises(Unread, match="slots could not be read: permission denied"):
        _ = snapshot.slots


def test_a_section_that_nobody_filled_is_missing_too() -> None:
    with pytest.raises(Unread, match="not in the snapshot"):
        _ = Snapshot({}, []).roles
    assert "roles" in Snapshot({}, []).missing()


def test_rows_come_back_as_they_are() -> None:
    assert Snapshot({"slots": (SLOT,)}, []).slots == (SLOT,)


def test_a_database_names_itself_when_it_is_unread() -> None:
    database = DatabaseSnapshot({"relations": Missing("gone")}, "lab")
    with pytest.raises(Unread, match="relations of database lab could not be read: gone"):
        _ = database.relations


def test_acls_are_looked_up_by_key() -> None:
    grant = Grant("public", "SELECT", False, "owner")
    database = DatabaseSnapshot({"acls": (Acl("=r/owner", (grant,)),)}, "lab")
    assert database.grants("=r/owner") == (grant,)
    assert database.grants("") == ()


def test_section_types_are_known_in_order() -> None:
    assert list(DatabaseSnapshot.section_types())[:2] == ["schemas", "relations"]
