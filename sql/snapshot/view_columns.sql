-- What views and materialized views read: relation and column, 0 for the relation as a whole.
SELECT json_build_array(view::bigint, relation::bigint, number)::text
FROM (SELECT DISTINCT r.ev_class AS view, d.refobjid AS relation, d.refobjsubid AS number
      FROM pg_catalog.pg_rewrite AS r
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
      WHERE r.rulename = '_RETURN' AND r.oid >= 16384
        AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class) AS v
ORDER BY view, relation, number;
