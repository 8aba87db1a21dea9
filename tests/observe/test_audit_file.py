"""Lines of pgauditlogtofile that no server here writes: cut ones, and the JSON of later versions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pgguard.observe.audit_lines import AuditReader
from pgguard.observe.records import LogFile

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "18402751162037"
WHOLE = (
    "2026-11-26 02:00:54.131 UTC,app,lab,19523,10.0.0.7:4711,6b0792d6.4c43,3,SELECT,2026-11-26 02:00:54 UTC,"
    "2/6,0,00000,OBJECT,1,1,READ,SELECT,TABLE,care.patient,<not logged>,<not logged>,,,,,,,,,psql\n"
)


def _later(**more: str) -> str:
    """As its source writes it: every value a string, the statement in content."""
    told = {
        "log.source": "pgauditlogtofile",
        "severity": "audit",
        "timestamp": "2026-11-26 02:00:54.131000001 UTC",
        "db.user": "app",
        "db.name": "lab",
        "custom.process_id": "19523",
        "net.peer.name": "10.0.0.7",
        "custom.session_id": "6b0792d6.4c43",
        "custom.command_tag": "COPY",
        "custom.state_code": "00000",
        "custom.application_name": "psql",
    }
    return json.dumps({**told, **more}, separators=(",", ":")) + "\n"


def test_lines_that_are_cut_are_gaps_and_the_rest_of_a_record_is_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    context = (
        WHOLE.replace("psql\n", "").rstrip(",")
        + f",,,,,SQL statement \"SELECT '{SECRET}'\"\nPL/pgSQL function f()\n"
    )
    log.write_text(WHOLE + WHOLE[:60] + "\n" + context + WHOLE)
    file = LogFile(log)
    records = list(file)
    assert (file.format, file.gaps, len(records)) == ("pgauditlogtofile", 1, 3)
    assert (records[0].role, records[0].database, records[0].address) == ("app", "lab", "10.0.0.7")
    assert (records[0].application, records[0].command) == ("psql", "SELECT")
    assert SECRET not in "".join(map(str, records))


def test_json_of_later_versions(tmp_path: Path) -> None:
    log = tmp_path / "audit.json"
    audit = {
        "custom.audit_type": "OBJECT",
        "custom.statement_id": "1",
        "custom.substatement_id": "1",
        "custom.class": "READ",
        "custom.command": "SELECT",
        "custom.object_type": "TABLE",
        "custom.object_name": "care.patient",
        "content": f"SELECT '{SECRET}',<none>",
    }
    authorized = {
        "content": "connection authorized: user=app database=lab",
        "custom.command_tag": "authentication",
    }
    log.write_text(_later(**authorized) + _later(**audit) + '{"log.source":"pgauditlogtofile","timesta\n')
    file = LogFile(log)
    first, second = file
    assert (file.format, file.gaps) == ("pgauditlogtofile", 1)
    assert first.message == "connection authorized: user=app database=lab"
    assert second.at == "2026-11-26T02:00:54Z"
    assert (second.role, second.address, second.application) == ("app", "10.0.0.7", "psql")
    assert SECRET not in str(second)
    reader = AuditReader()
    assert list(reader.add(second)) == []
    (found,) = reader.rest()
    assert found.copied
    assert [line.object for line in found.lines] == ["care.patient"]


def test_lines_of_pgaudit_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("2026-11-25 08:00:00.000 UTC [1] lis@lab LOG:  AUDIT: OBJECT,1,1,READ,SEL\n")
    reader = AuditReader()
    for record in LogFile(log, prefix="%m [%p] %q%u@%d "):
        assert list(reader.add(record)) == []
    assert reader.gaps == 1
