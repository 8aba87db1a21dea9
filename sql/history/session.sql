-- Nobody else's objects are meant by the names that follow, and no lock is waited for forever.
SET search_path = pg_catalog, pgguard_history, pg_temp;
SET lock_timeout = '30s';
SET statement_timeout = '60s';
SET idle_in_transaction_session_timeout = '60s'
