"""The modes of the server's files: what others get at, and what is not safe because it is unseen."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.checks import check
from pgguard.model.policy import Policy
from pgguard.model.rows import FileMode, Server
from pgguard.model.snapshot import Missing, Snapshot
from pgguard.report.judge import judge
from pgguard.server.connect import Target
from pgguard.server.outside import _mode, _reaches, file_modes
from pgguard.server.read import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Outcome

TODAY = datetime.date(2026, 11, 25)
GOOD = FileMode("data_directory", "/data", "0700", "0700", "postgres")
UNSEEN = FileMode("hba", "/data/pg_hba.conf", "", "", "")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may enter; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        if not _reaches(str(path), None):
            pytest.skip("the folder for temporary files is closed to others")
        yield path


def test_a_folder_above_takes_the_bits_of_those_it_shuts_out(folder: Path) -> None:
    inner = folder / "outer" / "inner"
    inner.mkdir(parents=True)
    file = inner / "pg_hba.conf"
    file.touch()
    seen = []
    for closed, outer_mode in (
        (0o755, 0o755),
        (0o700, 0o755),
        (0o710, 0o755),
        (0o755, 0o711),
        (0o755, 0o700),
    ):
        inner.chmod(closed)
        inner.parent.chmod(outer_mode)
        file.chmod(0o666)
        one = _mode("hba", str(file))
        assert one.mode == "0666"
        seen.append(one.effective)
    assert seen == ["0666", "0600", "0660", "0666", "0600"]


def test_links_are_followed_and_what_is_not_there_has_no_mode(folder: Path) -> None:
    hidden = folder / "hidden"
    hidden.mkdir(0o700)
    (hidden / "key").touch()
    (hidden / "key").chmod(0o644)
    (folder / "link").symlink_to(hidden / "key")
    assert _mode("ssl_key", str(folder / "link")).effective == "0600"
    absent = str(folder / "absent")
    assert _mode("hba", absent) == FileMode("hba", absent, "", "", "")


def judged(*files: FileMode) -> Outcome:
    chosen = check("file-permissions")
    assert chosen is not None
    row = Server(150019, "15.19", "", "", "", False, "postgres", True, True, True, "", 5432)
    snapshot = Snapshot({"server_rows": (row,), "files": files}, [])
    (outcome,) = judge(snapshot, Policy(), today=TODAY, checks=[chosen]).outcomes
    return outcome


def test_what_may_not_be_seen_is_unknown() -> None:
    outcome = judged(GOOD, UNSEEN)
    assert outcome.verdict.value == "unknown"
    assert "/data/pg_hba.conf may not be seen" in outcome.reason


def test_what_is_open_is_told_even_when_something_else_is_unseen() -> None:
    outcome = judged(GOOD._replace(mode="0755", effective="0755"), UNSEEN)
    assert outcome.verdict.value == "fail"
    assert outcome.incomplete


def test_a_real_server_shows_its_key_log_and_socket(new_cluster: Callable[..., Cluster]) -> None:
    one = new_cluster(tls=True, settings={"logging_collector": "on"})
    files = {file.purpose: file for file in read_snapshot(Target(one.dsn())).files}
    assert set(files) == {"data_directory", "hba", "ident", "ssl_key", "log_directory", "socket"}
    assert files["ssl_key"].path == str(one.data_directory / "server.key")
    assert {file.mode for purpose, file in files.items() if purpose not in ("socket", "log_directory")} == {
        "0700",
        "0600",
    }
    assert files["socket"].path == str(one.folder)


def test_files_of_another_machine_or_server_are_not_this_servers(new_cluster: Callable[..., Cluster]) -> None:
    one, other = new_cluster(listen=["127.0.0.1"]), new_cluster()
    with psycopg.connect(one.dsn(host="127.0.0.1")) as connection:
        assert isinstance(file_modes(connection, Missing("not asked"), ()), Missing)
    settings = read_snapshot(Target(one.dsn())).settings
    with psycopg.connect(one.dsn()) as connection:
        for place in (str(other.data_directory), "/nowhere/data"):
            moved = [row._replace(value=place) if row.name == "data_directory" else row for row in settings]
            assert isinstance(file_modes(connection, moved, ()), Missing)
        hidden = [row for row in settings if row.name != "data_directory"]
        assert isinstance(file_modes(connection, hidden, ()), Missing)
