"""`pgguard inspect` and `pgguard check` look at the folders of the policy; a saved snapshot shows none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

VALUE, COLUMN = "Zdenka-Quorra", "patient_nom"
CHECKS = ("file-clear-export", "file-expired-export", "file-exposed-export")


def test_the_folders_of_the_policy_are_looked_at_and_nothing_of_their_content_is_told(
    pgguard: Callable[..., subprocess.CompletedProcess[str]], cluster: Cluster, tmp_path: Path
) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "rows.csv").write_text(f"{COLUMN};nir\n{VALUE};2510275056078\n")
    policy = tmp_path / "p.toml"
    policy.write_text(
        f'[files]\nweb_roots = ["{tmp_path}"]\n'
        f'[[folder]]\npath = "{exports}"\npurpose = "exports"\nkeep_days = 30\n'
    )
    options = ["--policy", str(policy), *(word for one in CHECKS for word in ("--check", one))]
    live = pgguard("inspect", cluster.dsn(dbname="lab"), *options, "--format", "json")
    assert live.returncode == 1, live.stderr
    assert verdicts(live.stdout) == ["fail", "pass", "fail"]
    shown = pgguard("inspect", cluster.dsn(dbname="lab"), *options)
    assert str(exports / "rows.csv") in "".join(shown.stdout.split())
    nightly = pgguard(
        "check", cluster.dsn(dbname="lab"), "--policy", str(policy), "--history", "h", "--format", "json"
    )
    assert "file-clear-export" in nightly.stdout
    for done in (live, shown, nightly):
        assert VALUE not in done.stdout + done.stderr
        assert COLUMN not in done.stdout + done.stderr
    assert pgguard("snapshot", cluster.dsn(dbname="lab"), "-o", "s.json").returncode == 0
    saved = pgguard("inspect", "--from", "s.json", *options, "--format", "json")
    assert verdicts(saved.stdout) == ["not-applicable"] * len(CHECKS)


def verdicts(text: str) -> list[str]:
    outcomes: list[dict[str, Any]] = json.loads(text)["outcomes"]
    by_check = {one["check"]: one["verdict"] for one in outcomes}
    return [by_check[one] for one in CHECKS]
