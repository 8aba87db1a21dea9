"""What the detector says of columns, and how it is told from what stands around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from bench.schemas import SHARED, snapshot
from pgguard.analysis.personal import classify, said_once
from pgguard.errors import PolicyError
from pgguard.model.policy import ColumnEntry, Discovery, Policy
from pgguard.model.rows import Column, Comment, Constraint, Relation
from pgguard.model.snapshot import DatabaseSnapshot
from pgguard.server.connect import Target
from pgguard.server.read import read_snapshot
from tests import schemas

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.cluster import Cluster
    from pgguard.model.classification import Classified


class _Table(NamedTuple):
    name: str
    columns: dict[str, str]
    # column -> table whose first column it refers to
    references: dict[str, str] = {}  # noqa: RUF012
    comments: dict[str, str] = {}  # noqa: RUF012
    parent: str = ""


def _database(*tables: _Table) -> DatabaseSnapshot:
    oids = {table.name: 16384 + number for number, table in enumerate(tables)}
    relations, columns, constraints, comments = [], [], [], []
    for table in tables:
        oid = oids[table.name]
        parent = oids.get(table.parent, 0)
        relations.append(
            Relation(
                oid, "app", table.name, "r", "o", "", False, False, "p", (), "", parent, False, 0, 0, False
            )
        )
        numbers = {name: number for number, name in enumerate(table.columns, 1)}
        columns += [
            Column(oid, numbers[name], name, kind, False, False, "", "", "")
            for name, kind in table.columns.items()
        ]
        constraints.append(Constraint(0, oid, f"{table.name}_pkey", "p", (1,), 0, (), True))
        constraints += [
            Constraint(0, oid, f"{table.name}_{name}", "f", (numbers[name],), oids[other], (1,), True)
            for name, other in table.references.items()
        ]
        comments += [Comment(oid, numbers[name], text) for name, text in table.comments.items()]
    return DatabaseSnapshot(
        {
            "relations": relations,
            "columns": columns,
            "constraints": constraints,
            "comments": comments,
            "column_labels": [],
            "definitions": [],
        },
        "hospital",
    )


def _said(database: DatabaseSnapshot, policy: Policy | None = None) -> dict[str, str]:
    return {_name(one): one.category for one in classify(database, policy or Policy())}


def _name(one: Classified) -> str:
    return f"{one.relation.name}.{one.column.name}"


PATIENT = _Table(
    "patient",
    {
        "patient_id": "bigint",
        "last_name": "text",
        "birth_date": "date",
        "created_at": "timestamp with time zone",
    },
)


def test_every_column_is_told_once_with_its_reasons() -> None:
    database = _database(PATIENT, _Table("currency", {"code": "text", "label": "text"}))
    found = classify(database, Policy())
    assert [(one.relation.oid, one.column.number) for one in found] == [
        (one.relation, one.number) for one in database.columns
    ]
    assert all(0.0 <= one.score <= 1.0 and one.evidence for one in found)
    assert _said(database) == {
        "patient.patient_id": "person_key",
        "patient.last_name": "direct_identifier",
        "patient.birth_date": "date_of_birth",
        "patient.created_at": "none",
        "currency.code": "none",
        "currency.label": "none",
    }
    assert classify(database, Policy()) is found


@pytest.mark.parametrize(
    ("column", "kind", "category"),
    [
        ("patfname", "text", "direct_identifier"),
        ("DATENAISS", "date", "date_of_birth"),
        ("NumSecu", "text", "national_id"),
        ("Geburtsdatum", "date", "date_of_birth"),
        ("Straße", "text", "contact"),
        ("fecha_nacimiento", "date", "date_of_birth"),
        ("apellidos", "text", "direct_identifier"),
        ("birthdate_estimated", "boolean", "none"),
        ("last_name_updated_at", "timestamp without time zone", "none"),
    ],
)
def test_names_are_read_in_four_languages_however_they_are_joined(
    column: str, kind: str, category: str
) -> None:
    assert (
        _said(_database(_Table("patients", {"id": "bigint", column: kind})))[f"patients.{column}"] == category
    )


def test_a_column_is_health_data_because_of_whose_row_it_is() -> None:
    database = _database(
        PATIENT,
        _Table("prescription", {"id": "bigint", "patient": "bigint"}, {"patient": "patient"}),
        _Table(
            "posologie",
            {"id": "bigint", "prescription": "bigint", "dose": "numeric", "unite": "text"},
            {"prescription": "prescription"},
        ),
        _Table("medicament", {"code": "text", "libelle": "text", "dose": "numeric", "unite": "text"}),
    )
    said = _said(database)
    assert said["posologie.dose"] == "health_observation"
    assert said["posologie.unite"] == said["posologie.prescription"] == "none"
    assert said["medicament.libelle"] == said["medicament.dose"] == "none"


def test_a_coded_key_is_the_diagnosis_and_its_list_is_nobodys() -> None:
    database = _database(
        PATIENT,
        _Table("concept", {"concept_id": "bigint", "name": "text", "code": "text"}),
        _Table(
            "condition",
            {
                "id": "bigint",
                "patient_id": "bigint",
                "condition_concept_id": "bigint",
                "unit_concept_id": "bigint",
            },
            {"patient_id": "patient", "condition_concept_id": "concept", "unit_concept_id": "concept"},
        ),
    )
    said = _said(database)
    assert said["condition.condition_concept_id"] == "health_observation"
    assert said["condition.unit_concept_id"] == said["concept.name"] == said["concept.code"] == "none"


def test_a_key_by_its_name_alone_makes_a_record_of_a_person() -> None:
    database = _database(
        _Table("subjects", {"subject_id": "integer", "gender": "text", "dod": "date"}),
        _Table("events", {"event_id": "integer", "subject_id": "integer", "systolic": "numeric"}),
    )
    said = _said(database)
    assert said["events.subject_id"] == "person_key"
    assert said["events.systolic"] == "health_observation"


def test_the_address_of_an_organisation_is_nobodys() -> None:
    columns = {"id": "bigint", "name": "text", "address_line1": "text", "phone": "text"}
    database = _database(_Table("hospital", columns), _Table("patient", columns), _Table("users", columns))
    said = _said(database)
    assert {said[f"hospital.{name}"] for name in columns} == {"none"}
    assert said["patient.address_line1"] == "contact"
    assert said["users.name"] == said["users.phone"] == "staff_identity"


def test_a_comment_tells_what_a_name_hides() -> None:
    columns = {"id": "bigint", "f1": "text"}
    plain = _Table("patient", columns)
    assert (
        _said(_database(plain._replace(comments={"f1": "family name"})))["patient.f1"] == "direct_identifier"
    )
    assert _said(_database(plain))["patient.f1"] != "direct_identifier"


def test_a_child_follows_its_parent_and_is_said_once() -> None:
    database = _database(
        _Table("measure", {"id": "bigint", "patient_id": "bigint", "systolic": "numeric"}),
        PATIENT,
        _Table("m_2024", {"id": "bigint", "patient_id": "bigint", "systolic": "numeric"}, parent="measure"),
    )
    said = _said(database)
    assert said["m_2024.systolic"] == said["measure.systolic"] == "health_observation"
    assert {one.relation.name for one in said_once(classify(database, Policy()))} == {"measure", "patient"}


def test_what_a_person_decided_stands() -> None:
    policy = Policy(column=(ColumnEntry("app.patient.last_name", "none", decided_by="dpo"),))
    (one,) = [one for one in classify(_database(PATIENT), policy) if one.column.name == "last_name"]
    assert (one.category, one.score, one.decided_by) == ("none", 1.0, "dpo")


def test_a_site_has_words_of_its_own(tmp_path: Path) -> None:
    words = tmp_path / "site.toml"
    words.write_text('[columns.anywhere.record_number]\nphrases = ["zorgnummer"]\n')
    database = _database(_Table("opname", {"id": "bigint", "zorgnummer": "text"}))
    assert _said(database)["opname.zorgnummer"] == "none"
    policy = Policy(discovery=Discovery(lexicons=(str(words),)))
    assert _said(database, policy)["opname.zorgnummer"] == "record_number"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[columns.anywhere.health]\nphrases = []\n", "columns.anywhere.health: unknown"),
        ("[columns.somewhere.death]\nphrases = []\n", "columns.somewhere: unknown"),
        ("[tables]\nperson = 3\n", "tables.person: must be a list of words"),
        ("[besides]\nkey = []\n", "besides: unknown"),
        ("[tables\n", "not TOML"),
    ],
)
def test_a_mistake_in_a_lexicon_is_named_with_file_and_key(tmp_path: Path, text: str, named: str) -> None:
    words = tmp_path / "site.toml"
    words.write_text(text)
    with pytest.raises(PolicyError) as caught:
        classify(_database(PATIENT), Policy(), lexicons=(str(words),))
    assert str(caught.value).startswith(f"{words}: ")
    assert named in str(caught.value)


@pytest.mark.skipif(not schemas.names(), reason="the column lists of real schemas are not beside the project")
def test_a_list_of_columns_is_judged_as_the_server_that_holds_them(
    new_cluster: Callable[..., Cluster],
) -> None:
    name = min(schemas.names(), key=lambda one: (SHARED / f"{one}.columns.csv").stat().st_size)
    cluster = new_cluster(hba="local all postgres trust\n")
    schemas.load(cluster, name, keys=True)
    (loaded,) = read_snapshot(Target(cluster.dsn()), [name]).inspected
    told = {
        (one.relation.name, one.column.name): (one.category, one.score) for one in classify(loaded, Policy())
    }
    listed = {
        (one.relation.name, one.column.name): (one.category, one.score)
        for one in classify(snapshot(SHARED, name), Policy())
    }
    assert told == listed
