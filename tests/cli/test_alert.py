"""`pgguard alert test`, `pgguard ack` and the alerts of `pgguard check`, as their user types them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.nightly.receiving import receiver

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]


def test_from_the_test_of_a_channel_to_an_acknowledgement(
    pgguard: Run, new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    dsn = new_cluster().dsn()
    with receiver() as web:
        channel = '[[alert_channel]]\nname = "team"\nurl_from = "env:TEAM"\n'
        policy = f'{channel}[history]\nstore = "{tmp_path}/h.sqlite"\n'
        (tmp_path / "pgguard.toml").write_text(policy, encoding="utf-8")
        assert pgguard("alert", "test").returncode == 1
        done = pgguard("alert", "test", TEAM=web.url())
        assert (done.returncode, done.stdout) == (0, "team: answered\n")
        assert web.titles() == ["pgguard: test"]

        first = pgguard("check", dsn, "--format", "json", TEAM=web.url())
        told = {one["check"] for one in json.loads(first.stdout)["outcomes"] if one["verdict"] == "fail"}
        assert "alert-no-channel" not in told
        (title,) = web.titles()
        assert title.startswith("pgguard: ")
        again = pgguard("check", dsn, TEAM=web.url())
        assert (again.returncode, again.stdout, web.titles()) == (first.returncode, "", [])

        prints = [
            one["fingerprint"]
            for outcome in json.loads(first.stdout)["outcomes"]
            for one in outcome["findings"]
            if one["severity"] in ("high", "critical")
        ]
        taken = pgguard("ack", prints[0][:12], "--by", "RSSI", "--note", "being mended")
        assert taken.returncode == 0, taken.stderr
        assert "RSSI has it until" in taken.stdout
        assert pgguard("ack", "nothing").returncode == 2
    # nobody is there any more: nothing is new, so nothing is lost
    assert pgguard("check", dsn, TEAM="json://127.0.0.1:1/").returncode == first.returncode
    story = pgguard("history", "--finding", prints[0][:12]).stdout
    assert "acknowledged" in story
    assert "RSSI" in story
