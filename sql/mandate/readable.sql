-- Every column that a role ($1) may read in this database, outside the system's schemas, and every right
-- besides reading that it has on a relation. Row: schema, relation, column (empty for a right), right, whether
-- it may name what is in the schema.
-- Of stored relations USAGE on their schema is not asked for: pg_stats shows their values without it.
SELECT n.nspname, c.relname, a.attname, 'SELECT', has_schema_privilege($1::name, n.oid, 'USAGE')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND (c.relkind <> 'v' OR has_schema_privilege($1::name, n.oid, 'USAGE'))
  AND has_column_privilege($1::name, c.oid, a.attnum, 'SELECT')
UNION ALL
SELECT n.nspname, c.relname, '', p.name, true
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('REFERENCES')) AS p (name)
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND has_schema_privilege($1::name, n.oid, 'USAGE')
  AND has_any_column_privilege($1::name, c.oid, p.name)
UNION ALL
SELECT n.nspname, c.relname, '', p.name, true
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN (VALUES ('DELETE'), ('TRUNCATE'), ('TRIGGER')) AS p (name)
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND has_schema_privilege($1::name, n.oid, 'USAGE')
  AND has_table_privilege($1::name, c.oid, p.name)
ORDER BY 1, 2, 3, 4;
