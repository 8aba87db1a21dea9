-- A view's query, whole; no row where there is no such view any more.
SELECT pg_catalog.pg_get_viewdef(c.oid) FROM pg_catalog.pg_class AS c WHERE c.oid = $1 AND c.relkind = 'v'
