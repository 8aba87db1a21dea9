"""Every check against real servers: the blocks of tests/checks/*.sql, and what they must cover."""

from __future__ import annotations

import contextlib
import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from pgguard.checks import all_checks, check
from pgguard.model.finding import Severity, Verdict
from pgguard.model.snapshot import Snapshot
from pgguard.report.judge import judge
from pgguard.server.conditions import conditions_of
from pgguard.server.connect import Target
from pgguard.server.overdue import read_overdue
from pgguard.server.read import read_open, read_snapshot
from pgguard.server.sample import read_samples
from pgguard.store.folders import look_at_folders
from pgguard.store.policy_file import parse
from tests.audit.store import install
from tests.checks.blocks import Block, read_blocks
from tests.checks.observing import (
    audit_feed,
    documents,
    folder_of,
    ingested,
    learnt,
    observations,
    supervision,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster
    from pgguard.model.finding import Outcome

FOLDER = Path(__file__).parent
BLOCKS = [block for path in sorted(FOLDER.glob("*.sql")) for block in read_blocks(path)]
PASSWORD = "only-for-this-test-run-7b1c"


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_block(block: Block, cluster: Cluster, new_cluster: Callable[..., Cluster]) -> None:
    low, high = block.versions
    if not low <= cluster.postgres.major <= high:
        pytest.skip(f"holds for PostgreSQL {low} to {high}")
    with contextlib.ExitStack() as stack:
        if block.own_cluster:
            snapshot = _in_own_cluster(block, new_cluster, stack)
        else:
            snapshot = _in_transaction(block, cluster, stack)
        if block.minor is not None:
            snapshot = _of_minor(snapshot, block.minor)
        if block.watched is not None:
            snapshot = snapshot.observed(observations(block.watched, block.observed, block.failed))
        if block.learnt:
            database = snapshot.inspected[0].name
            snapshot = snapshot.observed(learnt(block.learnt, block.used, block.untold, database))
        if block.ingested is not None:
            database = snapshot.inspected[0].name
            snapshot = snapshot.observed(ingested(block.ingested, block.read, database))
        if block.audit_feed is not None:
            database = snapshot.inspected[0].name
            snapshot = snapshot.alarmed([audit_feed(database, block.audit_feed, block.alarms)])
        if block.last_run:
            snapshot = snapshot.supervised(supervision(block.last_run, block.tested))
        if block.documents:
            snapshot = snapshot.documented(documents(block.documents))
        text = "\n".join(block.policy)
        folder = ""
        if block.folder:
            folder = str(stack.enter_context(folder_of(block.folder, block.files)))
            text = text.replace("/{folder}", folder)
        policy = parse(text, "policy of the block")
        if block.folder:
            snapshot = snapshot.with_folders(look_at_folders(policy))
        chosen = check(block.check)
        assert chosen is not None, f"there is no check {block.check}"
        report = judge(snapshot, policy, today=datetime.date(2026, 11, 24), checks=[chosen])
    _compare(block, report.outcomes[0], snapshot, folder)


def test_every_check_has_a_block_that_fires_and_one_that_does_not() -> None:
    fires = {block.check for block in BLOCKS if block.outcome == "fires"}
    quiet = {block.check for block in BLOCKS if block.outcome == "silent"}
    ids = {one.id for one in all_checks()}
    assert ids - fires == set()
    assert ids - quiet == set()


def test_every_check_explains_itself() -> None:
    for one in all_checks():
        assert one.title.endswith("."), one.id
        assert one.why, one.id
        assert one.fix, one.id
        assert one.silent, one.id
        assert one.references, one.id


def _in_transaction(block: Block, cluster: Cluster, stack: contextlib.ExitStack) -> Snapshot:
    connection = stack.enter_context(psycopg.connect(cluster.dsn(dbname="lab")))
    stack.callback(connection.rollback)
    run(connection, block)
    if block.inspect_as != "postgres":
        connection.execute(
            psycopg.sql.SQL("SET LOCAL ROLE {}").format(psycopg.sql.Identifier(block.inspect_as))
        )
    snapshot = read_open(connection)
    if block.inspect_as != "postgres" or "[[mandate]]" not in block.policy:
        return snapshot
    policy = parse("\n".join(block.policy), "policy of the block")
    return snapshot.with_conditions(conditions_of(connection, snapshot, snapshot.inspected[0], policy))


def _in_own_cluster(
    block: Block, new_cluster: Callable[..., Cluster], stack: contextlib.ExitStack
) -> Snapshot:
    listen = ["127.0.0.1"] if "listen_addresses" not in block.conf else []
    own = new_cluster(settings=block.conf, listen=listen, tls=block.tls, self_signed=block.self_signed)
    with psycopg.connect(own.dsn(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE lab")
        # before 14 the default is md5, which the rule for scram-sha-256 does not take
        admin.execute("SET password_encryption = 'scram-sha-256'")
        admin.execute(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")
    with psycopg.connect(own.dsn(dbname="lab"), autocommit=True) as connection:
        run(connection, block)
        if block.hba:
            # the test's own way in must not itself be a finding
            lines = ["local all postgres scram-sha-256", *block.hba]
            (own.data_directory / "pg_hba.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if block.ident:
            (own.data_directory / "pg_ident.conf").write_text("\n".join(block.ident) + "\n", encoding="utf-8")
        if block.hba or block.ident:
            own.reload()
    for conninfo in block.connect:
        defaults = {"host": str(own.socket_dir), "port": own.port, "dbname": "lab", "password": PASSWORD}
        given: dict[str, Any] = {**defaults, **psycopg.conninfo.conninfo_to_dict(conninfo)}
        stack.enter_context(psycopg.connect(**given))
    target = Target(own.dsn(user=block.inspect_as, dbname="lab", password=PASSWORD))
    snapshot = read_snapshot(target)
    if block.overdue:
        policy = parse("\n".join(block.policy), "policy of the block")
        snapshot = snapshot.with_overdue(read_overdue(target, policy, ["lab"]))
    return snapshot if block.sample is None else read_samples(target, snapshot, block.sample)


def _of_minor(snapshot: Snapshot, minor: int) -> Snapshot:
    # which minor version runs here is not for a test to say
    server = snapshot.server._replace(
        version_num=snapshot.major * 10000 + minor, version=f"{snapshot.major}.{minor}"
    )
    return Snapshot({**snapshot._sections, "server_rows": (server,)}, snapshot.inspected)


def run(connection: psycopg.Connection, block: Block) -> None:
    """Runs the SQL of a block, and before it what the block asks to be installed."""
    if block.installed:
        # inside of the block's transaction, which is rolled back
        connection.execute("SELECT")
        install(connection)
    sql = "\n".join(block.sql)
    if sql:
        connection.execute(sql.encode())


def _compare(block: Block, outcome: Outcome, snapshot: Snapshot, folder: str) -> None:
    said = [f"{one.finding.subject.name}: {one.finding.evidence}" for one in outcome.findings]
    if block.outcome == "fires":
        assert outcome.verdict is Verdict.FAIL, outcome.reason or said
        found = {one.finding.subject.name: one for one in outcome.findings}
        subjects = [
            _subject(expected.subject, snapshot).replace("/{folder}", folder) for expected in block.fires
        ]
        assert set(found) == set(subjects), said
        for subject, expected in zip(subjects, block.fires, strict=True):
            one = found[subject]
            for text in expected.evidence:
                assert text.replace("/{folder}", folder) in one.finding.evidence
            if expected.severity:
                assert one.severity is Severity[expected.severity.upper()]
    else:
        verdict = {
            "silent": Verdict.PASS,
            "not-applicable": Verdict.NOT_APPLICABLE,
            "unknown": Verdict.UNKNOWN,
        }[block.outcome]
        assert outcome.verdict is verdict, said or outcome.reason


def _subject(text: str, snapshot: Snapshot) -> str:
    if "{data}" not in text:
        return text
    return text.replace("{data}", snapshot.setting("data_directory").value)
