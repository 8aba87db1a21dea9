-- Objects of CREATE STATISTICS: columns that stand for themselves, those that an expression uses, and the
-- functions that it calls (of the system's own none). The last one tells whether pg_stats_ext shows them to
-- whoever has the owner's rights only (CVE-2024-4317: a minor version does not change the view by itself).
SELECT json_build_array(
    s.oid::bigint, n.nspname, s.stxname, s.stxrelid::bigint, to_json(s.stxkind), to_json(s.stxkeys::int2[]),
    coalesce((SELECT json_agg(DISTINCT d.refobjsubid ORDER BY d.refobjsubid) FROM pg_catalog.pg_depend AS d
              WHERE d.classid = 'pg_catalog.pg_statistic_ext'::regclass AND d.objid = s.oid
                AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.stxrelid
                AND d.refobjsubid <> 0 AND d.refobjsubid <> ALL (s.stxkeys::int2[])), '[]'),
    coalesce((SELECT json_agg(DISTINCT d.refobjid::bigint ORDER BY d.refobjid::bigint) FROM pg_catalog.pg_depend AS d
              WHERE d.classid = 'pg_catalog.pg_statistic_ext'::regclass AND d.objid = s.oid
                AND d.refclassid = 'pg_catalog.pg_proc'::regclass), '[]'),
    coalesce((SELECT pg_get_viewdef(v.oid) LIKE '%pg_has_role%' FROM pg_catalog.pg_class AS v
              WHERE v.relname = 'pg_stats_ext' AND v.relnamespace = 'pg_catalog'::regnamespace), false)
)::text
FROM pg_catalog.pg_statistic_ext AS s
JOIN pg_catalog.pg_namespace AS n ON n.oid = s.stxnamespace
ORDER BY n.nspname, s.stxname;
