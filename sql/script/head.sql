-- Reads what pgguard inspects, with plain psql (10 or later), from PostgreSQL 10 to 18:
--
--     psql -XAt -f THIS_FILE > snapshot.json        (add -h, -p, -U, -d as usual)
--
-- then, where pgguard is installed:
--
--     pgguard inspect --from snapshot.json
--
-- All databases are read that the role may connect to. Only catalogs, settings and statistics views are
-- read, in read-only transactions that are rolled back: nothing is written, on the server or elsewhere,
-- and no row of a table is read. What the role may not read is said in the file, and once on stderr.
-- Secrets stay on the server: password verifiers are reduced to their kind, and constants in stored SQL
-- that are not structure are replaced by ***. Connect as a superuser, or with the login that
-- `pgguard auditor-role` describes, to a database whose encoding is the usual one of the cluster.

\set QUIET on
\set ON_ERROR_STOP off
\set ON_ERROR_ROLLBACK off
\set AUTOCOMMIT on
\set SINGLELINE off
\set SINGLESTEP off
\set ECHO none
\set VERBOSITY terse
\set SHOW_CONTEXT never
\unset FETCH_COUNT
\pset format unaligned
\pset tuples_only on
\pset pager off
\pset null ''
\pset fieldsep '|'
\pset recordsep '\n'
\timing off
\encoding UTF8

-- A short statement_timeout of the role's own must not end what only fills psql's variables.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL statement_timeout = 0;

-- The versions. Until search_path is empty, everything is named with its schema.
SELECT :SERVER_VERSION_NUM OPERATOR(pg_catalog.>=) 110000 AS pg11,
       :SERVER_VERSION_NUM OPERATOR(pg_catalog.>=) 120000 AS pg12,
       :SERVER_VERSION_NUM OPERATOR(pg_catalog.>=) 130000 AS pg13,
       :SERVER_VERSION_NUM OPERATOR(pg_catalog.>=) 140000 AS pg14,
       :SERVER_VERSION_NUM OPERATOR(pg_catalog.>=) 150000 AS pg15,
       :SERVER_VERSION_NUM OPERATOR(pg_catalog.>=) 160000 AS pg16,
       :SERVER_VERSION_NUM OPERATOR(pg_catalog.>=) 170000 AS pg17,
       :SERVER_VERSION_NUM OPERATOR(pg_catalog.>=) 180000 AS pg18,
       :VERSION_NUM OPERATOR(pg_catalog.>=) 110000 AS psql_tells_errors
\gset
