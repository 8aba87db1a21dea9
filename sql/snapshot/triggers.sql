-- Triggers that people made (internal ones of foreign keys left out); on partitions also the copies of their
-- parent's, which 11 to 14 call internal.
SELECT json_build_array(
    t.oid::bigint, t.tgrelid::bigint, t.tgname, t.tgfoid::bigint, t.tgenabled,
    CASE WHEN t.tgtype & 64 <> 0 THEN 'INSTEAD OF' WHEN t.tgtype & 2 <> 0 THEN 'BEFORE' ELSE 'AFTER' END,
    CASE WHEN t.tgtype & 1 <> 0 THEN 'ROW' ELSE 'STATEMENT' END,
    (SELECT json_agg(event) FROM (VALUES (4, 'INSERT'), (8, 'DELETE'), (16, 'UPDATE'), (32, 'TRUNCATE'))
         AS e (bit, event) WHERE t.tgtype & e.bit <> 0)
)::text
FROM pg_catalog.pg_trigger AS t
WHERE NOT t.tgisinternal OR t.tgconstraint = 0
ORDER BY t.tgrelid, t.tgname;
