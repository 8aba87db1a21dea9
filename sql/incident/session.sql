-- For a count: no name is found by itself, it ends after a while, waits for no lock, and is refused where row security
-- would leave rows out of it.
SET LOCAL search_path = '';
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '2s';
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, YMD';
