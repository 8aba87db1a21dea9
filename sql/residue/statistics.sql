-- What the planner keeps of columns, in rows that count. Values: for looking at in memory only.
SELECT pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(c.relname)),
       coalesce((SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
                 WHERE a.attrelid = s.starelid AND a.attnum = s.staattnum), ''),
       pg_catalog.convert_to(pg_catalog.concat_ws(' ', s.stavalues1::text, s.stavalues2::text, s.stavalues3::text,
                                                  s.stavalues4::text, s.stavalues5::text),
                             pg_catalog.getdatabaseencoding())
FROM pg_catalog.pg_statistic AS s
JOIN pg_catalog.pg_class AS c ON c.oid = s.starelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY 1, 2;
