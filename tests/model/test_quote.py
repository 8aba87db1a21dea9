"""The quoting module against the server's own quote_ident and quote_literal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgguard.model.quote import grantee, ident, literal, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.demo.cluster import Cluster

NAMES = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=20)


@pytest.fixture(scope="module")
def connection(cluster: Cluster) -> Iterator[psycopg.Connection]:
    with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as opened:
        yield opened


@settings(max_examples=200, deadline=None)
@given(name=NAMES)
def test_a_quoted_name_reads_back_as_itself(connection: psycopg.Connection, name: str) -> None:
    row = connection.execute(f"SELECT 1 AS {ident(name)}".encode()).description
    assert row is not None
    # the server cuts names at 63 bytes
    assert name.encode().startswith(row[0].name.encode()[:60])


def test_every_keyword_that_the_server_quotes_is_quoted(connection: psycopg.Connection) -> None:
    rows = connection.execute("SELECT word, quote_ident(word) FROM pg_get_keywords()").fetchall()
    quoted = {word for word, text in rows if text != word}
    assert {word for word in quoted if ident(word) == word} == set()


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30))
@pytest.mark.parametrize("conforming", ["on", "off"])
def test_a_literal_reads_back_as_itself(connection: psycopg.Connection, text: str, conforming: str) -> None:
    connection.execute(f"SET standard_conforming_strings = {conforming}".encode())
    connection.execute("SET escape_string_warning = off")
    row = connection.execute(f"SELECT {literal(text)}::text".encode()).fetchone()
    assert row == (text,)


@pytest.mark.parametrize("name", ["", "a\x00b"])
def test_what_no_object_can_be_called_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        ident(name)


def test_a_literal_with_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        literal("a\x00")


def test_names_stay_readable() -> None:
    assert qualified("lab", "patient") == "lab.patient"
    assert qualified("Lab", "user") == '"Lab"."user"'
    assert grantee("public") == "PUBLIC"
    assert grantee('o"neil') == '"o""neil"'
