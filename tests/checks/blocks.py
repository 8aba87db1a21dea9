"""Reads tests/checks/NAME.sql: blocks of SQL with what a check must say of the server they leave.

A block begins with one of::

    -- fires: SUBJECT            the check finds this subject (repeat the line for more; no others);
                                 an empty line before the next one begins another block;
                                 {data} stands for the data directory
    -- silent: WHY               the check finds nothing, and could judge
    -- not-applicable: WHY       the check says that it has nothing to judge
    -- unknown: WHY              the check could not judge and found nothing

and may go on with::

    -- evidence: TEXT            the evidence of the subject above holds this text
    -- severity: WORD            the finding of the subject above has this severity
    -- policy: TOML              a line of the policy
    -- versions: 14-16           the PostgreSQL versions it holds for (15- : 15 and later)
    -- cluster: WHY              it needs a cluster of its own
    -- conf: NAME = VALUE        a line of postgresql.conf (own cluster)
    -- hba: LINE                 a line of pg_hba.conf (own cluster); line 1 is the test's own way in
    -- ident: LINE               a line of pg_ident.conf (own cluster)
    -- tls: on                   the server has TLS and a certificate (own cluster); or self-signed
    -- connect: CONNINFO         a session that stays open during the inspection (own cluster)
    -- as: ROLE                  the inspecting role
    -- installed: audit          the audit store is there before the SQL runs
    -- overdue: counted        rows that are kept for too long are counted (own cluster)
    -- minor: NUMBER             the server is taken to be of this minor version
    -- sample: ROWS              so many rows of each table are looked at (own cluster)
    -- watched: DAYS             the log of so many days up to now was observed
    -- observed: DAYS ROLE HOURS ADDRESS APPLICATION [as IDENTITY by METHOD]
                                 sessions of these days up to now (20, or 100-95 days ago) and hours (8-17)
    -- failed: TIMES HOURS ROLE ADDRESS
                                 so many refused logins, so many hours ago, within a quarter of an hour
    -- ingested: DAYS            the reads of so many days up to now were ingested
    -- read: DAYS ROLE RELATION STATEMENTS ROWS COPIES
                                 read on each of these days (20, or 100-95 days ago; 0: today)
    -- audit-feed: asked         the audit store of the database was asked (or: REASON why not all was judged)
    -- alarm: RULE LOGIN TEXT    what it told of this morning
    -- last-run: HOURS           a nightly check that ended so many hours ago (never: none)
    -- document: PATH SHA256     a contract's text as it was found (or: PATH because REASON)
    -- file: NAME MODE DAYS TEXT a file of so many days ago in a folder of its own, which the policy and the
                                 subjects call /{folder}; TEXT as Python writes it between quotes
    -- folder: MODE              the folder is there, with this mode (0700; what is not named here is closed)
    -- tested: CHANNEL REASON    the last test of an alert channel and why it failed (ok: it answered)
    -- learnt: DAYS SOURCE       statements of so many days up to now were learnt from (a log or
                                 pg_stat_statements)
    -- used: ROLE RELATION COLUMN OPERATION
    -- untold: ROLE RELATION     one of them could not be followed (RELATION: any of them may be meant)

The rest is SQL: in the shared cluster it runs in database lab inside a transaction that is rolled
back; in an own cluster it is committed before the inspection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_OUTCOMES = ("fires", "silent", "not-applicable", "unknown")


@dataclass
class Expected:
    subject: str
    evidence: list[str] = field(default_factory=list)
    severity: str = ""


@dataclass
class Block:
    file: str
    line: int
    outcome: str
    fires: list[Expected] = field(default_factory=list)
    policy: list[str] = field(default_factory=list)
    versions: tuple[int, int] = (10, 99)
    own_cluster: bool = False
    conf: dict[str, str] = field(default_factory=dict)
    hba: list[str] = field(default_factory=list)
    ident: list[str] = field(default_factory=list)
    tls: bool = False
    self_signed: bool = False
    connect: list[str] = field(default_factory=list)
    inspect_as: str = "postgres"
    installed: str = ""
    minor: int | None = None
    watched: int | None = None
    sample: int | None = None
    observed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    ingested: int | None = None
    read: list[str] = field(default_factory=list)
    audit_feed: str | None = None
    alarms: list[str] = field(default_factory=list)
    last_run: str = ""
    documents: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    folder: str = ""
    tested: list[str] = field(default_factory=list)
    learnt: str = ""
    overdue: bool = False
    used: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    sql: list[str] = field(default_factory=list)

    @property
    def check(self) -> str:
        return self.file.removesuffix(".sql").replace("_", "-")

    def __str__(self) -> str:
        return f"{self.check}:{self.line}-{self.outcome}"


def read_blocks(path: Path) -> list[Block]:
    """The blocks of one file.

    Raises `ValueError` for a directive that does not exist, so that a typing error cannot pass.
    """
    blocks: list[Block] = []
    header = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        directive, _, value = line.removeprefix("-- ").partition(":")
        is_directive = line.startswith("-- ") and ":" in line and " " not in directive
        if (
            is_directive
            and directive in _OUTCOMES
            and not (header and directive == "fires" and blocks[-1].outcome == "fires")
        ):
            blocks.append(Block(path.name, number, directive))
        header = bool(blocks) and is_directive
        if not blocks:
            if line.strip() and not line.startswith("--"):
                msg = f"{path.name}:{number}: SQL before the first block"
                raise ValueError(msg)
        elif is_directive:
            _directive(blocks[-1], directive, value.strip(), f"{path.name}:{number}")
        elif line.strip():
            blocks[-1].sql.append(line)
    return blocks


def _directive(block: Block, directive: str, value: str, where: str) -> None:
    match directive:
        case "fires":
            block.fires.append(Expected(value))
        case "silent" | "not-applicable" | "unknown":
            pass
        case "evidence":
            block.fires[-1].evidence.append(value)
        case "severity":
            block.fires[-1].severity = value
        case "policy":
            block.policy.append(value)
        case "versions":
            low, _, high = value.partition("-")
            block.versions = (int(low), int(high or 99))
        case "installed":
            block.installed = value
        case "as":
            block.inspect_as = value
        case "minor":
            block.minor = int(value)
        case "sample":
            block.sample = int(value)
            block.own_cluster = True
        case "watched":
            block.watched = int(value)
        case "observed":
            block.observed.append(value)
        case "failed":
            block.failed.append(value)
        case "ingested":
            block.ingested = int(value)
        case "read":
            block.read.append(value)
        case "audit-feed":
            block.audit_feed = value
        case "alarm":
            block.alarms.append(value)
        case "last-run":
            block.last_run = value
        case "document":
            block.documents.append(value)
        case "file":
            block.files.append(value)
            block.folder = block.folder or "0700"
        case "folder":
            block.folder = value
        case "tested":
            block.tested.append(value)
        case "learnt":
            block.learnt = value
        case "used":
            block.used.append(value)
        case "untold":
            block.untold.append(value)
        case "overdue":
            block.overdue = True
            block.own_cluster = True
        case "cluster" | "conf" | "hba" | "ident" | "tls" | "connect":
            block.own_cluster = True
            _own(block, directive, value)
        case _:
            msg = f"{where}: no such directive: {directive}"
            raise ValueError(msg)


def _own(block: Block, directive: str, value: str) -> None:
    match directive:
        case "conf":
            name, _, setting = value.partition("=")
            block.conf[name.strip()] = setting.strip().strip("'")
        case "hba":
            block.hba.append(value)
        case "ident":
            block.ident.append(value)
        case "tls":
            block.tls = True
            block.self_signed = value == "self-signed"
        case "connect":
            block.connect.append(value)
