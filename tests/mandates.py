"""A laboratory with a mandate for the tests: a database, an instruction, a policy."""

from __future__ import annotations

import datetime
import hashlib
import json
from typing import TYPE_CHECKING

import pyrage

from pgguard.analysis.mandate_scope import mandate_database, scope_of
from pgguard.model.mandate_scope import Standing
from pgguard.model.plan import Plan
from pgguard.plan.mandate import steps_of
from pgguard.plan.migration import migrations
from pgguard.plan.script import script
from pgguard.server.connect import Target
from pgguard.server.mandate_open import open_mandate
from pgguard.server.mandate_state import read_standing
from pgguard.server.read import read_snapshot
from pgguard.store.documents import read_documents
from pgguard.store.policy_file import load

if TYPE_CHECKING:
    from pathlib import Path

    from pgguard.model.mandate_scope import Scope
    from pgguard.server.mandate_proof import Proof

LABORATORY = """
CREATE SCHEMA lab;
CREATE TABLE lab.patient (
    id int PRIMARY KEY, name text NOT NULL, nir varchar(15), born date, note text, site varchar(10)
);
CREATE TABLE lab.result (
    id int PRIMARY KEY, patient int REFERENCES lab.patient, taken date NOT NULL, code varchar(10),
    value numeric, comment text
);
INSERT INTO lab.patient
SELECT n, 'name-' || n, 'nir-' || n, date '1950-01-01' + n * 100, 'note-' || n, 'S' || n % 3
FROM generate_series(1, 60) AS n;
INSERT INTO lab.result
SELECT n, 1 + n % 60, date '2023-01-01' + n, 'GLU', n / 10.0, 'comment-' || n
FROM generate_series(1, 700) AS n;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
"""
TABLES = """
[[mandate_table]]
mandate = "migration"
table = "lab.patient"
columns = ["id", "name", "born"]
rows = "site = 'S1'"

[[mandate_table]]
mandate = "migration"
table = "lab.result"
columns = ["id", "patient", "taken", "value"]
rows = "taken BETWEEN '2024-01-01' AND '2024-06-30'"
ceiling = 500
"""
CATEGORIES = {
    "lab.patient.id": "person_key",
    "lab.patient.name": "direct_identifier",
    "lab.patient.nir": "national_id",
    "lab.patient.born": "date_of_birth",
    "lab.patient.note": "free_text",
    "lab.patient.site": "none",
    "lab.result.id": "none",
    "lab.result.patient": "person_key",
    "lab.result.taken": "none",
    "lab.result.code": "none",
    "lab.result.value": "health_observation",
    "lab.result.comment": "free_text",
}
DATA_TYPES = ("direct_identifier", "date_of_birth", "health_observation")
ROLE = "extract_migration"


def write_policy(
    place: Path,
    tables: str = TABLES,
    /,
    *,
    until: datetime.date | None = None,
    start: datetime.date | None = None,
    data_types: tuple[str, ...] = DATA_TYPES,
    categories: dict[str, str] = CATEGORIES,
    instruction: bytes = b"Extract what the annex lists.",
    more: str = "",
    **entries: object,
) -> Path:
    """The policy of a mandate whose window is open, with instruction and folder; `entries` replace some."""
    today = datetime.datetime.now(datetime.UTC).date()
    export = place / "export"
    export.mkdir(mode=0o700, exist_ok=True)
    document = place / "instruction.txt"
    if not document.exists():
        document.write_bytes(instruction)
    entry: dict[str, object] = {
        "name": "migration",
        "contract": "reprise",
        "purpose": "move to the new software",
        "instructed_by": "Dr Martin",
        "instructed_on": today,
        "document": "instruction.txt",
        "sha256": hashlib.sha256(instruction).hexdigest(),
        "role": ROLE,
        "start": start or today,
        "until": until or today + datetime.timedelta(days=3),
        "erase_by": (until or today) + datetime.timedelta(days=30),
        "ceiling": 1000,
        "recipients": [str(pyrage.x25519.Identity.generate().to_public())],
        "folder": str(export),
        "database": "postgres",
        **entries,
    }
    text = "[[controller]]\nname = 'Laboratory'\n[[processor]]\nname = 'Vendor'\n"
    text += f"[[contract]]\nname = 'reprise'\nprocessor = 'Vendor'\ndata_types = {list(data_types)!r}\n"
    text += f"end = {(until or today) + datetime.timedelta(days=60)}\n"
    text += "".join(
        f"[[column]]\nname = '{name}'\ncategory = '{category}'\ndecided_by = 'dba'\n"
        for name, category in categories.items()
    )
    text += "[[mandate]]\n" + "".join(f"{name} = {_toml(value)}\n" for name, value in entry.items())
    path = place / "pgguard.toml"
    path.write_text(text + tables + more, encoding="utf-8")
    return path


def _toml(value: object) -> str:
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (int, list)):
        return repr(value)
    return json.dumps(str(value))


def prepare(dsn: str, policy: Path) -> Scope:
    """The scope of the mandate on a server, in this process."""
    loaded = load(policy).policy
    (mandate,) = loaded.mandate
    target = Target(dsn)
    snapshot = read_snapshot(target).documented(read_documents(loaded))
    database, _ = mandate_database(snapshot, loaded, mandate)
    read = [one.name for one in snapshot.inspected]
    standing = read_standing(target, database, mandate, read) if database else Standing()
    today = datetime.datetime.now(datetime.UTC).date()
    return scope_of(snapshot, loaded, mandate, standing, today)


def plan_of(scope: Scope, version: str = "") -> Plan:
    """Its plan, of no cluster in particular."""
    return Plan("test", version, "2026-01-01T00:00:00Z", "postgres", steps_of(scope))


def open_scope(dsn: str, scope: Scope) -> Proof:
    """Open it, as the command does."""
    opening, entering = (
        script(one.up, one.name, transactional=True) + script(one.verify, one.name, transactional=False)
        for one in migrations(plan_of(scope))
    )
    return open_mandate(Target(dsn), scope, opening, entering, say=lambda _: None)
