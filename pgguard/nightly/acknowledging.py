"""Findings that somebody takes up: nobody is told of them again until a day, and the history knows who."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pgguard.errors import InputError, UsageError
from pgguard.nightly.alerting import Acknowledged, AlertState, acknowledge
from pgguard.store.history import open_history

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from pgguard.store.history import History


def take_up(
    place: str,
    target: str,
    fingerprints: Sequence[str],
    by: str,
    now: datetime.datetime,
    until: datetime.datetime,
    note: str,
) -> list[str]:
    """What was taken up, in words: all of the findings or none.

    Raises `UsageError` for a beginning of a fingerprint that fits no finding that was told, or several,
    and for a server that is not remembered; `HistoryError` when the history cannot be read or written.
    """
    with open_history(place) as history:
        name = _target(history, target)
        key = f"alerts {name}"
        with history.writing():
            text = history.note(key)
            state = msgspec.json.decode(text, type=AlertState) if text else AlertState()
            after, found = acknowledge(state, fingerprints, Acknowledged(by, now, until, note))
            if len(set(found)) < len(set(fingerprints)):
                msg = (
                    "nothing was taken up: each beginning has to fit one finding that was told; told were "
                    f"{', '.join(sorted(one[:12] for one in state.alerted)) or 'none'}"
                )
                raise UsageError(msg)
            history.put_note(key, msgspec.json.encode(after).decode())
            said = []
            for one in found:
                for known in history.beginning(name, one):
                    history.acknowledged(name, known, f"by {by}, until {until:%Y-%m-%d}: {note or 'no note'}")
                    said.append(f"{known.check} {known.name}: {by} has it until {until:%Y-%m-%d}")
        return said


def _target(history: History, chosen: str) -> str:
    known = history.targets()
    if chosen and chosen in known:
        return chosen
    if chosen or len(known) != 1:
        msg = f"--target: say which server, of {', '.join(known) or 'none that is remembered'}"
        raise UsageError(msg) if known else InputError(msg)
    return known[0]
