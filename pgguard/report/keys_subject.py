"""One person erased, and a new epoch of the persons' keys, in words: what is gone, and what still opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgguard.server.keys_subject import Erasure, NewEpoch


def erased(found: Erasure) -> str:
    """What of a person cannot be opened any more, what is left, and what closes it."""
    gone = "was destroyed before" if found.before else "is destroyed"
    lines = [
        f"the key of that person {gone}: nothing opens their encrypted values in this database any more",
        *(
            f"{one.name}: {plural(one.rows, 'row')}, {plural(one.values, 'value')} that nobody can read, "
            f"{plural(one.indexed, 'blind index value')} emptied"
            for one in found.tables
        ),
        "not erased: the rows themselves, their columns in clear, and what was copied out of this database",
    ]
    if not found.rewritten:
        lines.append(
            "pages of pgguard.subject_key may still hold the wrapped secret: pgguard keys new-epoch makes it "
            "worthless, VACUUM FULL pgguard.subject_key removes it"
        )
    if any(one.indexed for one in found.tables):
        lines.append(
            "emptied blind index values lie in dead rows and in pages of indexes until VACUUM FULL: they "
            "tell a value to who guesses it and has the index key"
        )
    lines += [
        "backups, dumps, standbys that lag, and WAL from before still hold the wrapped secret: it opens with "
        f"the key-encryption key of its time (up to epoch {found.epoch})",
        "to close these too, in this order: pgguard keys new-epoch, pgguard keys rotate-kek, and destroy the "
        "old key-encryption key with all its copies",
    ]
    return _text(lines)


def new_epoch(found: NewEpoch) -> str:
    """Whether the new subject key is in use; then what opens what."""
    if not found.used:
        waits = [plural(found.sessions, "session")] if found.sessions else []
        waits += [f"those of {plural(found.standbys, 'standby')}"] if found.standbys else []
        return _text(
            [
                f"subject key {found.key.id} is made; it opens, and seals nothing yet: "
                f"{' and '.join(waits)} from before may not have it",
                "when they have connected anew, run this again; --at-once does not wait for them",
            ]
        )
    lines = [
        f"{plural(found.wrapped, 'secret')} of persons sealed anew with the subject key {found.key.id}; the "
        "one before is destroyed",
        "copies from before open what was erased only with the subject key of then, which was wrapped under "
        f"key-encryption keys up to epoch {found.epoch} and never under a later one",
        "next: pgguard keys rotate-kek, and destroy those key-encryption keys with their escrow copies and "
        "host key files: as long as one exists, backups, dumps, standbys that lag and WAL from before open "
        "with it",
    ]
    if found.sessions:
        lines.append(
            f"{plural(found.sessions, 'session')} from before may have the old one in memory until they end, "
            "and may have to unlock again"
        )
    if not found.rewritten:
        lines.append(
            "the table of keys still holds the old row, because somebody uses it or may still see it: "
            "VACUUM FULL pgguard.key when long transactions have ended"
        )
    return _text(lines)


def _text(lines: Iterable[str]) -> str:
    return "".join(visible(line) + "\n" for line in lines)
