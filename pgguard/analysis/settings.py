"""Questions about the cluster's parameters."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pgguard.model.snapshot import Snapshot

_PRELOAD = ("shared_preload_libraries", "session_preload_libraries")


def loaded(snapshot: Snapshot) -> frozenset[str]:
    """The names of the libraries that every session has loaded, without folder and ending.

    Raises `Unread` when the server does not show the parameters.
    """
    return frozenset(library for name in _PRELOAD for library in libraries(snapshot.setting(name).value))


def libraries(value: str) -> tuple[str, ...]:
    """The libraries that a preload parameter lists, without folder and ending."""
    parts = (part.strip().strip('"') for part in value.split(","))
    return tuple(PurePosixPath(part).name.removesuffix(".so") for part in parts if part)


def listens_beyond_loopback(snapshot: Snapshot) -> bool:
    """Whether the server has a TCP listener that other machines reach."""
    return any(
        part not in ("localhost", "::1") and not part.startswith("127.") for part in listeners(snapshot)
    )


def listeners(snapshot: Snapshot) -> tuple[str, ...]:
    """The entries of listen_addresses; none: there is only the socket."""
    value = snapshot.setting("listen_addresses").value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def number(snapshot: Snapshot, name: str) -> int:
    """A parameter that is a whole number in its own unit (the manual says which).

    Raises `Unread` when the server does not show it.
    """
    return int(snapshot.setting(name).value)
