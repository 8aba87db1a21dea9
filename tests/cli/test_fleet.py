"""`pgguard check --fleet`: many servers in one run, and one that is not there stops none of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import InputError
from pgguard.model.finding import Verdict
from pgguard.model.policy import Administrators, Policy, Thresholds
from pgguard.store.fleet_file import overlaid, read_fleet
from pgguard.store.history import open_history
from tests.nightly.receiving import receiver

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster

    Run = Callable[..., subprocess.CompletedProcess[str]]


def _target(name: str, dsn: str, *more: str) -> str:
    return "\n".join(["[[target]]", f'name = "{name}"', f'dsn = "{dsn}"', *more, ""])


def test_every_server_is_looked_at_whatever_becomes_of_the_others(
    pgguard: Run, new_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    clusters = [new_cluster(), new_cluster()]
    targets = []
    for number, cluster in enumerate(clusters):
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE ROLE c_martin LOGIN SUPERUSER CONNECTION LIMIT 5")
            for name in ("one", "two"):
                connection.execute(f"CREATE DATABASE {name}".encode())
        for name in ("one", "two"):
            more = [f'databases = ["{name}"]']
            if (number, name) == (1, "two"):
                more.append('policy = "over.toml"')
            targets.append(_target(f"{name}-{number}", cluster.dsn(dbname=name), *more))
    targets.append(_target("gone", f"host={tmp_path} dbname=x"))
    (tmp_path / "fleet.toml").write_text("workers = 3\n" + "\n".join(targets), encoding="utf-8")
    (tmp_path / "over.toml").write_text('[administrators]\nroles = ["c_martin"]\n', encoding="utf-8")
    with receiver() as web:
        exports = tmp_path / "exports"
        exports.mkdir()
        (exports / "all.csv").write_text("nir,last_name,birth_date\n1,x,2000-01-01\n", encoding="utf-8")
        policy = f'[[alert_channel]]\nname = "team"\nurl = "{web.url()}"\n'
        policy += f'[[folder]]\npath = "{exports}"\npurpose = "exports"\nkeep_days = 30\n'
        (tmp_path / "pgguard.toml").write_text(policy, encoding="utf-8")
        pgguard("alert", "test", "--history", "h.sqlite")
        web.titles()
        words = ("check", "--fleet", "fleet.toml", "--history", "h.sqlite")
        first = pgguard(*words, "--format", "json")
        assert first.returncode == 1, first.stderr
        found = {one["target"]: one for one in json.loads(first.stdout)["targets"]}
        assert set(found) == {"one-0", "two-0", "one-1", "two-1", "gone"}
        assert found["gone"]["exit_code"] == 3
        assert found["gone"]["failure"]
        assert all(one["failure"] is None for name, one in found.items() if name != "gone")
        # its policy lets that administrator be one
        assert sum(found["two-1"]["open"].values()) < sum(found["one-1"]["open"].values())
        # one message for all of them
        assert web.titles() == ["pgguard: news of 5 servers"]

        second = pgguard(*words)
        assert second.returncode == 1
        assert "== gone" in second.stdout
        assert "== one-0" not in second.stdout
        assert "5 servers: 1 with news, 1 could not be looked at" in second.stdout
        assert web.titles() == []
    with open_history(str(tmp_path / "h.sqlite")) as remembered:
        judged = remembered.check_states("one-0")
    # what is not on the server is judged as for one server
    assert judged["alert-stale-check"].verdict is Verdict.PASS
    assert judged["alert-no-channel"].verdict is Verdict.PASS
    assert judged["file-clear-export"].verdict is Verdict.FAIL
    history = pgguard("history", "--history", "h.sqlite").stdout
    for name in found:
        assert name in history


def test_mistakes_in_the_file_are_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(
        "workers = 500\n"
        + _target("a", "dbname=x")
        + _target("a", "host=db password=s3cr3t")
        + _target("b", "no such=option x")
        + _target("c", "dbname=x", 'policy = "nowhere.toml"'),
        encoding="utf-8",
    )
    with pytest.raises(InputError) as raised:
        read_fleet(file)
    said = str(raised.value)
    for part in ("workers", "name of its own", "target a: a password", "target b:", "nowhere.toml"):
        assert part in said
    assert "s3cr3t" not in said
    for text in ("", "[[target]]\nname = 1\n", "[[target]]\nnme = 'x'\n", "= ="):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError):
            read_fleet(file)


def test_a_policy_over_another_changes_what_it_says_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "over.toml").write_text(
        '[thresholds]\ndormant_days = 30\n[[service]]\nrole = "app"\nowner = "IT"\npurpose = "x"\n',
        encoding="utf-8",
    )
    base = Policy(
        administrators=Administrators(("dba",)), thresholds=Thresholds(sensitive_readers=7), waiver=()
    )
    made = overlaid(base, tmp_path / "over.toml")
    assert made.thresholds == Thresholds(sensitive_readers=7, dormant_days=30)
    assert made.administrators.roles == ("dba",)
    assert [one.role for one in made.service] == ["app"]
    assert overlaid(base, None) is base
