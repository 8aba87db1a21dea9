"""Alarms of the audit as ECS documents, one a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pgguard.report.audit_ecs import ECS_VERSION, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.model.audit_alarm import Alarm

_AUTHENTICATION = "failed-logins"
_DATABASE = ("mass-change", "mass-read", "new-origin", "odd-hours", "forged-claim", "rows-not-told")


def json_lines(alarms: Iterable[Alarm], database: str) -> Iterator[str]:
    """One document a line, `event.kind` alert."""
    for one in alarms:
        yield msgspec.json.encode(_document(one, database)).decode("utf-8") + "\n"


def _document(alarm: Alarm, database: str) -> dict[str, Any]:
    failed = alarm.rule == _AUTHENTICATION
    category = "authentication" if failed else "database" if alarm.rule in _DATABASE else "configuration"
    people = [one for one in (alarm.login, alarm.claimed.removeprefix("unsigned: ")) if one]
    whole: dict[str, Any] = {
        "@timestamp": moment(alarm.at),
        "ecs": {"version": ECS_VERSION},
        "event": {
            "kind": "alert",
            "category": [category],
            "type": ["start" if failed else "change"],
            "outcome": "failure" if failed else "success",
            "action": alarm.rule,
            "module": "pgguard",
            "dataset": "pgguard.audit",
        },
        "rule": {"name": alarm.rule},
        "message": alarm.evidence or alarm.object,
        "related": {"user": people},
    }
    if alarm.login:
        whole["user"] = {"name": alarm.login}
    if alarm.client:
        whole["source"] = {"ip": alarm.client}
    own = {"database": database, "object": alarm.object, "claimed": alarm.claimed, "entry": alarm.entry}
    whole["pgguard"] = {name: value for name, value in own.items() if value}
    return whole
