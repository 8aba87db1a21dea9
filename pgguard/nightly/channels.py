"""How messages go out: through apprise, with what a channel's address hides kept out of every message.

An address may hold a password or a token. It is read from the environment or from a private file when it is
used, and what apprise says about it is thrown away: only whether it went out is told.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import secrets
import socket
import stat
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pgguard.errors import InputError

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping, Sequence

    from pgguard.model.policy import AlertChannel, Alerts
    from pgguard.nightly.alerting import Message

_SECONDS = 10.0
# where syslog(3) sends to; journald listens there too
_LOG = "/dev/log"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LONGEST = 4096


class Sent(NamedTuple):
    """Whether a message went out by a channel, and why not: empty when it did."""

    channel: str
    reason: str


def send(
    message: Message, channels: Sequence[AlertChannel], environment: Mapping[str, str]
) -> tuple[Sent, ...]:
    """Sends a message by all channels of its level, each whatever becomes of the others.

    An escalation without channels of its own goes to all others, which are better than none.
    """
    chosen = [one for one in channels if one.level == message.level] or list(channels)
    return tuple(Sent(one.name, _sent(message, one, environment)) for one in chosen)


def _sent(message: Message, channel: AlertChannel, environment: Mapping[str, str]) -> str:
    try:
        url = channel.url or _read(channel.url_from, environment)
    except InputError as error:
        return str(error)
    logger = logging.getLogger("apprise")
    # its messages repeat addresses
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(None):
            # those of the libraries that it brings are not the user's business
            warnings.simplefilter("ignore")
            import apprise

            way = apprise.Apprise()
            if not url or not way.add(url):
                return "its address is not one that apprise understands"
            if url.startswith("syslog:") and not _is_listened_to(_LOG):
                return f"nobody keeps a system log here: nothing listens at {_LOG}"
            done = way.notify(body=message.text, title=message.title, body_format=apprise.NotifyFormat.TEXT)
    except Exception as error:
        # a library of many services: whatever it raises must not stop the run, nor be repeated
        return f"it failed ({type(error).__name__})"
    return "" if done else "nobody took the message: the service refused it, or does not answer"


def _is_listened_to(path: str) -> bool:
    """Whether a message would be taken there; the C library says nothing when it is not (syslog(3))."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_UNIX, kind) as asking, contextlib.suppress(OSError):
            asking.connect(path)
            return True
    return False


def _read(source: str, environment: Mapping[str, str]) -> str:
    """The address that is kept elsewhere; no error of this repeats it.

    Raises `InputError`.
    """
    kind, _, rest = source.partition(":")
    if kind == "env" and _NAME.match(rest):
        if not (found := environment.get(rest, "").strip()):
            msg = f"the variable {rest} is not set"
            raise InputError(msg)
        return found
    if kind != "file" or not rest:
        msg = "it has no address: url, or url_from with env:NAME or file:PATH"
        raise InputError(msg)
    try:
        with open(rest, encoding="utf-8") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                msg = f"{rest} is readable by others: chmod 600"
                raise InputError(msg)
            return file.read(_LONGEST).strip()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{rest} cannot be read ({type(error).__name__})"
        raise InputError(msg) from None


def beat(
    alerts: Alerts,
    target: str,
    exit_code: int,
    now: datetime.datetime,
    environment: Mapping[str, str],
) -> tuple[Sent, ...]:
    """Says that a run has finished: in a file, to an address, or both; who watches them misses the run."""
    found = []
    if alerts.heartbeat_file:
        text = json.dumps({"target": target, "at": now.isoformat(), "exit_code": exit_code}) + "\n"
        try:
            _replace(Path(alerts.heartbeat_file), text)
            found.append(Sent("heartbeat file", ""))
        except OSError as error:
            found.append(Sent("heartbeat file", f"it cannot be written: {error.strerror}"))
    if alerts.heartbeat_url or alerts.heartbeat_from:
        found.append(Sent("heartbeat address", _asked(alerts, environment)))
    return tuple(found)


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _asked(alerts: Alerts, environment: Mapping[str, str]) -> str:
    try:
        url = alerts.heartbeat_url or _read(alerts.heartbeat_from, environment)
        if not url.startswith(("https://", "http://")):
            return "its address is not one of http or https"
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - checked above
            return "" if 200 <= answer.status < 300 else f"it answered {answer.status}"
    except InputError as error:
        return str(error)
    except urllib.error.HTTPError as error:
        return f"it answered {error.code}"
    except (OSError, ValueError) as error:
        # the reason may repeat the address
        return f"it does not answer ({type(error).__name__})"
