"""How the audit store stands, and what verifying it found, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.report.text import visible

if TYPE_CHECKING:
    from datetime import datetime

    from pgguard.model.evidence import Verified
    from pgguard.server.audit_keep import Status

_DAY = 86400.0


def verified(found: Verified) -> str:
    """What verifying found: the first fault first."""
    lines = []
    for one in found.bad:
        where = f"entry {one.entry} (seal {one.seal})" if one.entry and one.seal else ""
        where = where or (f"entry {one.entry}" if one.entry else f"seal {one.seal}")
        lines.append(f"TAMPERED  {where} {one.what}")
    if found.bad_count > len(found.bad):
        lines.append(f"and {found.bad_count - len(found.bad):,} more")
    if found.last_seal:
        read = f"{found.entries:,} entries under the seals {found.first_seal:,} to {found.last_seal:,}"
        lines.append(
            f"{read}: " + (f"{found.bad_count:,} faults" if found.bad else "all are as they were sealed")
        )
    if found.purged or found.erased:
        lines.append(f"of these {found.purged:,} were purged and {found.erased:,} erased, as entries tell")
    lines.append(
        f"anchors vouch for the seals up to {found.anchored:,}, made {found.anchored_at}"
        if found.anchored
        else "no anchor vouches for the last seal: whoever can rewrite all seals is not found out"
    )
    if found.unsealed:
        lines.append(
            f"{found.unsealed:,} entries since {found.unsealed_since} are not sealed yet: they prove nothing"
        )
    lines += found.remarks
    return "\n".join(visible(line) for line in lines) + "\n"


def status(found: Status, wrong: list[str]) -> str:
    """How the store stands, and what of it wants somebody's attention."""
    sealed = f"{found.seals:,} seals over {found.sealed_entries:,} entries"
    lines = [
        f"sealed      {sealed}, the last one {_ago(found, found.sealed_at)}",
        f"unsealed    {found.unsealed:,} entries"
        + (f", the oldest {_ago(found, found.unsealed_since)}" if found.unsealed_since else ""),
    ]
    if found.holder_since is not None:
        who = f"{found.holder_kind} {found.holder_pid}" if found.holder_pid else found.holder_kind
        lines.append(
            f"held back   {who} began {_ago(found, found.holder_since)}: nothing newer is sealed before"
        )
    lines.append(f"partitions  for {found.ahead:.0f} more days")
    lines.append(f"entry_rest  {f'{found.in_rest:,} entries' if found.in_rest else 'empty'}")
    result = {True: "in order", False: "TAMPERED", None: ""}[found.verified_ok]
    lines.append(
        f"verified    {_ago(found, found.verified_at)}"
        + (f" up to seal {found.verified_last:,}: {result}" if found.verified_last is not None else "")
    )
    lines += [f"!           {one}" for one in wrong]
    return "\n".join(visible(line) for line in lines) + "\n"


def wrong(found: Status, max_lag: float) -> list[str]:
    """What of the store's state wants somebody's attention."""
    said = []
    if found.lag > max_lag:
        said.append(f"entries have waited {found.lag:.0f} s for a seal: is pgguard audit seal running?")
    if found.moved:
        said.append("the store came into this cluster, and nothing was sealed here yet")
    if found.ahead < 1:
        said.append("there is no partition for tomorrow: pgguard audit partitions")
    if found.in_rest:
        said.append("entries are in entry_rest, because a partition was missing: pgguard audit partitions")
    if found.verified_ok is False:
        said.append(f"the last verification failed: {found.verified_said}")
    return said


def _ago(found: Status, when: datetime | None) -> str:
    if when is None:
        return "never"
    seconds = (found.now - when).total_seconds()
    if seconds < _DAY:
        return f"{max(seconds, 0.0):.0f} s ago"
    return f"{seconds / _DAY:.0f} days ago"
