"""Reads as the check of mass reads wants them: by day, login and relation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.reads import ReadSeen, ReadsOfDay
from pgguard.observe.store import ObservationStore

if TYPE_CHECKING:
    from pathlib import Path

    from pgguard.model.reads import Evidence


def _read(
    at: str, command: str, evidence: Evidence, rows: int, times: int, relation: str = "lab.patient"
) -> ReadSeen:
    return ReadSeen(
        at,
        "1.a",
        "lab",
        "c_martin",
        "",
        "psql",
        "",
        relation,
        ("nir",),
        "named",
        command,
        evidence,
        rows,
        times,
    )


def test_what_two_kinds_of_evidence_tell_counts_once_and_unknown_rows_for_nothing(tmp_path: Path) -> None:
    with ObservationStore(tmp_path / "o.sqlite") as store:
        store.kept_reads.add(
            [
                _read("2026-01-01T10:00:00Z", "SELECT", "pgaudit object", -1, 7),
                _read("2026-01-01T10:00:00Z", "SELECT", "log_statement", -1, 5),
                _read("2026-01-01T23:59:59Z", "COPY", "pgaudit object", 500, 1),
                _read("2026-01-02T00:00:00Z", "SELECT", "pgaudit object", 30, 1),
                _read("2026-01-02T00:00:01Z", "SELECT", "pgaudit object", 30, 1, ""),
            ],
            [],
        )
        assert list(store.kept_reads.daily("2026-01-01T00:00:00Z")) == [
            ReadsOfDay("2026-01-01", "lab", "c_martin", "lab.patient", 8, 500, 1),
            ReadsOfDay("2026-01-02", "lab", "c_martin", "lab.patient", 1, 30, 0),
        ]
        assert [one.day for one in store.kept_reads.daily("2026-01-02T00:00:00Z")] == ["2026-01-02"]
