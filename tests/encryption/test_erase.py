"""Erasing from an encrypted table: rows go where they are stored, and crypto-erase takes the ciphertext."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.errors import InputError
from pgguard.nightly import erasing
from pgguard.server.connect import Target
from pgguard.store.erasure_folder import Journal
from pgguard.store.policy_file import parse
from tests.encryption.encrypting import encrypted, fill

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from pgguard.model.erasure_record import ErasureReport
    from tests.encryption.encrypting import Laboratory

RULE = '[[retention]]\ntable = "lab.patient"\nmonths = 12\nage_column = "{age}"\naction = "{action}"\n'


def _laboratory(cluster: Cluster, name: str) -> Laboratory:
    fill(cluster, name)
    with psycopg.connect(cluster.dsn(dbname=name), autocommit=True) as connection:
        connection.execute("ALTER TABLE lab.patient ADD COLUMN seen date")
        connection.execute("UPDATE lab.patient SET seen = CASE WHEN id <= 10 THEN date '2000-01-01' END")
    return encrypted(cluster, name, tables=("lab.patient",), filled=True)


def _erased(laboratory: Laboratory, text: str, *, rewrite: bool) -> ErasureReport:
    target, chosen = Target(laboratory.dsn()), parse(text, "policy of the test")
    plan = erasing.plan(target, chosen)
    record = erasing.run(target, lambda: chosen, plan, Journal(None), rewrite=rewrite)
    return erasing.report(target, chosen, record)


def test_ciphertext_and_blind_index_are_taken_and_the_rest_stays(cluster: Cluster) -> None:
    laboratory = _laboratory(cluster, "crypto_erased")
    before = dict(laboratory.superuser("SELECT id, nir_pgg1 FROM lab.patient_pgg1"))
    text = RULE.format(age="seen", action="crypto-erase") + 'columns = ["nir", "note"]\n'
    report = _erased(laboratory, text, rewrite=False)
    (done,) = report.record.done
    assert (done.table, done.changed, done.after) == ("lab.patient_pgg1", 10, 40)
    with laboratory.session("biologist") as connection:
        shown = laboratory.read(connection)
    kept = laboratory.kept()
    assert {one for one, nir in shown.items() if nir is None} == set(range(1, 11))
    assert all(shown[one] == kept[one] for one in range(11, 41))
    ((left,),) = laboratory.superuser(
        "SELECT count(*) FROM lab.patient_pgg1 WHERE id <= 10 "
        "AND (nir_pgg1 IS NOT NULL OR nir_find IS NOT NULL OR note_pgg1 IS NOT NULL OR born_pgg1 IS NULL)"
    )
    assert left == 0
    (rows,) = (one for one in report.claims if one.table == done.table and one.place == "rows")
    assert rows.state == "maybe"
    assert "as ciphertext, which its group's key opens" in rows.why
    report = _erased(laboratory, text, rewrite=True)
    assert not _found(laboratory, before[3])
    assert {one.state for one in report.claims if one.place == "rows"} == {"gone"}


def _found(laboratory: Laboratory, value: bytes) -> bool:
    laboratory.superuser("CHECKPOINT")
    base = laboratory.cluster.data_directory / "base"
    return any(bytes(value) in one.read_bytes() for one in base.rglob("*") if one.is_file())


def test_rows_are_deleted_where_they_are_stored(cluster: Cluster) -> None:
    laboratory = _laboratory(cluster, "deleted")
    _erased(laboratory, RULE.format(age="seen", action="delete"), rewrite=False)
    assert laboratory.superuser("SELECT min(id), count(*) FROM lab.patient") == [(11, 30)]
    for text, said in (
        (RULE.format(age="born", action="delete"), "born is encrypted, and nobody can tell the age by it"),
        (
            RULE.format(age="seen", action="crypto-erase") + 'columns = ["name"]\n',
            "name is not stored encrypted by pgguard",
        ),
        (
            RULE.format(age="seen", action="delete")
            + '[[hold]]\ntable = "lab.patient"\nrows = "nir = \'1\'"\nreason = "r"\nowner = "o"\n',
            "nir is encrypted, and cannot be compared",
        ),
    ):
        with pytest.raises(InputError, match=said):
            erasing.plan(Target(laboratory.dsn()), parse(text, "policy of the test"))
