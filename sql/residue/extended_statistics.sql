-- The lists of frequent values in extended statistics, as they are stored.
SELECT pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(e.stxname)), '',
       pg_catalog.decode(pg_catalog.substr(d.stxdmcv::text, 3), 'hex')
FROM pg_catalog.pg_statistic_ext_data AS d
JOIN pg_catalog.pg_statistic_ext AS e ON e.oid = d.stxoid
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.stxnamespace
WHERE d.stxdmcv IS NOT NULL
ORDER BY 1;
