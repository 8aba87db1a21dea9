"""What a login could try to read more than it was given: statements, and everything that comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PREPARATION = (
    "SET default_transaction_read_only = off",
    "SET client_min_messages = debug1",
    "SET statement_timeout = '5s'",
    """CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
       AS $$ BEGIN RAISE NOTICE 'leak %', $1; RETURN true; END $$""",
    """CREATE FUNCTION pg_temp.whole(record) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
       AS $$ BEGIN RAISE NOTICE 'leak %', $1; RETURN true; END $$""",
    """CREATE FUNCTION pg_temp.same(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
       AS $$ BEGIN RAISE NOTICE 'leak % %', $1, $2; RETURN true; END $$""",
    "CREATE OPERATOR pg_temp.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.same, "
    "RESTRICT = eqsel, JOIN = eqjoinsel)",
)


class Attacker:
    """A session that tries things and keeps every word that the server says."""

    def __init__(self, dsn: str) -> None:
        self.words: list[str] = []
        self.connection = psycopg.connect(dsn, autocommit=True)
        self.connection.add_notice_handler(self._noticed)

    def close(self) -> None:
        self.connection.close()

    def attempt(self, statement: str) -> None:
        """Run it in a transaction that is rolled back; rows, notices and errors are kept."""
        try:
            with self.connection.transaction(force_rollback=True):
                cursor = self.connection.execute(statement.encode())
                while True:
                    if cursor.description is not None:
                        self.words += [str(row) for row in cursor.fetchall()]
                    if not cursor.nextset():
                        break
        except psycopg.Error as error:
            self._failed(error)

    def keep(self, statement: str) -> None:
        """Run it for the session."""
        try:
            self.connection.execute(statement.encode())
        except psycopg.Error as error:
            self._failed(error)

    def copy(self, what: str) -> None:
        try:
            with self.connection.cursor().copy(f"COPY {what} TO STDOUT".encode()) as data:
                self.words += [bytes(block).decode() for block in data]
        except psycopg.Error as error:
            self._failed(error)

    def text(self) -> str:
        return "\n".join(self.words)

    def _noticed(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self.words.append(str(diagnostic.message_primary))

    def _failed(self, error: psycopg.Error) -> None:
        said = error.diag
        self.words += [
            str(one)
            for one in (
                error,
                said.message_primary,
                said.message_detail,
                said.message_hint,
                said.context,
                said.internal_query,
            )
        ]
        if self.connection.closed:
            raise error


def on_relation(name: str, columns: Sequence[str]) -> Iterator[str]:
    """Attempts on one relation."""
    some = columns[-1]
    yield f"SELECT * FROM {name}"
    yield f"SELECT * FROM ONLY {name}"
    yield f"SELECT t FROM {name} AS t"
    yield f"SELECT row_to_json(t), t::text FROM {name} AS t"
    yield f"SELECT ctid, tableoid::regclass, xmin, t.* FROM {name} AS t"
    yield f"SELECT count(*) FROM {name}"
    yield f"SELECT 1 FROM {name} AS t WHERE pg_temp.whole(t)"
    yield f"SELECT t.ctid FROM {name} AS t WHERE t.ctid IN ('(0,1)', '(0,2)', '(0,3)')"
    yield f"EXPLAIN (ANALYZE, VERBOSE, COSTS OFF) SELECT * FROM {name} WHERE pg_temp.leak({some}::text)"
    yield f"SELECT table_to_xml('{name}', true, false, '')"
    yield f"SELECT query_to_xml('SELECT * FROM {name}', true, false, '')"
    yield f"PREPARE p AS SELECT * FROM {name}; EXECUTE p"
    yield f"DECLARE c CURSOR FOR SELECT * FROM {name}; FETCH ALL FROM c"
    yield f"SET LOCAL row_security = off; SELECT * FROM {name}"
    yield f"SELECT set_config('row_security', 'off', true); SELECT * FROM {name}"
    yield f"SELECT * FROM {name} FOR UPDATE"
    yield f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY; SELECT * FROM {name}"
    yield f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY; SELECT * FROM {name}"
    yield f"ALTER VIEW {name} RESET (security_barrier); SELECT 1 FROM {name} WHERE pg_temp.leak({some}::text)"
    yield f"ALTER TABLE {name} OWNER TO CURRENT_USER; SELECT * FROM {name}"
    yield f"GRANT ALL ON {name} TO CURRENT_USER; SELECT * FROM {name}"
    yield f"CREATE TEMP VIEW v AS SELECT * FROM {name}; SELECT * FROM v"
    yield f"CREATE TEMP TABLE w AS SELECT * FROM {name}; SELECT * FROM w"
    yield f"CREATE TEMP TABLE w () INHERITS ({name}); SELECT * FROM {name}"
    yield f"CREATE RULE r AS ON INSERT TO {name} DO ALSO SELECT * FROM {name}"
    yield f"CREATE STATISTICS pg_temp.s ON {columns[0]}, {some} FROM {name}; ANALYZE {name}"
    yield f"ANALYZE VERBOSE {name}"
    loop = f"FOR r IN SELECT * FROM {name} LOOP RAISE NOTICE '%', r; END LOOP"
    yield f"DO $$ DECLARE r record; BEGIN {loop}; END $$"
    yield f"DELETE FROM {name} RETURNING *"
    yield f"DELETE FROM {name} WHERE pg_temp.leak({some}::text)"
    yield f"UPDATE {name} SET {some} = {some} RETURNING *"
    yield f"INSERT INTO {name} SELECT * FROM {name} RETURNING *"
    yield f"INSERT INTO {name} ({columns[0]}) VALUES (1) ON CONFLICT DO NOTHING RETURNING *"
    yield f"TRUNCATE {name}"
    yield f"SELECT pg_get_viewdef('{name}'::regclass), obj_description('{name}'::regclass)"
    for column in columns:
        yield f"SELECT {column} FROM {name}"
        yield f"SELECT (t).{column} FROM (SELECT t FROM {name} AS t) AS q"
        yield f"SELECT string_agg({column}::text, ',') FROM {name}"
        yield f"SELECT min({column}::text), max({column}::text) FROM {name}"
        yield f"SELECT 1 FROM {name} WHERE pg_temp.leak({column}::text)"
        yield f"SELECT 1 FROM {name} WHERE pg_temp.leak({column}::text) AND {column}::text LIKE 'tok%'"
        yield f"SELECT 1 FROM {name} WHERE {column}::text OPERATOR(pg_temp.===) 'x'"
        yield f"SELECT 1 FROM {name} WHERE {column}::text::int = 1"
        yield f"SELECT {column}::text::int FROM {name}"
        yield f"SELECT 1 / (length({column}::text) - length({column}::text)) FROM {name}"
        yield f"SELECT 1 FROM {name} WHERE CASE WHEN pg_temp.leak({column}::text) THEN true END"
        yield f"SELECT l.v FROM {name} AS t, LATERAL (SELECT t.{column}::text AS v OFFSET 0) AS l"
        pair = f"a.{column}::text, b.{column}::text"
        yield f"SELECT 1 FROM {name} AS a JOIN {name} AS b ON pg_temp.same({pair})"
        yield f"SELECT pg_temp.leak({column}::text) FROM {name} ORDER BY {column} LIMIT 100"
        yield f"SELECT 1 FROM {name} GROUP BY {column} HAVING pg_temp.leak({column}::text)"
        yield f"EXPLAIN (VERBOSE) SELECT * FROM {name} WHERE {column}::text > 'tok'"
        yield f"SELECT * FROM ts_stat('SELECT to_tsvector({column}::text) FROM {name}')"
        yield f"UPDATE {name} SET {column} = NULL WHERE pg_temp.leak({column}::text)"


def everywhere(roles: Sequence[str], functions: Sequence[str], large: Sequence[int]) -> Iterator[str]:
    """Attempts on the rest of the database."""
    for view in ("pg_stats", "pg_stats_ext", "pg_stats_ext_exprs", "pg_statistic", "pg_statistic_ext_data",
                 "pg_stat_activity", "pg_largeobject", "pg_authid", "pg_prepared_statements", "pg_cursors",
                 "information_schema.columns", "information_schema.views", "information_schema.triggers",
                 "information_schema.routines", "pg_views", "pg_matviews", "pg_stat_statements",
                 "information_schema.check_constraints", "pg_policies", "pg_rules"):  # fmt: skip
        yield f"SELECT * FROM {view}"
    for role in roles:
        yield f"SET ROLE {role}"
        yield f"SET SESSION AUTHORIZATION {role}"
        yield f"GRANT {role} TO CURRENT_USER"
    for function in functions:
        yield f"SELECT {function}(n) FROM generate_series(1, 12) AS n"
        yield f"SELECT * FROM {function}(1)"
        yield f"SELECT {function}()"
        yield f"SELECT {function}('tok')"
        yield f"CALL {function}()"
    for oid in large:
        yield f"SELECT convert_from(lo_get({oid}), 'UTF8')"
        yield f"SELECT convert_from(loread(lo_open({oid}, 262144), 1000), 'UTF8')"
        yield f"SELECT lo_export({oid}, '/tmp/none/none')"
    yield "SELECT database_to_xml(true, false, '')"
    yield "SELECT schema_to_xml(nspname::name, true, false, '') FROM pg_namespace WHERE nspname LIKE 's%'"
    yield "SELECT pg_read_file('PG_VERSION')"
    yield "SELECT pg_ls_dir('base')"
    yield "COPY pg_authid TO PROGRAM 'cat'"
    yield "CREATE ROLE other SUPERUSER"
    yield "ALTER ROLE CURRENT_USER SUPERUSER"
    yield "ALTER ROLE CURRENT_USER BYPASSRLS"
    yield "CREATE EXTENSION dblink"
    yield "SELECT query FROM pg_stat_activity"
