-- Constraints of tables; the text of a check constraint is a definition.
SELECT json_build_array(
    c.oid::bigint, c.conrelid::bigint, c.conname, c.contype, coalesce(to_json(c.conkey), '[]'),
    c.confrelid::bigint, coalesce(to_json(c.confkey), '[]'), c.convalidated
)::text
FROM pg_catalog.pg_constraint AS c
WHERE c.conrelid >= 16384 AND c.contype IN ('p', 'u', 'f', 'c', 'x')
ORDER BY c.conrelid, c.conname;
