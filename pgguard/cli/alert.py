"""`pgguard alert test`: whether the channels answer, and `pgguard ack`: somebody takes findings up."""

from __future__ import annotations

import datetime
import getpass
import os
from typing import TYPE_CHECKING, Annotated

import typer

from pgguard.cli.check import HistoryPlace
from pgguard.cli.inspect import PolicyFile

if TYPE_CHECKING:
    from pathlib import Path

    from pgguard.model.policy import Policy
    from pgguard.nightly.channels import Sent

alert = typer.Typer(name="alert", no_args_is_help=True, help="Who is told of findings.")


@alert.callback()
def _group() -> None:
    pass


@alert.command("test")
def try_channels(policy: PolicyFile = None, history: HistoryPlace = "") -> None:
    """Send a test message by every alert channel of the policy, and remember which of them answered.

    Exit code 0: all answered. 1: one did not. 2: the policy has none. 3: it could not be remembered.
    """
    from pgguard.errors import UsageError

    declared = _policy(policy)
    if not declared.alert_channel:
        msg = "the policy declares no alert channel: [[alert_channel]] name, url or url_from"
        raise UsageError(msg)
    sent = _sent(declared)
    for one in sent:
        print(f"{one.channel}: {one.reason or 'answered'}")
    _remember(declared, history, sent)
    raise typer.Exit(1 if any(one.reason for one in sent) else 0)


def ack(
    fingerprints: Annotated[
        list[str],
        typer.Argument(metavar="FINGERPRINT", help="Findings, by the beginning of their fingerprints."),
    ],
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who takes them up. Default: this user.")
    ] = "",
    days: Annotated[
        int, typer.Option("--days", min=1, max=90, help="For how long nobody is told of them again.")
    ] = 7,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What is being done.")] = "",
    target: Annotated[
        str, typer.Option("--target", metavar="NAME", help="The server, where several are remembered.")
    ] = "",
    policy: PolicyFile = None,
    history: HistoryPlace = "",
) -> None:
    """Acknowledge findings that were told: they are not escalated until then. They stay open.

    Exit code 2: one of them was not told, or its beginning fits several.
    """
    from pgguard.nightly.acknowledging import take_up

    now = datetime.datetime.now(datetime.UTC)
    until = now + datetime.timedelta(days=days)
    place = _place(history, _policy(policy))
    for said in take_up(place, target, fingerprints, by or getpass.getuser(), now, until, note):
        print(said)


def _sent(declared: Policy) -> list[Sent]:
    from pgguard.nightly.alerting import Message
    from pgguard.nightly.channels import send

    found: dict[str, Sent] = {}
    for one in declared.alert_channel:
        message = Message(
            one.level, "pgguard: test", "This is a test of this alert channel. Nothing was found."
        )
        for each in send(message, [one], os.environ):
            found[each.channel] = each
    return list(found.values())


def _remember(declared: Policy, history: str, sent: list[Sent]) -> None:
    from pgguard.model.history import instant
    from pgguard.model.supervision import ChannelTest
    from pgguard.nightly.notify import keep_tests
    from pgguard.store.history import open_history

    now = instant(datetime.datetime.now(datetime.UTC))
    with open_history(_place(history, declared)) as opened:
        keep_tests(opened, {one.channel: ChannelTest(now, one.reason) for one in sent})


def _policy(chosen: Path | None) -> Policy:
    from pathlib import Path

    from pgguard.store.policy_file import find, load

    return load(find(chosen, Path.cwd(), os.environ)).policy


def _place(chosen: str, policy: Policy) -> str:
    from pgguard.store.history import default_place

    return chosen or policy.history.store or default_place(os.environ)
