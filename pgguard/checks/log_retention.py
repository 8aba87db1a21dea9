"""Logs are kept too short to find a misuse, or so long that they are one.

Why it matters: a leak is often found after months, and then the log is all there is; but the log tells who
worked when, and holds what slipped into it, so that it is not kept for ever either: six months to a year
is what the CNIL recommends.

How to fix: let the log rotate (log_rotation_age, a log_filename with the date), have whoever collects it
keep it between log_days_least and log_days_most of the policy, and declare that ([logging] kept_days).

Silent when: the declared time is within the policy; nothing is logged into files here and what collects it
declares none (log-collector-off tells about that).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pgguard.analysis.names import setting_subject
from pgguard.analysis.settings import change
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot

severity = Severity.MEDIUM
references = ("CNIL recommendation journalisation",)
# after how many days a name made of these parts of the time comes again (strftime(3)); with none: at once
_CYCLES = {"Y": 36500, "y": 36500, "s": 36500, "F": 36500, "D": 36500, "j": 365, "m": 365, "b": 365, "B": 365}
_SHORT = {"d": 28, "e": 28, "a": 7, "A": 7, "u": 7, "w": 7, "H": 1, "I": 1}
_PART = re.compile(r"%[-_0^#EO]*([A-Za-z])")


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    least, most = policy.thresholds.log_days_least, policy.thresholds.log_days_most
    files = snapshot.setting("logging_collector").value == "on"
    if files:
        name = snapshot.setting("log_filename").value
        age = snapshot.setting("log_rotation_age").value
        if age == "0" and snapshot.setting("log_rotation_size").value == "0":
            yield Finding(
                setting_subject("log_rotation_age"),
                "log_rotation_age and log_rotation_size are 0: the log never rotates, and is kept for ever",
                fix=(change(snapshot, "log_rotation_age", "1d"),),
            )
            return
        days = _comes_again(name)
        if snapshot.setting("log_truncate_on_rotation").value == "on" and days < least:
            yield Finding(
                setting_subject("log_filename"),
                f"log_filename = {name} comes again after {days} days, and log_truncate_on_rotation then "
                f"empties it: {least} days are the least",
                fix=(change(snapshot, "log_truncate_on_rotation", "off"),),
            )
            return
    kept = policy.logging.kept_days
    if kept is None:
        msg = "how long the log is kept nobody has declared: [logging] kept_days"
        raise NotApplicable(msg)
    if not least <= kept <= most:
        yield Finding(
            setting_subject("log_filename" if files else "log_destination"),
            f"the log is kept for {kept} days, and {least} to {most} are the policy's",
        )


def _comes_again(name: str) -> int:
    """Days until a file gets the same name again."""
    parts = set(_PART.findall(name))
    whole = max((_CYCLES.get(one, 0) for one in parts), default=0)
    return whole or max((_SHORT.get(one, 0) for one in parts), default=0)
