"""`pgguard schedule`: entries that cron and systemd take, and that run what was asked for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pgguard.report.schedule import Nightly, cron, systemd

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

ODD = ("--policy", '/etc/pg guard/50%\'s $HOME "policy".toml', "-d", "dbname=lab application_name=a\\b")


def _printer(folder: Path) -> tuple[str, ...]:
    """A program that writes its words into a file, one a line."""
    program = folder / "print words"
    program.write_text(
        f"#!{sys.executable}\nimport sys, time, pathlib\n"
        f"pathlib.Path({str(folder / 'words')!r}).write_text('\\n'.join(sys.argv[1:]))\n"
        f"time.sleep(float(pathlib.Path({str(folder / 'wait')!r}).read_text()))\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    (folder / "wait").write_text("0", encoding="utf-8")
    return (str(program), "check", *ODD)


def _cron_command(text: str) -> str:
    """What cron gives to sh: the rest of the line after the five fields, up to an unescaped %."""
    line = next(one for one in text.splitlines() if one[:1].isdigit())
    command = line.split(" ", 5)[5]
    assert "%" not in command.replace(r"\%", "")
    return command.replace(r"\%", "%")


def test_the_entry_of_cron_runs_the_command_with_its_words_and_not_twice_at_once(tmp_path: Path) -> None:
    run = Nightly(_printer(tmp_path), 2, 15, 0, str(tmp_path / "state folder"))
    command = _cron_command(cron(run))
    subprocess.run(["/bin/sh", "-c", command], check=True)
    assert (tmp_path / "words").read_text(encoding="utf-8").split("\n") == ["check", *ODD]
    (tmp_path / "wait").write_text("30", encoding="utf-8")
    (tmp_path / "words").unlink()
    first = subprocess.Popen(["/bin/sh", "-c", command])
    try:
        while not (tmp_path / "words").exists():
            assert first.poll() is None
        assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode == 3
    finally:
        first.kill()
        first.wait()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    text = systemd(Nightly(_printer(tmp_path), 2, 5, 600, "/var/lib/pgguard", "root"))
    for part in text.split("# /etc/systemd/system/")[1:]:
        name, _, unit = part.partition("\n")
        (tmp_path / name).write_text(unit, encoding="utf-8")
    units = [str(tmp_path / f"pgguard-check.{kind}") for kind in ("service", "timer")]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    said = [one for one in done.stderr.splitlines() if "pgguard" in one]
    assert (done.returncode, said) == (0, [])


def test_printed_for_the_program_that_prints_it(pgguard: Run) -> None:
    made = pgguard("schedule", "--cron", "--at", "3:07", "--", "-h", "db.example.org", "-U", "auditor")
    assert made.returncode == 0, made.stderr
    assert "7 3 * * * " in made.stdout
    assert "check -h db.example.org -U auditor" in made.stdout
    assert pgguard("schedule", "--systemd").returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--cron", "--systemd"),
        (),
        ("--cron", "--at", "24:00"),
        ("--cron", "--", "postgresql://u:s3cr3t@db/lab"),
        ("--cron", "--", "--dbname=host=db password=s3cr3t"),
        ("--cron", "--", "-h", "a\nb"),
    ],
)
def test_bad_words_are_refused_and_not_repeated(pgguard: Run, words: tuple[str, ...]) -> None:
    made = pgguard("schedule", *words)
    assert made.returncode == 2
    assert "s3cr3t" not in made.stdout + made.stderr
