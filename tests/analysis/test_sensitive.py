"""What is taken for sensitive by name and type, and how the policy takes precedence, column by column."""

from __future__ import annotations

import pytest

from pgguard.analysis.sensitive import sensitive_columns
from pgguard.model.policy import ColumnEntry, Policy
from pgguard.model.rows import Column, Relation
from pgguard.model.snapshot import DatabaseSnapshot


def _database(**tables: dict[str, str]) -> DatabaseSnapshot:
    relations, columns = [], []
    for oid, (table, its_columns) in enumerate(tables.items(), 1):
        relations.append(
            Relation(oid, "lab", table, "r", "o", "", False, False, "p", (), "", 0, False, 0, 0, False)
        )
        columns += [
            Column(oid, number, name, kind, False, False, "", "", "")
            for number, (name, kind) in enumerate(its_columns.items(), 1)
        ]
    return DatabaseSnapshot({"relations": relations, "columns": columns}, "lab")


def _found(database: DatabaseSnapshot, policy: Policy | None = None) -> dict[str, str]:
    return {
        f"{one.relation.name}.{one.column.name}": one.category
        for one in sensitive_columns(database, policy or Policy())
    }


@pytest.mark.parametrize(
    ("column", "kind", "category"),
    [
        ("nir", "text", "national_id"),
        ("num_nir", "bigint", "national_id"),
        ("NHSNumber", "text", "national_id"),
        ("seguridad_social", "text", "national_id"),
        ("DATENAISSANCE", "date", "date_of_birth"),
        ("patBirthDate", "date", "date_of_birth"),
        ("fecha_nacimiento", "date", "date_of_birth"),
        ("Geburtsdatum", "date", "date_of_birth"),
        ("NomNaissance", "text", "direct_identifier"),
        ("lastname", "text", "direct_identifier"),
        ("Prénom", "text", "direct_identifier"),
        ("apellidos", "text", "direct_identifier"),
        ("cim10_code", "text", "health_observation"),
        ("hiv_status", "boolean", "health_observation"),
        ("hgvs", "text", "genetic"),
        ("MotDePasse", "text", "credential"),
    ],
)
def test_a_name_that_leaves_little_doubt(column: str, kind: str, category: str) -> None:
    assert _found(_database(t={column: kind})) == {f"t.{column}": category}


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("diagnostic_id", "bigint"),
        ("birthdate_estimated", "boolean"),
        ("date_of_death_recorded_at", "timestamp without time zone"),
        ("diagnosis_type", "text"),
        ("password_changed_at", "timestamp with time zone"),
        ("nom", "text"),
        ("name", "text"),
        ("valeur", "numeric"),
        ("commune", "text"),
        ("file_name", "text"),
    ],
)
def test_a_name_that_says_too_little(column: str, kind: str) -> None:
    assert _found(_database(t={column: kind})) == {}


def test_the_table_tells_what_a_common_name_means() -> None:
    found = _found(
        _database(
            patients={"nom": "text", "file_name": "text", "ville": "text"},
            obs={"patient_id": "bigint", "value_text": "text", "name": "text"},
            users={"name": "text", "email": "text"},
            patient_identifier_type={"name": "text"},
        )
    )
    assert found == {
        "patients.nom": "direct_identifier",
        "patients.ville": "contact",
        "obs.value_text": "health_observation",
        "obs.name": "health_observation",
        "users.name": "staff_identity",
        "users.email": "staff_identity",
    }


def test_the_policy_decides_column_by_column_and_the_detector_for_the_others() -> None:
    database = _database(
        patient={"nir": "text", "surnom": "text", "prenom": "text"}, patient_copy={"nir": "text"}
    )
    policy = Policy(
        column=(
            ColumnEntry("lab.patient.surnom", "direct_identifier"),
            ColumnEntry("lab.patient.prenom", "none"),
            ColumnEntry("lab.patient_copy.nir", "none", database="another"),
        )
    )
    assert {
        f"{one.relation.name}.{one.column.name}": (one.category, one.declared)
        for one in sensitive_columns(database, policy)
    } == {
        "patient.nir": ("national_id", False),
        "patient.surnom": ("direct_identifier", True),
        "patient_copy.nir": ("national_id", False),
    }
