-- Event triggers.
SELECT json_build_array(
    t.evtname, pg_get_userbyid(t.evtowner), t.evtevent, t.evtfoid::bigint, t.evtenabled, coalesce(e.extname, '')
)::text
FROM pg_catalog.pg_event_trigger AS t
LEFT JOIN pg_catalog.pg_depend AS d
    ON d.classid = 'pg_catalog.pg_event_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
ORDER BY t.evtname;
