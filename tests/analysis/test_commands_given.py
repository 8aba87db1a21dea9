"""Commands told from their text: the tag and the object, and never what stands beside them."""

from __future__ import annotations

import pytest

from pgguard.analysis.commands_given import commands_given

PASSWORD = "hunter-2-made-up"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"CREATE ROLE bob LOGIN PASSWORD '{PASSWORD}'", ("CREATE ROLE", "ROLE", "bob")),
        (f"ALTER USER bob PASSWORD '{PASSWORD}'", ("ALTER ROLE", "ROLE", "bob")),
        (f"ALTER ROLE CURRENT_USER PASSWORD '{PASSWORD}'", ("ALTER ROLE", "ROLE", "CURRENT_USER")),
        (f"ALTER ROLE bob SET app.secret = '{PASSWORD}'", ("ALTER ROLE", "ROLE", "bob")),
        (f"ALTER ROLE ALL SET app.secret = '{PASSWORD}'", ("ALTER ROLE", "ROLE", "ALL")),
        ("ALTER ROLE bob RENAME TO alice", ("ALTER ROLE", "ROLE", "bob")),
        ("DROP ROLE bob, alice", ("DROP ROLE", "ROLE", "bob, alice")),
        ("GRANT readers, writers TO bob", ("GRANT ROLE", "ROLE", "readers, writers")),
        ("REVOKE readers FROM bob", ("REVOKE ROLE", "ROLE", "readers")),
        (f"ALTER SYSTEM SET app.secret = '{PASSWORD}'", ("ALTER SYSTEM", "PARAMETER", "app.secret")),
        ("ALTER SYSTEM RESET ALL", ("ALTER SYSTEM", "PARAMETER", "ALL")),
        (f"ALTER DATABASE lab SET app.secret = '{PASSWORD}'", ("ALTER DATABASE", "DATABASE", "lab")),
        ("ALTER DATABASE lab OWNER TO bob", ("ALTER DATABASE", "DATABASE", "lab")),
        ("GRANT CONNECT ON DATABASE lab TO bob", ("GRANT", "DATABASE", "lab")),
        ("GRANT SET ON PARAMETER work_mem TO bob", ("GRANT", "PARAMETER", "work_mem")),
        (
            "ALTER EVENT TRIGGER pgguard_audit_ddl DISABLE",
            ("ALTER EVENT TRIGGER", "EVENT TRIGGER", "pgguard_audit_ddl"),
        ),
        (
            "DROP EVENT TRIGGER pgguard_audit_ddl",
            ("DROP EVENT TRIGGER", "EVENT TRIGGER", "pgguard_audit_ddl"),
        ),
        # what cannot be parsed may hold anything
        (f"ALTER ROLE bob PASSWORD '{PASSWORD}", ("ALTER", "", "")),
    ],
)
def test_the_command_and_its_object(text: str, told: tuple[str, str, str]) -> None:
    assert list(commands_given(text)) == [told]
    assert PASSWORD not in str(list(commands_given(text)))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "GRANT SELECT ON lab.patient TO bob",
        "CREATE TABLE t (a int)",
        "ALTER TABLE t ADD b int",
        "",
    ],
)
def test_what_event_triggers_see_is_left_to_them(text: str) -> None:
    assert list(commands_given(text)) == []
