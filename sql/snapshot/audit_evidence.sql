-- The audit store's seals: whether the newest 100,000 chain, what was last verified, and since when entries wait.
-- The store is not in every database, and whoever made such a schema could have put a view there that runs as whoever
-- looks at it: so what is read is text until the catalog says that the tables are those that pgguard installs.
WITH tables AS (
    SELECT c.relname, c.oid, c.relkind, has_table_privilege(c.oid, 'SELECT')
               AND (NOT row_security_active(c.oid) OR EXISTS (
                   SELECT FROM pg_catalog.pg_roles AS r
                   WHERE r.rolname = 'pgguard_audit_reader' AND pg_has_role(r.oid, 'USAGE'))) AS read_by_all_means
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
    WHERE n.nspname = 'pgguard_audit' AND NOT c.relhasrules AND c.relkind IN ('r', 'p')
      AND (o.rolsuper OR o.rolname = 'pgguard_audit_owner')
      AND c.relname IN ('seal', 'verification', 'generation', 'entry', 'entry_rest')
), store AS (
    SELECT count(*) FILTER (WHERE relname IN ('seal', 'verification', 'generation') AND relkind = 'r') = 3 AS here,
           coalesce(bool_and(read_by_all_means) FILTER (WHERE relname = 'entry'), false) AS entries_readable,
           coalesce(max(pg_relation_size(oid)) FILTER (WHERE relname = 'entry_rest'), 0) AS rest_bytes
    FROM tables
), shown AS (
    SELECT store.here, store.entries_readable, store.rest_bytes, CASE WHEN store.here THEN query_to_xml($query$
        WITH newest AS (
            SELECT s.number, s.generation, s.rest, s.xid_from, s.xid_to, s.entries, s.first_id, s.last_id, s.sealed_at, s.root,
                s.previous, s.encoding, s.hash
            FROM pgguard_audit.seal AS s ORDER BY s.number DESC LIMIT 100000
        ), chained AS (
            SELECT n.*, lag(n.number) OVER chain AS number_before, lag(n.hash) OVER chain AS hash_before,
                   CASE WHEN NOT n.rest THEN lag(n.xid_to) OVER (PARTITION BY n.generation, n.rest ORDER BY n.number) END AS xid_before
            FROM newest AS n WINDOW chain AS (ORDER BY n.number)
        ), judged AS (
            SELECT c.number, CASE
                WHEN c.number <> coalesce(c.number_before + 1, CASE WHEN (SELECT count(*) FROM newest) < 100000 THEN 1 ELSE c.number END)
                    THEN 'seals before it are missing'
                WHEN c.hash <> sha256('pgguard seal 1'::bytea || int8send(c.number) || int4send(c.generation) || boolsend(c.rest)
                        || int8send(c.xid_from) || int8send(c.xid_to) || int8send(c.entries) || int8send(c.first_id)
                        || int8send(c.last_id) || timestamptz_send(c.sealed_at) || c.root || c.previous || convert_to(c.encoding, 'UTF8'))
                    THEN 'its fields are not those that were sealed'
                WHEN c.previous <> c.hash_before THEN 'it does not follow the one before'
                WHEN c.xid_from <> c.xid_before THEN 'it does not begin where the one before ended'
                END AS wrong
            FROM chained AS c
        ), broken AS (
            SELECT number, wrong FROM judged WHERE wrong IS NOT NULL ORDER BY number LIMIT 1
        ), verified AS (
            SELECT v.*, v.last_seal > 0 AND NOT EXISTS (
                SELECT FROM pgguard_audit.seal AS s WHERE s.number = v.last_seal AND s.hash = v.last_hash) AS gone
            FROM pgguard_audit.verification AS v ORDER BY v.number DESC LIMIT 1
        )
        SELECT json_build_array(
            coalesce((SELECT max(number) FROM newest), 0),
            coalesce((SELECT to_char(sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM newest ORDER BY number DESC LIMIT 1), ''),
            coalesce(b.number, 0), coalesce(b.wrong, ''),
            coalesce(to_char(v.verified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ''), coalesce(v.last_seal, 0),
            coalesce(v.ok, false), coalesce(v.first_bad_id, 0), coalesce(v.first_bad_seal, 0), coalesce(v.said, ''),
            coalesce(v.gone, false)) AS r
        FROM (VALUES (1)) AS one (row) LEFT JOIN broken AS b ON true LEFT JOIN verified AS v ON true
        $query$, false, true, '')::text END AS seals,
        CASE WHEN store.here AND store.entries_readable THEN query_to_xml($query$
        SELECT to_char(min(u.at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS r FROM (
            SELECT e.at FROM pgguard_audit.entry AS e
            WHERE e.xid >= coalesce((
                    SELECT s.xid_to FROM pgguard_audit.seal AS s
                    WHERE NOT s.rest AND s.generation = (SELECT max(g.number) FROM pgguard_audit.generation AS g)
                    ORDER BY s.xid_from DESC LIMIT 1), 0)
              AND NOT EXISTS (
                SELECT FROM pgguard_audit.generation AS g
                WHERE e.xid < g.old_xid AND e.id <= g.old_id OR e.xid >= g.rest_xid AND e.id <= g.rest_id)
            LIMIT 1000000) AS u
        $query$, false, true, '')::text END AS waiting
    FROM store
), told AS (
    -- XML hides these, and JSON has them in strings only
    SELECT shown.entries_readable, shown.waiting, shown.rest_bytes, replace(replace(replace(substring(shown.seals FROM '<r>(.*)</r>'), '&lt;', '<'), '&gt;', '>'), '&amp;', '&')::json AS answer
    FROM shown WHERE shown.here
)
SELECT json_build_array(
    answer->0, answer->1, answer->2, answer->3, answer->4, answer->5, answer->6, answer->7, answer->8, answer->9, answer->10,
    entries_readable, coalesce(substring(waiting FROM '<r>(.*)</r>'), ''), rest_bytes
)::text
FROM told;
