-- psql has no procedures, but a variable may hold commands (psql manual, "SQL Interpolation"). Inside one
-- a line's end does not end a command; \\ does.

-- Whether the query before it failed, and why.
SELECT $pgguard$
\if :psql_tells_errors \\
\set failed :ERROR \\
\set why :LAST_ERROR_MESSAGE \\
\else \\
\set failed true \\
\set why 'the server refused it; psql 10 says why on stderr only' \\
SELECT false AS failed \gset \\
\endif \\
$pgguard$ AS look_for_error \gset

-- One section: the line :header, then the rows of :query or why there are none.
SELECT $pgguard$
\qecho :header \\
:query ;
:look_for_error
\if :failed \\
ROLLBACK TO SAVEPOINT pgguard;
SELECT pg_catalog.json_build_object('missing', :'why')::pg_catalog.text;
\endif \\
$pgguard$ AS section \gset

-- The same, when :ask tells that the rows may be believed.
SELECT $pgguard$
:ask \gset \\
:look_for_error
\if :failed \\
ROLLBACK TO SAVEPOINT pgguard;
\qecho :header \\
SELECT json_build_object('missing', :'why')::text;
\elif :readable \\
:section
\else \\
\qecho :header \\
SELECT json_build_object('missing', :'reason')::text WHERE :'reason' <> '';
\endif \\
$pgguard$ AS asked_section \gset

-- The transaction that a session reads in.
SELECT $pgguard$
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SAVEPOINT pgguard;
$pgguard$ AS open, $pgguard$
:limits
SELECT current_setting('server_encoding') = 'SQL_ASCII' AS any_bytes \gset \\
\if :any_bytes \\
SET LOCAL client_encoding = 'SQL_ASCII';
\endif \\
SAVEPOINT pgguard;
$pgguard$ AS limit_session \gset

-- The next database: its name, why it cannot be read, and how to connect to it (as a URI, so that no name
-- can be taken for anything else). psql ends when it cannot connect: what is printed before tells the rest.
SELECT $pgguard$
\set connects false \\
\if :more \\
SELECT name AS database, refusal, refusal <> '' AS refused,
       'postgresql:///' || regexp_replace(encode(convert_to(name, getdatabaseencoding()), 'hex'), '(..)', '%\1', 'g')
           AS target,
       number < cardinality(:'databases'::text[]) AS more, number AS done
FROM (SELECT (:'databases'::text[])[:done + 1] AS name, (:'refusals'::text[])[:done + 1] AS refusal,
             :done + 1 AS number) AS next
\gset \\
\if :refused \\
SELECT json_build_object('database', :'database')::text;
SELECT json_build_object('missing', :'refusal')::text;
\else \\
SELECT json_build_object('connecting', :'database')::text;
\set connects true \\
\endif \\
\endif \\
$pgguard$ AS next_database, $pgguard$
\encoding UTF8 \\
:open
:limit_session
SELECT json_build_object('database', current_database())::text;
$pgguard$ AS open_database \gset

-- The view of pg_stat_statements stands where the DBA put it.
SELECT $pgguard$
WITH pg_stat_statements AS (SELECT * FROM :"statements_schema".pg_stat_statements)
SELECT * FROM (:sql_statements) AS shown
$pgguard$ AS statements_query \gset
