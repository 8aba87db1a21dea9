"""Questions about the cluster's parameters: what is in force, for whom, and what it comes to."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pgguard.analysis.hba.rules import beyond_loopback, rules
from pgguard.changes.settings import alter_system

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgguard.model.finding import Change
    from pgguard.model.snapshot import Snapshot

_AUTO = "postgresql.auto.conf"
_SHARED = "shared_preload_libraries"
_PRELOAD = (_SHARED, "session_preload_libraries")
# how SQL writes a boolean parameter that is off (manual, 19.1.1); PostgreSQL 18 keeps it as written in some
_OFF = frozenset({"off", "of", "false", "f", "no", "n", "0", ""})
_AMOUNT = re.compile(r"\s*(-?\d+(?:\.\d+)?)")
_FILES = frozenset({"stderr", "csvlog", "jsonlog"})
_AUDIT_CLASSES = frozenset({"read", "write", "function", "role", "ddl", "misc", "misc_set"})


def loaded(snapshot: Snapshot) -> frozenset[str]:
    """The names of the libraries that every session has loaded, without folder and ending.

    Raises `Unread` when the server does not show the parameters.
    """
    return frozenset(library for name in _PRELOAD for library in libraries(snapshot.setting(name).value))


def loaded_at_start(snapshot: Snapshot) -> frozenset[str]:
    """The names of the libraries that the server itself has loaded: they are there before anybody logs in.

    Raises `Unread` when the server does not show the parameter.
    """
    return frozenset(libraries(snapshot.setting(_SHARED).value))


def entries(value: str) -> tuple[str, ...]:
    """The entries of a parameter that is a list, in order."""
    parts = (part.strip().strip('"') for part in value.split(","))
    return tuple(part for part in parts if part)


def libraries(value: str) -> tuple[str, ...]:
    """The libraries that a preload parameter lists, without folder and ending."""
    return tuple(PurePosixPath(part).name.removesuffix(".so") for part in entries(value))


def is_off(value: str) -> bool:
    """Whether the value of a boolean parameter, however written, is off."""
    return value.strip().lower() in _OFF


def is_zero(value: str) -> bool:
    """Whether an amount, with or without its unit, is nothing (a timeout of 0 never ends anything)."""
    amount = _AMOUNT.match(value)
    return amount is not None and float(amount[1]) <= 0


def listens_beyond_loopback(snapshot: Snapshot) -> bool:
    """Whether the server has a TCP listener that other machines reach."""
    return any(
        part not in ("localhost", "::1") and not part.startswith("127.") for part in listeners(snapshot)
    )


def listeners(snapshot: Snapshot) -> tuple[str, ...]:
    """The entries of listen_addresses; none: there is only the socket."""
    return entries(snapshot.setting("listen_addresses").value)


def serves_other_machines(snapshot: Snapshot) -> bool:
    """Whether clients of other machines can get in: a listener that they reach, and a rule for them.

    Where pg_hba.conf may not be read they are taken to have one.
    """
    if not listens_beyond_loopback(snapshot):
        return False
    if "hba_rules" in snapshot.missing():
        return True
    return any(rule.method != "reject" and beyond_loopback(rule) for rule in rules(snapshot))


def destinations(snapshot: Snapshot) -> frozenset[str]:
    """Where the log goes, by log_destination: stderr, csvlog, jsonlog, syslog, eventlog."""
    return frozenset(part.lower() for part in entries(snapshot.setting("log_destination").value))


def writes_log_files(snapshot: Snapshot) -> bool:
    """Whether the server writes log files of its own."""
    return snapshot.setting("logging_collector").value == "on" and not _FILES.isdisjoint(
        destinations(snapshot)
    )


def by_database(snapshot: Snapshot, name: str) -> Mapping[str, str]:
    """A parameter's value for each database that sessions can be in, where no role has its own.

    ALTER DATABASE ... SET goes before ALTER ROLE ALL SET, and that before the cluster's value
    (manual, ALTER ROLE). Raises `Unread` when one of them could not be read.
    """
    everywhere = {
        one.database: one.value for one in snapshot.role_settings if one.name == name and not one.role
    }
    own = {database: value for database, value in everywhere.items() if database}
    places = [row.name for row in snapshot.databases if row.allow_connections and not row.is_template]
    # what the file says is not asked for where nothing of it is left
    if "" in everywhere or (places and own.keys() >= set(places)):
        general = everywhere.get("", "")
    else:
        general = snapshot.setting(name).value
    return {place: own.get(place, general) for place in places}


def by_role(snapshot: Snapshot, name: str) -> Mapping[str, frozenset[str]]:
    """The values that roles have for themselves, by role, in any database."""
    found: dict[str, set[str]] = {}
    for one in snapshot.role_settings:
        if one.name == name and one.role:
            found.setdefault(one.role, set()).add(one.value)
    return {role: frozenset(values) for role, values in found.items()}


def audited(snapshot: Snapshot) -> frozenset[str]:
    """The classes of statements that pgaudit writes to the log, whatever the database.

    Empty without pgaudit: the server shows its parameters only where it is loaded.
    """
    if not snapshot.has_setting("pgaudit.log"):
        return frozenset()
    classes = [audit_classes(value) for value in by_database(snapshot, "pgaudit.log").values()]
    return frozenset.intersection(*classes) if classes else frozenset()


def audit_classes(value: str) -> frozenset[str]:
    """The classes that a value of pgaudit.log comes to: `all, -misc` is all but misc."""
    found: frozenset[str] = frozenset()
    for entry in entries(value.lower()):
        name = entry.removeprefix("-").strip()
        named = _AUDIT_CLASSES if name == "all" else frozenset({name}) & _AUDIT_CLASSES
        found = found - named if entry.startswith("-") else found | named
    return found


def number(snapshot: Snapshot, name: str) -> int:
    """A parameter that is a whole number in its own unit (the manual says which).

    Raises `Unread` when the server does not show it.
    """
    return int(snapshot.setting(name).value)


def change(snapshot: Snapshot, name: str, value: str) -> Change:
    """ALTER SYSTEM for a parameter as the server has it: reload or restart, and back to what it was.

    Raises `Unread` when the server does not show the parameter.
    """
    setting = snapshot.setting(name)
    by_system = "file_settings" not in snapshot.missing() and any(
        row.name == name and row.applied and PurePosixPath(row.file).name == _AUTO
        for row in snapshot.file_settings
    )
    before = setting.value if by_system and not setting.masked else None
    return alter_system(name, value, restart=setting.context == "postmaster", before=before)


def ssl_is_on(snapshot: Snapshot) -> bool:
    """Whether the server is known to speak TLS."""
    return any(row.name == "ssl" and row.value == "on" for row in snapshot.settings)
