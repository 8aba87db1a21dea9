"""The terminal report: the worst first, nothing that a terminal would act on, colour only when asked."""

from __future__ import annotations

import re

from pgguard.changes.privileges import revoke
from pgguard.model.finding import Finding, Subject
from pgguard.report.terminal import render
from pgguard.report.text import statement
from tests.report.reports import report_with_everything

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")

EXPECTED = """\
pgguard VERSION  PostgreSQL 15.18 at /run/postgresql:5432, 2 databases: lab, postgres
inspected 2026-11-24 10:20 UTC as auditor, policy pgguard.toml

 CRITICAL  1
a-check  lab.patient  (database lab)
    PUBLIC has SELECT
    fix  revoke it

 HIGH  1
a-check  "la\\u202ebo\\x1b[31m"
    evidence with a bell \\x07 and\\na second line
    fix  ALTER ROLE labo NOLOGIN;  (and 1 more statement: --format json)

 WAIVED  1
b-check  lab.patient  (database lab)  low
    migration until June (RSSI, until 2027-06-30)

 NOT EVALUATED  2
a-check (in part)
    database mri: permission denied
c-check
    hba_rules could not be read

 NOT APPLICABLE  1
d-check
    declare a roster

1 critical, 1 high, 0 medium, 0 low; 1 of 5 checks passed; 2 not evaluated; 1 waived
pgguard explain CHECK tells why it matters and how to fix it by hand.
"""


def test_the_whole_report_as_text() -> None:
    text = re.sub(r"^pgguard \S+", "pgguard VERSION", render(report_with_everything()))
    assert text == EXPECTED


def test_colour_changes_nothing_but_colour() -> None:
    plain = render(report_with_everything())
    coloured = render(report_with_everything(), color=True)
    assert ESCAPE.search(coloured)
    assert ESCAPE.sub("", coloured) == plain


def test_lines_fit_the_terminal() -> None:
    for line in render(report_with_everything(), width=60).splitlines():
        assert len(line) <= 60


def test_a_fix_says_where_it_has_to_run_when_the_subject_does_not() -> None:
    change = revoke(["SELECT"], "TABLE lab.patient", "labo", database="lab\nDROP")
    on_role = Finding(Subject("role", "labo"), "evidence", fix=(change,))
    on_table = Finding(Subject("relation", "lab.patient", "lab\nDROP"), "evidence", fix=(change,))
    assert statement(change, on_role) == f'{change.sql} -- in database "lab\\nDROP"'
    assert statement(change, on_table) == change.sql
