"""A report that holds one of everything."""

from __future__ import annotations

from pgguard.changes.manual import by_hand
from pgguard.changes.roles import alter_role
from pgguard.model.finding import (
    Finding,
    Judged,
    Outcome,
    Report,
    Severity,
    Subject,
    Unread,
    Verdict,
    WaivedBy,
)


def report_with_everything() -> Report:
    """Two open findings, a waived one, an incomplete check, an unknown, a not applicable and a passed one."""
    hostile = Finding(
        Subject("role", '"la\u202ebo\x1b[31m"'),
        "evidence with a bell \a and\na second line",
        fix=(alter_role("labo", "NOLOGIN", "LOGIN"), by_hand("tell them")),
    )
    table = Finding(Subject("relation", "lab.patient", "lab"), "PUBLIC has SELECT")
    waived = WaivedBy("migration until June", "RSSI", "2027-06-30")
    return Report(
        target="/run/postgresql:5432",
        server_version="15.18",
        databases=("lab", "postgres"),
        inspected_at="2026-11-24T10:20:30.000000Z",
        inspected_as="auditor",
        unread=(Unread("hba_rules", "permission denied for view pg_hba_file_rules"),),
        policy_file="pgguard.toml",
        policy_sha256="0" * 64,
        outcomes=(
            Outcome(
                "a-check",
                Severity.HIGH,
                ("GDPR 32",),
                Verdict.FAIL,
                (
                    Judged(table, table.fingerprint("a-check"), Severity.CRITICAL, "revoke it"),
                    Judged(hostile, hostile.fingerprint("a-check"), Severity.HIGH, "mend it"),
                ),
                "database mri: permission denied",
            ),
            Outcome(
                "b-check",
                Severity.LOW,
                (),
                Verdict.FAIL,
                (Judged(table, table.fingerprint("b-check"), Severity.LOW, "do", waived),),
            ),
            Outcome("c-check", Severity.HIGH, (), Verdict.UNKNOWN, (), "hba_rules could not be read"),
            Outcome("d-check", Severity.HIGH, (), Verdict.NOT_APPLICABLE, (), "declare a roster"),
            Outcome("e-check", Severity.HIGH, (), Verdict.PASS),
        ),
    )
