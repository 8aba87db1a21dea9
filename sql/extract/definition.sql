-- What narrows the rows of a relation ($1): a view's query; of a table, its row policies, whomever they are for.
SELECT
    coalesce(CASE WHEN c.relkind = 'v' THEN pg_catalog.pg_get_viewdef(c.oid) END, '')
    || coalesce((
        SELECT
            pg_catalog.string_agg(
                pg_catalog.concat_ws(
                    '|', p.polname, p.polcmd, p.polpermissive, pg_catalog.array_to_string(ARRAY(
                        SELECT coalesce(r.rolname, 'public') FROM pg_catalog.unnest(p.polroles) AS u (oid)
                        LEFT JOIN pg_catalog.pg_roles AS r ON u.oid = r.oid
                        ORDER BY 1
                    ), ','), pg_catalog.pg_get_expr(p.polqual, p.polrelid)
                ), E'\n' ORDER BY p.polname
            )
        FROM pg_catalog.pg_policy AS p
        WHERE p.polrelid = c.oid
    ), '')
FROM pg_catalog.pg_class AS c
WHERE c.oid = $1::text::pg_catalog.oid;
