"""What values of parameters come to, where no server is needed to know."""

from __future__ import annotations

import pytest

from pgguard.analysis.settings import audit_classes, entries, is_off, is_zero, libraries


@pytest.mark.parametrize("value", ["off", "OFF", "false", "no", "0", "", " off "])
def test_off(value: str) -> None:
    assert is_off(value)


@pytest.mark.parametrize("value", ["on", "receipt,authentication", "all", "1"])
def test_not_off(value: str) -> None:
    assert not is_off(value)


@pytest.mark.parametrize("value", ["0", "0ms", " 0 min", "-1", "0.0"])
def test_an_amount_that_is_nothing(value: str) -> None:
    assert is_zero(value)


@pytest.mark.parametrize("value", ["5min", "300000", "0.5s", "1", "", "x"])
def test_an_amount_that_is_something_or_not_understood(value: str) -> None:
    assert not is_zero(value)


def test_entries_of_lists() -> None:
    assert entries(' "a" ,b,, c') == ("a", "b", "c")
    assert libraries("$libdir/pgaudit.so, auto_explain") == ("pgaudit", "auto_explain")


def test_audit_classes() -> None:
    assert audit_classes("ddl, role") == {"ddl", "role"}
    assert audit_classes("none") == set()
    assert "misc" not in audit_classes("all, -misc")
    assert "ddl" in audit_classes("ALL,-Misc")
    assert audit_classes("-ddl") == set()
