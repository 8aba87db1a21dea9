"""What no SQL can change: said as a comment, so that it stands in order with the rest."""

from __future__ import annotations

from pgguard.model.finding import Change


def by_hand(what: str, *, first: bool = False) -> Change:
    """A step that a person takes outside SQL (a line of pg_hba.conf, a file's permissions).

    `first`: what comes after it in the same fix waits for it.
    """
    return Change(sql="-- " + " ".join(what.split()), undo="", lock="none", transactional=False, first=first)
