-- Whether versions of the register are kept in this database, and by a plain table, whose rows are what they say.
SELECT c.oid IS NOT NULL, coalesce(c.relkind = 'r' AND NOT c.relrowsecurity AND NOT c.relhasrules, false)
FROM (SELECT) AS one
LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'pgguard'
LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'register_version'
