"""Logs of real servers in every format, read to the same records; and logs that are cut, torn or foreign."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import InputError
from pgguard.observe.records import LogFile, LogRecord, read_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster

PREFIX = "%m [%c] %q%u@%d/%a/%h "
HOSTILE = "a,\"b\"\n2026-01-01 00:00:00.000 UTC,é\t'x'"
MARK = "the last line of the session"


@pytest.fixture(scope="module")
def logs(postgres, tmp_path_factory) -> Path:
    """The folder of the logs that one server wrote of the same sessions in every format it has."""
    from pgguard.demo.cluster import Cluster

    formats = "stderr,csvlog" + (",jsonlog" if postgres.major >= 15 else "")
    settings = {
        "logging_collector": "on",
        "log_destination": formats,
        "log_directory": "log",
        "log_filename": "server.log",
        "log_connections": "on",
        "log_disconnections": "on",
        "log_statement": "all",
        "log_line_prefix": PREFIX,
        "log_timezone": "America/Caracas",
        "lc_messages": "C",
    }
    with Cluster.start(postgres, settings=settings, listen=["127.0.0.1"]) as cluster:
        _sessions(cluster)
        folder = cluster.data_directory / "log"
        deadline = time.monotonic() + 20
        names = ["server.log", "server.csv"] + (["server.json"] if postgres.major >= 15 else [])
        while time.monotonic() < deadline:
            if all(b"disconnection" in (folder / name).read_bytes()[-600:] for name in names):
                break
            time.sleep(0.1)
        # of a copy, because the server goes on writing
        copied = Path(tmp_path_factory.mktemp("logs"))
        for name in names:
            shutil.copy(folder / name, copied)
        return copied


def _sessions(cluster: Cluster) -> None:
    for application in ("psql", "lis, v2", HOSTILE.replace("\n", " ")):
        with psycopg.connect(cluster.dsn(), application_name=application, autocommit=True) as connection:
            connection.execute("SELECT 'two\nlines', 'and a \" quote'")
            with pytest.raises(psycopg.Error):
                connection.execute('SELECT 1 / 0 AS "x,y"')
    with psycopg.connect(cluster.dsn(), application_name="end") as connection:
        connection.execute(f"/* {MARK} */ SELECT 1")
    with pytest.raises(psycopg.Error):
        psycopg.connect(cluster.dsn(dbname="nowhere"))
    # the log of the refusal comes before that of the last session's end
    with psycopg.connect(cluster.dsn(), application_name="end"):
        pass


def _of_clients(records: Iterator[LogRecord]) -> list[tuple[object, ...]]:
    return [
        (one.at, one.session, one.pid, one.role, one.database, one.severity, one.message)
        for one in records
        if one.role and one.severity in ("LOG", "ERROR", "FATAL")
    ]


def _told(record: LogRecord) -> tuple[object, ...]:
    # of a stderr message cut after its first line no reader can know that more is to come
    return (*record[1:9], record.message.partition("\n")[0])


def test_every_format_gives_the_same_records(logs: Path) -> None:
    by_csv = LogFile(logs / "server.csv")
    from_csv = _of_clients(iter(by_csv))
    assert by_csv.format == "csvlog"
    assert by_csv.gaps == 0
    assert len(from_csv) > 20
    by_stderr = LogFile(logs / "server.log", prefix=PREFIX)
    from_stderr = _of_clients(iter(by_stderr))
    assert by_stderr.gaps == 0
    assert from_stderr == from_csv
    if (logs / "server.json").exists():
        by_json = LogFile(logs / "server.json")
        assert _of_clients(iter(by_json)) == from_csv
        assert (by_json.format, by_json.gaps) == ("jsonlog", 0)


def test_times_are_in_utc_whatever_the_zone_of_the_log(logs: Path) -> None:
    for record in LogFile(logs / "server.csv"):
        began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(record.session.partition(".")[0], 16)))
        assert began <= record.at <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))


def test_the_fields_of_a_record(logs: Path) -> None:
    failed = [one for one in LogFile(logs / "server.csv") if one.sqlstate == "3D000"]
    assert [(one.role, one.database, one.severity, one.address) for one in failed] == [
        ("postgres", "nowhere", "FATAL", "")
    ]
    applications = {one.application for one in LogFile(logs / "server.csv")}
    assert {"psql", "lis, v2"} <= applications


@pytest.mark.parametrize(
    ("suffix", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)]
)
def test_compressed_logs_are_read_and_a_cut_one_is_a_gap(
    logs: Path, tmp_path: Path, suffix, compress
) -> None:
    whole = _of_clients(iter(LogFile(logs / "server.csv")))
    packed = compress((logs / "server.csv").read_bytes())
    file = tmp_path / f"server.csv.{suffix}"
    file.write_bytes(packed)
    assert _of_clients(iter(LogFile(file))) == whole
    file.write_bytes(packed[: len(packed) - 40])
    cut = LogFile(file)
    assert len(_of_clients(iter(cut))) <= len(whole)
    assert cut.gaps > 0


@pytest.mark.parametrize("name", ["server.csv", "server.log", "server.json"])
def test_a_file_cut_at_any_byte_and_read_on_from_there_gives_everything_once(
    logs: Path, tmp_path: Path, name: str
) -> None:
    if not (logs / name).exists():
        pytest.skip("jsonlog comes with PostgreSQL 15")
    content = (logs / name).read_bytes()
    prefix = PREFIX if name == "server.log" else None
    whole = list(LogFile(logs / name, prefix=prefix))
    growing = tmp_path / name
    for cut in range(content.index(b"\n") + 1, len(content), 97):
        growing.write_bytes(content[:cut])
        first = LogFile(growing, prefix=prefix)
        before = list(first)
        growing.write_bytes(content)
        second = LogFile(growing, prefix=prefix, start=first.position)
        after = list(second)
        assert [_told(one) for one in before + after] == [_told(one) for one in whole], cut
        assert first.gaps + second.gaps == 0


def test_a_torn_csv_row_does_not_swallow_the_rows_after_it(logs: Path, tmp_path: Path) -> None:
    lines = (logs / "server.csv").read_bytes().splitlines(keepends=True)
    torn = next(number for number, line in enumerate(lines) if b'"' in line and number > 5)
    lines[torn] = lines[torn][: lines[torn].index(b'"') + 1] + b"\n"
    file = tmp_path / "torn.csv"
    file.write_bytes(b"".join(lines))
    reader = LogFile(file)
    found = list(reader)
    whole = list(LogFile(logs / "server.csv"))
    # the row itself, and what its message had on a further line
    assert 1 <= reader.gaps <= 2
    assert len(found) >= len(whole) - 2


def test_bytes_that_are_no_text_never_end_the_reading(tmp_path: Path, logs: Path) -> None:
    content = (logs / "server.csv").read_bytes().replace(b"psql", b"p\xffql")
    file = tmp_path / "bytes.csv"
    file.write_bytes(content)
    assert "p\ufffdql" in {one.application for one in LogFile(file)}


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear colleague,\nplease find the results.\n")
    with pytest.raises(InputError, match="no server log"):
        LogFile(file)
    with pytest.raises(InputError, match="cannot be read"):
        LogFile(tmp_path / "none.log")


def test_several_files_are_one_stream(logs: Path) -> None:
    one = len(list(LogFile(logs / "server.csv")))
    assert len(list(read_log([logs / "server.csv", logs / "server.csv"]))) == 2 * one
