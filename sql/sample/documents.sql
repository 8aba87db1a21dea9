-- What stands under the keys of "document" (number, doc), as "sampled". A key is named only where it looks like
-- a name and several documents have it: a document keyed by a patient's number gives no number away.
numbered AS (
    SELECT row_number() OVER () AS row, d.number, d.doc FROM document AS d WHERE d.doc IS NOT NULL
), first AS (
    SELECT n.row, n.number, k.key AS path, k.value
    FROM numbered AS n,
         LATERAL jsonb_array_elements(CASE jsonb_typeof(n.doc) WHEN 'array' THEN n.doc
                                      ELSE jsonb_build_array(n.doc) END) AS one (doc),
         LATERAL jsonb_each(CASE jsonb_typeof(one.doc) WHEN 'object' THEN one.doc ELSE '{}' END) AS k (key, value)
), second AS (
    SELECT f.row, f.number, f.path || '.' || k.key AS path, k.value
    FROM first AS f,
         LATERAL jsonb_array_elements(CASE jsonb_typeof(f.value) WHEN 'array' THEN f.value
                                      ELSE jsonb_build_array(f.value) END) AS one (doc),
         LATERAL jsonb_each(CASE jsonb_typeof(one.doc) WHEN 'object' THEN one.doc ELSE '{}' END) AS k (key, value)
), third AS (
    SELECT s.row, s.number, s.path || '.' || k.key AS path, k.value
    FROM second AS s,
         LATERAL jsonb_array_elements(CASE jsonb_typeof(s.value) WHEN 'array' THEN s.value
                                      ELSE jsonb_build_array(s.value) END) AS one (doc),
         LATERAL jsonb_each(CASE jsonb_typeof(one.doc) WHEN 'object' THEN one.doc ELSE '{}' END) AS k (key, value)
), every AS (
    SELECT * FROM first UNION ALL SELECT * FROM second UNION ALL SELECT * FROM third
), told AS (
    SELECT e.number, e.path
    FROM every AS e
    WHERE e.path ~ '^[[:alpha:]_][[:alnum:]_-]{0,39}(\.[[:alpha:]_][[:alnum:]_-]{0,39}){0,2}$' AND e.path !~ '[0-9]{3}'
    GROUP BY e.number, e.path
    HAVING count(DISTINCT e.row) >= greatest(2, 0.05 * (SELECT count(*) FROM numbered AS n WHERE n.number = e.number))
    ORDER BY count(*) DESC
    LIMIT 200
), sampled (number, path, v) AS (
    SELECT e.number, e.path, left(e.value #>> '{}', 1000)
    FROM every AS e JOIN told AS t ON t.number = e.number AND t.path = e.path
    WHERE jsonb_typeof(e.value) NOT IN ('object', 'array')
)
