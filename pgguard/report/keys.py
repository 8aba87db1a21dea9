"""Keys in words: what there is, what is still to be done, and what follows from each change; never a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.quote import ident
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Sequence

    from pgguard.server.keys import Drill, Rotation
    from pgguard.server.keys_destroy import Destruction
    from pgguard.server.keys_state import Key, Status

_SHOWN_SESSIONS = 10


def status(found: Status) -> str:
    """Epoch, keys, values by column and key, and what is to be done."""
    lines = [f"database {ident(found.database)}, installation {found.installation}"]
    epoch = found.current
    if epoch:
        lines.append(
            f"key-encryption key of epoch {epoch.epoch}, in use since {_day(epoch.created_at)}; escrow copy "
            f"{_day(epoch.escrow_at)}, restore drill {_day(epoch.drill_at)}"
        )
    if found.host_key_file:
        lines.append(f"programs that do not unlock take it from {found.host_key_file} on the server")
    lines += _table(
        [("key", "group", "purpose", "state", "epoch", "made", "values")]
        + [
            (
                one.id,
                one.group,
                one.purpose,
                one.state,
                str(one.epoch or ""),
                _day(one.created_at),
                _values(found, one),
            )
            for one in found.keys
        ]
    )
    for column in found.columns:
        if column.counts is None:
            lines.append(f"{column.name}: not counted{': ' if column.why else ''}{column.why}")
        else:
            under = [f"{count} under {id_}" for id_, count in sorted(column.counts.items())]
            lines.append(f"{column.name}: {', '.join(under) or 'no values'}")
    lines += [f"to do: {one}" for one in lacking(found)]
    return _text(lines)


def lacking(found: Status) -> list[str]:
    """What has to be done before data may rest on these keys."""
    epoch = found.current
    if epoch is None:
        return ["there is no key-encryption key in use: pgguard keys init"]
    told = []
    if epoch.escrow_at is None:
        told.append(
            "there is no escrow copy of the key-encryption key, and if it is lost the data are: "
            "pgguard keys escrow"
        )
    if epoch.drill_at is None:
        told.append("nobody has opened anything with the escrow copy yet: pgguard keys restore-drill")
    elif epoch.escrow_at is not None and epoch.drill_at < epoch.escrow_at:
        told.append("the last escrow copy was made after the last drill: pgguard keys restore-drill")
    told += [
        f"{plural(count, 'value')} under the key {id_}, which is not in the table of keys: that was restored "
        "from elsewhere, or is an old one"
        for id_, count in sorted(found.strange.items())
    ]
    wrong = [one for one in found.keys if one.state != "destroyed" and one.epoch != epoch.epoch]
    told += [f"key {one.id} is wrapped under epoch {one.epoch}: the table of keys was mixed" for one in wrong]
    told += [
        f"key {one.id} of group {one.group} waits to be used: "
        + (
            "pgguard keys new-epoch"
            if one.purpose == "subject"
            else f"pgguard keys rotate --group {one.group}" + (" --index" if one.purpose == "index" else "")
        )
        for one in found.keys
        if one.state == "next"
    ]
    told += [
        f"secrets of persons are still under the subject key {one.id} of before: pgguard keys new-epoch"
        for one in found.keys
        if (one.purpose, one.state) == ("subject", "retired")
    ]
    return told


def exit_code(found: Status, *, counted: bool = True) -> int:
    """0: nothing to do; 1: something; 3: a column could not be counted."""
    if lacking(found):
        return 1
    return 3 if counted and any(one.counts is None for one in found.columns) else 0


def made(groups: Sequence[str], file: str) -> str:
    """What init did, and what comes next."""
    lines = [f"keys for the groups {', '.join(groups)}" if groups else "all these groups have their keys"]
    if file:
        lines.append(f"the key-encryption key is in {file}, and nowhere else")
    lines += [
        "if the key-encryption key is lost, everything under it is lost: there is no way round it",
        "next: pgguard keys escrow --to HOLDER.pem -o FILE, then pgguard keys restore-drill with that copy",
    ]
    return _text(lines)


def rotated(found: Rotation) -> str:
    """Whether the new key is in use, and if not, what it waits for."""
    key = found.key
    lines = [f"key {key.id} of group {key.group} ({key.purpose}) is made"] if found.made else []
    if found.used:
        if key.purpose == "index":
            lines.append(
                f"key {key.id} is the index key now; the one before is not needed any more: "
                "pgguard keys destroy"
            )
            return _text(lines)
        lines.append(f"key {key.id} seals from now on, and the one before goes on opening what it sealed")
        if found.sessions or found.standbys:
            lines.append("sessions from before cannot open what it seals until they unlock again")
        lines.append(
            "values are sealed anew in the background: pgguard keys status counts those under old keys"
        )
        return _text(lines)
    if found.indexed:
        lines.append(
            f"it is not used yet: values of {', '.join(found.indexed)} are indexed with the one before, and "
            "would not be found any more"
        )
        lines.append(
            "let programs connect anew, so that they have it; then pgguard plan --index-keys -o FOLDER "
            "makes a second index beside the first one and moves to it; afterwards run this again"
        )
        return _text(lines)
    lines.append(
        "it opens, and seals nothing yet: sessions that were unlocked before cannot open what it seals"
    )
    for one in found.sessions[:_SHOWN_SESSIONS]:
        lines.append(f"  session {one.pid} {one.user} {one.application}".rstrip())
    if len(found.sessions) > _SHOWN_SESSIONS:
        lines.append(f"  and {len(found.sessions) - _SHOWN_SESSIONS} more")
    if found.standbys:
        lines.append(f"  and those of {plural(found.standbys, 'standby')}, which are not seen from here")
    lines.append("when they have connected anew, run this again; --at-once does not wait for them")
    return _text(lines)


def rotated_kek(epoch: int, rewritten: bool) -> str:
    """What is to be done after a change of the key-encryption key."""
    lines = [
        f"all keys are wrapped under the new key-encryption key, in epoch {epoch}",
        "give it now to every program that unlocks: with the old one none can any more; open sessions go on",
        "destroy the old one and its escrow copies: backups and WAL from before open with it as long as it "
        "exists anywhere",
        "the new one has no escrow copy yet: pgguard keys escrow, pgguard keys restore-drill",
    ]
    return _text(lines + _left(rewritten))


def drilled(found: Drill) -> str:
    """What the escrow copy opened."""
    lines = [f"the escrow copy opened {plural(found.keys, 'key')} of epoch {found.epoch}"]
    lines += [f"{column}: {plural(count, 'value')} opened" for column, count in found.values.items()]
    if not any(found.values.values()):
        lines.append("no value is stored yet: do it again when there are some")
    return _text(lines)


def destroyed(found: Destruction) -> str:
    """What is gone, and where it still is."""
    lines = [
        f"destroyed: {_names(found.keys)}; {plural(found.values, 'value')} under "
        f"{'it' if len(found.keys) == 1 else 'them'} cannot be opened in this database any more",
        "WAL, archives, standbys and backups from before still hold the wrapped key: it opens with the "
        f"key-encryption key of its time (up to epoch {found.epoch}), until that one is replaced "
        "(pgguard keys rotate-kek) and destroyed with its escrow copies",
    ]
    if found.sessions:
        lines.append(f"{plural(found.sessions, 'session')} may have it in memory until they end")
    return _text(lines + _left(found.rewritten))


def _left(rewritten: bool) -> list[str]:
    if rewritten:
        return []
    return [
        "the table of keys still holds the old rows, because somebody uses it or may still see them: "
        "VACUUM FULL pgguard.key when long transactions have ended"
    ]


def _values(found: Status, key: Key) -> str:
    if any(one.counts is None for one in found.columns):
        return "unknown"
    return str(found.values_under(key))


def _names(keys: Iterable[Key]) -> str:
    return ", ".join(f"{one.id} ({one.group}, {one.purpose})" for one in keys)


def _day(moment: datetime.datetime | None) -> str:
    return "not done" if moment is None else f"{moment:%Y-%m-%d}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _text(lines: Iterable[str]) -> str:
    return "".join(visible(line) + "\n" for line in lines)
