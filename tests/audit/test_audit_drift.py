"""Drift tells when a table is no longer audited as the audit store makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from pgguard.analysis.drift import Direction, drift
from pgguard.model.finding import Severity
from pgguard.model.policy import Policy
from pgguard.server.read import read_open
from tests.audit.store import with_store

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster


def test_a_trigger_taken_from_an_audited_table(running: Cluster) -> None:
    with psycopg.connect(with_store(running, "drifting")) as connection:
        connection.execute("CREATE TABLE public.patient (id integer PRIMARY KEY, nir text)")
        connection.execute("SELECT pgguard_audit.audit('public.patient', 'id')")
        before = read_open(connection)
        connection.execute("ALTER TABLE public.patient DISABLE TRIGGER USER")
        after = read_open(connection)
        connection.rollback()
    found = [one for one in drift(before, after, Policy()).differences if one.area == "audit"]
    assert {one.severity for one in found} == {Severity.CRITICAL}
    assert {one.direction for one in found} == {Direction.WIDENED}
    told = {(one.noun, one.who, one.does) for one in found}
    assert ("table", ("public.patient",), "has not the audit triggers and code that it should") in told
    assert any(noun == "audit trigger" and does == "is disabled now" for noun, _, does in told)
    back = [one for one in drift(after, before, Policy()).differences if one.area == "audit"]
    assert {one.direction for one in back} == {Direction.NARROWED}
