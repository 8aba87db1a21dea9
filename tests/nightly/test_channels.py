"""Messages that really go out: to a mail server, to a receiver of HTTP, to a socket of syslog."""

from __future__ import annotations

import datetime
import json
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller

from pgguard.model.policy import AlertChannel, Alerts
from pgguard.nightly.alerting import Message
from pgguard.nightly.channels import beat, send
from pgguard.store.alert_address import secret_in
from tests.nightly.receiving import Receiver, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MESSAGE = Message("first", "pgguard: 1 high finding on db", "Target: db\nOpen now: 1 high")
NOW = datetime.datetime(2026, 1, 1, 2, 0, tzinfo=datetime.UTC)


class Mails:
    """What a mail server was given."""

    def __init__(self) -> None:
        self.got: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - its name
        self.got.append(envelope.content.decode())
        return "250 OK"


@pytest.fixture
def mail() -> Iterator[tuple[Mails, int]]:
    mails = Mails()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(mails, hostname="127.0.0.1", port=port)
    controller.start()
    yield mails, port
    controller.stop()


@pytest.fixture
def web() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def test_mail_and_a_webhook_get_the_message_and_a_dead_one_stops_neither(
    mail: tuple[Mails, int], web: Receiver
) -> None:
    mails, port = mail
    channels = (
        AlertChannel("dead", "json://127.0.0.1:1/hook"),
        AlertChannel(
            "mail", f"mailto://127.0.0.1:{port}?from=pgguard@example.org&to=rssi@example.org&mode=insecure"
        ),
        AlertChannel("hook", f"json://127.0.0.1:{web.server_port}/hook"),
        AlertChannel("later", f"json://127.0.0.1:{web.server_port}/later", level="escalation"),
    )
    sent = {one.channel: one.reason for one in send(MESSAGE, channels, {})}
    assert set(sent) == {"dead", "mail", "hook"}
    assert sent["dead"] != ""
    assert (sent["mail"], sent["hook"]) == ("", "")
    assert "pgguard: 1 high finding on db" in mails.got[0]
    assert web.got[0]["message"].startswith("Target: db")
    (escalated,) = send(MESSAGE._replace(level="escalation"), channels, {})
    assert escalated == ("later", "")


def test_a_system_log_far_away_gets_the_message() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        channel = AlertChannel("log", f"rsyslog://127.0.0.1:{server.getsockname()[1]}/auth")
        assert send(MESSAGE, (channel,), {}) == (("log", ""),)
        got = server.recv(65536).decode()
    # facility auth (4), RFC 5424, 6.2.1
    assert int(got[1 : got.index(">")]) // 8 == 4
    assert "1 high finding on db" in got


@pytest.mark.skipif(
    os.path.exists("/dev/log") or os.geteuid() != 0, reason="a system log is there, or no root"
)
def test_a_system_log_here_gets_the_message_and_without_one_it_is_not_said_to() -> None:
    channel = AlertChannel("log", "syslog://auth")
    ((_, reason),) = send(MESSAGE, (channel,), {})
    assert "nobody keeps a system log here" in reason
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        try:
            server.bind("/dev/log")
            server.settimeout(10)
            assert send(MESSAGE, (channel,), {}) == (("log", ""),)
            # what asked whether somebody listens sent nothing
            assert "1 high finding on db" in server.recv(65536).decode()
        finally:
            os.unlink("/dev/log")


def test_an_address_that_is_a_secret_is_nowhere_in_what_is_told(
    web: Receiver, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    web.answer = 500
    secret = f"json://u:s3cr3tword@127.0.0.1:{web.server_port}/s3cr3tpath"
    private, shared = tmp_path / "private", tmp_path / "shared"
    for path, mode in ((private, 0o600), (shared, 0o644)):
        path.write_text(secret, encoding="utf-8")
        path.chmod(mode)
    channels = (
        AlertChannel("variable", url_from="env:HOOK"),
        AlertChannel("file", url_from=f"file:{private}"),
        AlertChannel("open file", url_from=f"file:{shared}"),
        AlertChannel("not set", url_from="env:NOTHING"),
        AlertChannel("nonsense", url_from="env:NONSENSE"),
    )
    environment = {"HOOK": secret, "NONSENSE": "s3cr3t"}
    sent = send(MESSAGE, channels, environment)
    assert all(one.reason for one in sent)
    assert "readable by others" in sent[2].reason
    captured = capfd.readouterr()
    assert "s3cr3t" not in str(sent) + captured.out + captured.err
    # the first two were really tried
    assert web.asked == 2


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("mailto://relay.example.org?from=a@example.org&to=b@example.org", False),
        ("json://hooks.example.org/pgguard", False),
        ("syslog://", False),
        ("mailtos://user:word@example.org", True),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", True),
        ("json://hooks.example.org/?token=x", True),
    ],
)
def test_addresses_that_do_not_belong_into_a_policy_are_known(url: str, secret: bool) -> None:
    assert secret_in(url) is secret


def test_a_finished_run_leaves_a_heartbeat(web: Receiver, tmp_path: Path) -> None:
    alerts = Alerts(
        heartbeat_file=str(tmp_path / "beat"), heartbeat_url=f"http://127.0.0.1:{web.server_port}/ping"
    )
    assert [one.reason for one in beat(alerts, "db", 1, NOW, {})] == ["", ""]
    assert json.loads((tmp_path / "beat").read_text(encoding="utf-8")) == {
        "target": "db",
        "at": "2026-01-01T02:00:00+00:00",
        "exit_code": 1,
    }
    assert web.got == ["/ping"]
    web.answer = 503
    assert [one.reason for one in beat(alerts, "db", 1, NOW, {})] == ["", "it answered 503"]
    lost = Alerts(heartbeat_file=str(tmp_path / "no" / "beat"), heartbeat_from="env:NOTHING")
    assert all(one.reason for one in beat(lost, "db", 1, NOW, {}))
