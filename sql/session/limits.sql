-- For this transaction: no name but those of the system is found by itself, nothing waits or runs for
-- long, and what the role or the database has SET does not change what the queries mean or return.
SET LOCAL search_path = '';
SET LOCAL standard_conforming_strings = on;
SET LOCAL statement_timeout = '10min';
SET LOCAL lock_timeout = '5s';
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL quote_all_identifiers = off;
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL TimeZone = 'UTC';
SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 0;
SET LOCAL work_mem = '64MB';
-- whole catalogs are joined, and their statistics may be old: loops over them would take minutes
SET LOCAL enable_nestloop = off;
SET LOCAL max_parallel_workers_per_gather = 0;
