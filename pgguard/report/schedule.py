"""The nightly run as an entry of cron, or as a service and a timer of systemd.

Every word of the command is quoted for whoever reads it: sh in cron, where % ends a line (crontab(5)), and
systemd, where % and $ are expanded (systemd.service(5), systemd.unit(5)).
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


_SECONDS = 7200


class Nightly(NamedTuple):
    """What runs when: the command's words, hour and minute, seconds of random delay, a lock, the user.

    `state` is the folder where history and lock are kept; `user` is empty for whoever installs the entry.
    """

    command: tuple[str, ...]
    hour: int
    minute: int
    delay: int
    state: str
    user: str = ""


def cron(run: Nightly) -> str:
    """Lines for `crontab -e`, or with a user for a file in /etc/cron.d.

    A second run does not begin while the first is there (flock(1)); what the run prints is mailed by cron.
    """
    words = " ".join(map(shlex.quote, run.command))
    lock = shlex.quote(f"{run.state}/nightly.lock")
    wait = f"sleep $(shuf -i 0-{run.delay} -n 1); " if run.delay else ""
    # a server that takes the connection and never answers must not hold the lock for ever
    line = f"{wait}exec flock --nonblock --conflict-exit-code 3 {lock} timeout {_SECONDS} {words}"
    user = f"{run.user} " if run.user else ""
    # an unescaped % would be the end of the command
    escaped = line.replace("%", r"\%")
    return "\n".join(
        [
            "# pgguard: the nightly check. It prints only when something changed; cron mails that.",
            "# A password comes from ~/.pgpass or a service file, never from this line.",
            f"{run.minute} {run.hour} * * * {user}mkdir -p {shlex.quote(run.state)} && {{ {escaped}; }}",
            "",
        ]
    )


def systemd(run: Nightly) -> str:
    """A service and a timer, each headed by the name of its file."""
    words = " ".join(map(_systemd_word, run.command))
    folder = run.state.rsplit("/", 1)[-1]
    return "\n".join(
        [
            "# /etc/systemd/system/pgguard-check.service",
            "[Unit]",
            "Description=pgguard: nightly check of PostgreSQL",
            "Wants=network-online.target",
            "After=network-online.target",
            "",
            "[Service]",
            "Type=oneshot",
            f"User={run.user or 'pgguard'}",
            f"ExecStart={words}",
            "# findings are no failure of the unit; 3 (something could not be looked at) is",
            "SuccessExitStatus=1",
            f"StateDirectory={folder}",
            "StateDirectoryMode=0700",
            "UMask=0077",
            f"TimeoutStartSec={_SECONDS}",
            "NoNewPrivileges=yes",
            "CapabilityBoundingSet=",
            "AmbientCapabilities=",
            "ProtectSystem=strict",
            "ProtectHome=read-only",
            "PrivateTmp=yes",
            "PrivateDevices=yes",
            "ProtectKernelTunables=yes",
            "ProtectKernelModules=yes",
            "ProtectKernelLogs=yes",
            "ProtectControlGroups=yes",
            "ProtectClock=yes",
            "ProtectHostname=yes",
            "ProtectProc=invisible",
            "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
            "RestrictNamespaces=yes",
            "RestrictRealtime=yes",
            "RestrictSUIDSGID=yes",
            "LockPersonality=yes",
            "SystemCallArchitectures=native",
            "SystemCallFilter=@system-service",
            "SystemCallFilter=~@privileged @resources",
            "",
            "# /etc/systemd/system/pgguard-check.timer",
            "[Unit]",
            "Description=pgguard: every night",
            "",
            "[Timer]",
            f"OnCalendar=*-*-* {run.hour:02}:{run.minute:02}:00",
            f"RandomizedDelaySec={run.delay}",
            "# a machine that was off at that hour makes up for it",
            "Persistent=true",
            "",
            "[Install]",
            "WantedBy=timers.target",
            "",
            "# systemctl daemon-reload && systemctl enable --now pgguard-check.timer",
            "",
        ]
    )


def words_of(program: str, options: Sequence[str]) -> tuple[str, ...]:
    """The command: the program by its whole path, because cron and systemd know no other."""
    return (program, "check", *options)


def _systemd_word(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    plain = all(one.isalnum() or one in "/._-=:@,+%$" for one in word) and word
    return escaped if plain else f'"{escaped}"'
