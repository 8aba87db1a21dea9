"""Nothing that stored SQL, settings and options hide may be in a snapshot: secrets of many shapes are planted."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.model.rows import MASK
from pgguard.server.connect import Target
from pgguard.server.read import read_open, read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.snapshot import Sections, Snapshot

SNAPSHOT = Path(__file__).parents[2] / "sql" / "snapshot"

# Each line is planted with a secret of every shape in place of {s}; {q} is the same with quotes doubled
# once more. Written for PostgreSQL 10; what only later versions take follows.
STATEMENTS = """
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT '{s}' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT E'{s}' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT E'it\\'s {s}' || E'a\\\\' || '{s}' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT U&'{s}' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT U&'!0041 {s}' UESCAPE '!' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT 'a\\' || '{s}' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT ''''||'{s}'||'''{s}''' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS 'SELECT ''{s}'''
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT $${s}$$ $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT $_1a${s}$_1a$ $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT $o$ $i$ {s} $i$ {s} $o$ $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT $o$ $$ {s} $$ {s} $o$ $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT $$ $o$ {s} $o$ {s} $$ $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT $o$ $5 {s} $o$ || $$ costs $1 {s} $$ $x$
CREATE FUNCTION p.{f}(a text) RETURNS text LANGUAGE sql AS $x$ SELECT $1||$${s}$$||$1||'{s}' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT 'a' -- {s}
 || 'b' /* {s} */ || /* /* {s} */ {s} */ 'c' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT 'a' /* it's {s} */ || 'b' -- isn't {s}
 || '{s}' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT 'a' /** "{s} **/ || '{s}' /*/ {s} */ $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT 'x' AS "it's", '{s}' AS "-- ", '{s}' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT '--' || '{s}' || '/*' || '{s}' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT 'a'
  '{s}' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT date'2020-01-01' || type'{s}' || E'{s}'
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql SET search_path = p AS $x$ SELECT '{s}'::regclass::text $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT '{s}'::name::text || name '{s}' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT current_setting('{s}') $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT format('{s} %s', '{s}') $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT format('SELECT %I {s}', '{s}') $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT 'host=h user=u password={s} dbname=d' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT 'password=''{q}'' host=h secret={s}' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT 'postgresql://u:{s}@h/d' $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT '{{"password": "{s}"}}'::json::text $x$
CREATE FUNCTION p.{f}() RETURNS text LANGUAGE sql AS $x$ SELECT 'Bearer {s}' || 'eyJ{s}' || 'AKIA{s}' $x$
CREATE FUNCTION p.{f}(a text DEFAULT '{s}') RETURNS text LANGUAGE sql AS $x$ SELECT a $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE 'SELECT ''{q}'''; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE 'SELECT ''a{q}' || '{s}'''; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE 'select {s} from {s}'; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE 'SELECT $q${s}$q$, $${s}$$'; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE $q$ SELECT '{s}', "{s}" $q$; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE $$ SELECT $q${s}$q$ {s} $$; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE E'SELECT \\'{s}\\' -- {s}\\n'; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE 'ALTER ROLE x PASSWORD {s}'; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE 'update {s}'; EXECUTE 'call {s}'; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE ' WHERE a = ''{q}' || ''''; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN CREATE ROLE x PASSWORD '{s}'; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN SET app.key TO '{s}'; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN RAISE NOTICE '{s} %', '{s}'; END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql AS $x$ DECLARE k CONSTANT text := '{s}'; BEGIN END $x$
CREATE FUNCTION p.{f}() RETURNS void LANGUAGE plpgsql SET app.wording = '{s}' AS $x$ BEGIN END $x$
CREATE VIEW p.{f} AS SELECT '{s}'::text AS a, E'\\\\{s}' AS b
CREATE MATERIALIZED VIEW p.{f} AS SELECT '{s}'::text AS a WITH NO DATA
CREATE TABLE p.{f} (a text DEFAULT '{s}', b text CHECK (b <> '{s}'))
CREATE INDEX {f} ON p.t ((t || '{s}')) WHERE t <> '{s}'
CREATE DOMAIN p.{f} AS text DEFAULT '{s}' CHECK (VALUE <> '{s}')
CREATE POLICY {f} ON p.t USING (t = '{s}') WITH CHECK (t = '{s}' || '{s}')
CREATE RULE {f} AS ON INSERT TO p.t DO ALSO SELECT '{s}'
CREATE TRIGGER {f} BEFORE INSERT ON p.t FOR EACH ROW WHEN (NEW.t = '{s}') EXECUTE PROCEDURE p.tr('{s}')
COMMENT ON TABLE p.t IS 'password: {s}'
COMMENT ON COLUMN p.t.t IS '{s}'
COMMENT ON FUNCTION p.tr() IS 'the password of labo is {s}, see postgresql://u:{s}@h/d'
COMMENT ON SCHEMA p IS 'mot de passe {s}'
ALTER ROLE planted PASSWORD '{s}'
ALTER ROLE planted SET app.encryption_key = '{s}'
ALTER ROLE planted SET app.wording = '{s}'
ALTER ROLE planted IN DATABASE lab SET "app.pass" = '{s}'
ALTER DATABASE lab SET lis.connection = 'host=h password={s}'
ALTER SYSTEM SET archive_command = 'PGPASSWORD={s} cp %p /a/%f'
ALTER SYSTEM SET archive_command = 'curl -u labo:{s} -T %p sftp://h/%f'
CREATE SERVER {f} FOREIGN DATA WRAPPER w OPTIONS (host 'h', password '{s}', phrase '{s}', url 'http://u:{s}@h')
CREATE USER MAPPING FOR planted SERVER s OPTIONS (user 'u', password '{s}')
CREATE PUBLICATION {f} FOR TABLE p.t
"""


def test_the_masking_is_the_same_wherever_it_is_written() -> None:
    parts = {
        name: re.search(r"\), known \(word\) AS \(\n.*?\n-- =+\n", (SNAPSHOT / name).read_text("ascii"), re.S)
        for name in ("definitions.sql", "definitions.pg14.sql", "statements.sql")
    }
    assert all(parts.values())
    assert len({found[0] for found in parts.values() if found}) == 1
