"""The JSON report keeps to its published schema, whatever the outcomes."""

from __future__ import annotations

import json
import re
import typing
from importlib import resources

import jsonschema
import pytest

from pgguard.checks import all_checks
from pgguard.model import finding
from pgguard.model.finding import Severity
from pgguard.report.json import render
from tests.report.reports import report_with_everything

SCHEMA = json.loads(resources.files("pgguard").joinpath("data/report.schema.json").read_text("utf-8"))


def validate(document: object) -> None:
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_kind_of_outcome_fits_the_schema() -> None:
    document = json.loads(render(report_with_everything()))
    validate(document)
    assert document["summary"] == {
        "critical": 1, "high": 1, "medium": 0, "low": 0, "unknown": 2, "waived": 1
    }  # fmt: skip
    assert {outcome["verdict"] for outcome in document["outcomes"]} == {
        "fail", "pass", "unknown", "not-applicable"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("outcomes", 0, "verdict"), "pass"),
        (("outcomes", 0, "findings", 0, "severity"), "urgent"),
        (("outcomes", 0, "findings", 0, "subject", "kind"), "table"),
        (("summary", "critical"), -1),
        (("target", "oid"), 5),
    ],
)
def test_the_schema_refuses_what_a_report_may_not_say(path: tuple[str | int, ...], value: object) -> None:
    document = json.loads(render(report_with_everything()))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def test_the_schema_and_the_types_name_the_same_things() -> None:
    kinds = SCHEMA["$defs"]["finding"]["properties"]["subject"]["properties"]["kind"]["enum"]
    assert set(kinds) == set(typing.get_args(finding.SubjectKind))
    assert SCHEMA["$defs"]["severity"]["enum"] == [one.label for one in sorted(Severity, reverse=True)]
    pattern = re.compile(SCHEMA["$defs"]["outcome"]["properties"]["check"]["pattern"])
    assert [check.id for check in all_checks() if not pattern.fullmatch(check.id)] == []
