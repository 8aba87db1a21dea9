"""Headers of exported rows, judged under a policy."""

from __future__ import annotations

from pgguard.analysis.headers import sensitive_header
from pgguard.model.policy import ColumnEntry, Policy


def test_a_policy_that_declares_columns_judges_headers_too() -> None:
    policy = Policy(column=(ColumnEntry("lab.patient.nir", "national_id"),))
    assert "national_id" in sensitive_header(["nom", "prenom", "nir"], "patients", policy)
    assert sensitive_header(["colour", "weight"], "boxes", policy) == []
