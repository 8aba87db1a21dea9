-- How values are written, whatever role and database have set: alike in every extraction.
SELECT
    pg_catalog.set_config(s.name, s.value, false)
FROM (VALUES
    ('datestyle', 'ISO, YMD'), ('intervalstyle', 'iso_8601'), ('timezone', 'UTC'), ('bytea_output', 'hex'),
    ('extra_float_digits', '3'), ('lc_monetary', 'C'), ('xmlbinary', 'base64'), ('row_security', 'on'),
    ('search_path', ''), ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
    ('lock_timeout', '30s'), ('transaction_timeout', '0')
) AS s (name, value);
