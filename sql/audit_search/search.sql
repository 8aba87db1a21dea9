-- Entries of the audit, in order of their time. Conditions that are not wanted are constants, which the planner takes
-- away: $1 whether a subject is looked for, $2 a row's key; $3 a person, in every form; $4 shapes of a table, $5 its
-- name, $6 and $7 times, $8 verbs, $9 a column, $10 whether the newest come first, $11 how many, $12 whether sealed
-- values are wanted.
SELECT e.id, e.at, e.began, e.xid, e.pid, e.backend_start, e.verb, e.login, e.role, e.authenticated,
    pg_catalog.host(e.client), e.application, e.claimed, e.object, e.key, e.subject, e.subject_before, e.changed, e.old, e.new,
    CASE WHEN $12::boolean THEN e.sealed ELSE pg_catalog.substr(e.sealed, 1, 1) END,
    CASE WHEN $12::boolean THEN (
        SELECT k.wrapped FROM pgguard_audit.sealed_key AS k WHERE k.id = pgguard_audit.sealed_with(e.sealed)) END,
    e.erased IS NOT NULL, e.shape
FROM pgguard_audit.entry AS e LEFT JOIN pgguard_audit.shape AS s ON s.id = e.shape
WHERE ($6::timestamp with time zone IS NULL OR e.at >= $6)
    AND ($7::timestamp with time zone IS NULL OR e.at < $7)
    AND (NOT $1::boolean OR e.subject = ANY (pg_catalog.current_setting('pgguard.searched_subject')::text[])
        OR e.subject_before = ANY (pg_catalog.current_setting('pgguard.searched_subject')::text[]))
    AND (NOT $2::boolean OR e.key = ANY (pg_catalog.current_setting('pgguard.searched_key')::text[]))
    AND ($3::text[] IS NULL OR e.login = ANY ($3::text[]) OR e.role = ANY ($3::text[])
        OR e.authenticated = ANY ($3::text[]) OR e.claimed = ANY ($3::text[]))
    AND ($4::integer[] IS NULL OR e.shape = ANY ($4::integer[])
        OR (e.shape IS NULL AND e.object IN ($5::text, 'table ' || $5::text)))
    AND ($8::text[] IS NULL OR e.verb = ANY ($8::text[]))
    AND ($9::text IS NULL
        OR coalesce(e.changed[pg_catalog.array_position(s.columns, $9::text)], $9::text = ANY (s.columns)))
ORDER BY CASE WHEN $10::boolean THEN e.at END DESC, CASE WHEN $10::boolean THEN e.id END DESC, e.at, e.id
LIMIT $11::bigint
