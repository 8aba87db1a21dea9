-- What is looked for, as it is and as it is when it was recorded as a keyed digest: kept in settings of this
-- transaction, so that no plan of the search, which auto_explain may print, has it among its constants.
-- $1 the subject's key; $2 the row's key, one text for each of its columns.
SELECT pg_catalog.set_config('pgguard.searched_subject', (
        SELECT (ARRAY[s.v, pgguard_audit.tag(s.v)])::text FROM (SELECT $1::text) AS s (v)), true) IS NOT NULL,
    pg_catalog.set_config('pgguard.searched_key', (
        SELECT (ARRAY[k.v, pgguard_audit.tag(k.v)])::text
        FROM (
            SELECT CASE WHEN pg_catalog.cardinality($2::text[]) = 1 THEN ($2::text[])[1] ELSE ($2::text[])::text END
        ) AS k (v)), true) IS NOT NULL
