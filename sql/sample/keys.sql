-- What stands under the keys of documents, three levels deep, the elements of arrays as if each stood there
-- alone ([] is the path of those that are the whole document). It reads "documents" (relation, number, entry, document): the text of JSON values, `entry` numbers
-- their rows. A key is named only where it looks like a name, at least two rows and one in twenty have it, and
-- most of what stands beside it is named: in a map keyed by a patient's number or name every key is *.
-- Documents that are very long, and those with escapes that the server cannot turn into text, are left out:
-- the error would repeat a part of them in the server's log.
WITH values_0 (relation, number, entry, entries, path, value) AS (
    SELECT d.relation, d.number, d.entry, d.entries, ''::text COLLATE "C",
           one.value
    FROM (SELECT t.relation, t.number, t.entry,
                 count(t.document) OVER (PARTITION BY t.relation, t.number) AS entries,
                 CASE WHEN octet_length(t.document) <= 100000
                       AND t.document COLLATE "C" !~ CASE getdatabaseencoding()
                                                     WHEN 'UTF8' THEN '\\u(0000|[dD][89a-fA-F])'
                                                     ELSE '\\u(?!00[0-7])' END
                      THEN t.document::json END AS document
          FROM documents AS t) AS d
    CROSS JOIN LATERAL (
        SELECT d.document WHERE json_typeof(d.document) <> 'array'
        UNION ALL
        (SELECT e.value
         FROM json_array_elements(CASE json_typeof(d.document) WHEN 'array' THEN d.document ELSE '[]' END) AS e
         LIMIT 20)
    ) AS one (value)
), objects_1 (relation, number, entry, entries, path, object) AS (
    SELECT v.relation, v.number, v.entry, v.entries, v.path, v.value
    FROM values_0 AS v
    WHERE json_typeof(v.value) = 'object'
), keys_1 (relation, number, entry, entries, path, key, value) AS (
    SELECT o.relation, o.number, o.entry, o.entries, o.path, k.key COLLATE "C", k.value
    FROM objects_1 AS o
    CROSS JOIN LATERAL (SELECT e.key, e.value FROM json_each(o.object) AS e LIMIT 200) AS k
), counted_1 (relation, number, path, key, times, is_name) AS (
    SELECT k.relation, k.number, k.path, k.key, count(*),
           k.key ~ '^[A-Za-z_][A-Za-z0-9_-]{0,39}$' AND k.key !~ '[0-9]{3}'
           AND count(DISTINCT k.entry) >= greatest(2, 0.05 * max(k.entries))
    FROM keys_1 AS k
    GROUP BY k.relation, k.number, k.path, k.key
), names_1 (relation, number, path, key) AS (
    SELECT c.relation, c.number, c.path, c.key
    FROM (SELECT r.*,
                 row_number() OVER (PARTITION BY r.relation, r.number, r.path
                                    ORDER BY r.is_name DESC, r.times DESC, r.key) AS rank,
                 sum(r.times) FILTER (WHERE r.is_name) OVER (PARTITION BY r.relation, r.number, r.path) AS named,
                 sum(r.times) OVER (PARTITION BY r.relation, r.number, r.path) AS times_all
          FROM counted_1 AS r) AS c
    WHERE c.is_name AND c.rank <= 50 AND c.named * 2 >= c.times_all
), values_1 (relation, number, entry, entries, path, value) AS (
    SELECT k.relation, k.number, k.entry, k.entries,
           concat_ws('.', nullif(k.path, ''), coalesce(n.key, '*')), one.value
    FROM keys_1 AS k
    LEFT JOIN names_1 AS n
        ON n.relation = k.relation AND n.number = k.number AND n.path = k.path AND n.key = k.key
    CROSS JOIN LATERAL (
        SELECT k.value WHERE json_typeof(k.value) <> 'array'
        UNION ALL
        (SELECT e.value
         FROM json_array_elements(CASE json_typeof(k.value) WHEN 'array' THEN k.value ELSE '[]' END) AS e
         LIMIT 20)
    ) AS one (value)
), objects_2 (relation, number, entry, entries, path, object) AS (
    SELECT v.relation, v.number, v.entry, v.entries, v.path, v.value
    FROM values_1 AS v
    WHERE json_typeof(v.value) = 'object'
), keys_2 (relation, number, entry, entries, path, key, value) AS (
    SELECT o.relation, o.number, o.entry, o.entries, o.path, k.key COLLATE "C", k.value
    FROM objects_2 AS o
    CROSS JOIN LATERAL (SELECT e.key, e.value FROM json_each(o.object) AS e LIMIT 200) AS k
), counted_2 (relation, number, path, key, times, is_name) AS (
    SELECT k.relation, k.number, k.path, k.key, count(*),
           k.key ~ '^[A-Za-z_][A-Za-z0-9_-]{0,39}$' AND k.key !~ '[0-9]{3}'
           AND count(DISTINCT k.entry) >= greatest(2, 0.05 * max(k.entries))
    FROM keys_2 AS k
    GROUP BY k.relation, k.number, k.path, k.key
), names_2 (relation, number, path, key) AS (
    SELECT c.relation, c.number, c.path, c.key
    FROM (SELECT r.*,
                 row_number() OVER (PARTITION BY r.relation, r.number, r.path
                                    ORDER BY r.is_name DESC, r.times DESC, r.key) AS rank,
                 sum(r.times) FILTER (WHERE r.is_name) OVER (PARTITION BY r.relation, r.number, r.path) AS named,
                 sum(r.times) OVER (PARTITION BY r.relation, r.number, r.path) AS times_all
          FROM counted_2 AS r) AS c
    WHERE c.is_name AND c.rank <= 50 AND c.named * 2 >= c.times_all
), values_2 (relation, number, entry, entries, path, value) AS (
    SELECT k.relation, k.number, k.entry, k.entries,
           concat_ws('.', nullif(k.path, ''), coalesce(n.key, '*')), one.value
    FROM keys_2 AS k
    LEFT JOIN names_2 AS n
        ON n.relation = k.relation AND n.number = k.number AND n.path = k.path AND n.key = k.key
    CROSS JOIN LATERAL (
        SELECT k.value WHERE json_typeof(k.value) <> 'array'
        UNION ALL
        (SELECT e.value
         FROM json_array_elements(CASE json_typeof(k.value) WHEN 'array' THEN k.value ELSE '[]' END) AS e
         LIMIT 20)
    ) AS one (value)
), objects_3 (relation, number, entry, entries, path, object) AS (
    SELECT v.relation, v.number, v.entry, v.entries, v.path, v.value
    FROM values_2 AS v
    WHERE json_typeof(v.value) = 'object'
), keys_3 (relation, number, entry, entries, path, key, value) AS (
    SELECT o.relation, o.number, o.entry, o.entries, o.path, k.key COLLATE "C", k.value
    FROM objects_3 AS o
    CROSS JOIN LATERAL (SELECT e.key, e.value FROM json_each(o.object) AS e LIMIT 200) AS k
), counted_3 (relation, number, path, key, times, is_name) AS (
    SELECT k.relation, k.number, k.path, k.key, count(*),
           k.key ~ '^[A-Za-z_][A-Za-z0-9_-]{0,39}$' AND k.key !~ '[0-9]{3}'
           AND count(DISTINCT k.entry) >= greatest(2, 0.05 * max(k.entries))
    FROM keys_3 AS k
    GROUP BY k.relation, k.number, k.path, k.key
), names_3 (relation, number, path, key) AS (
    SELECT c.relation, c.number, c.path, c.key
    FROM (SELECT r.*,
                 row_number() OVER (PARTITION BY r.relation, r.number, r.path
                                    ORDER BY r.is_name DESC, r.times DESC, r.key) AS rank,
                 sum(r.times) FILTER (WHERE r.is_name) OVER (PARTITION BY r.relation, r.number, r.path) AS named,
                 sum(r.times) OVER (PARTITION BY r.relation, r.number, r.path) AS times_all
          FROM counted_3 AS r) AS c
    WHERE c.is_name AND c.rank <= 50 AND c.named * 2 >= c.times_all
), values_3 (relation, number, entry, entries, path, value) AS (
    SELECT k.relation, k.number, k.entry, k.entries,
           concat_ws('.', nullif(k.path, ''), coalesce(n.key, '*')), one.value
    FROM keys_3 AS k
    LEFT JOIN names_3 AS n
        ON n.relation = k.relation AND n.number = k.number AND n.path = k.path AND n.key = k.key
    CROSS JOIN LATERAL (
        SELECT k.value WHERE json_typeof(k.value) <> 'array'
        UNION ALL
        (SELECT e.value
         FROM json_array_elements(CASE json_typeof(k.value) WHEN 'array' THEN k.value ELSE '[]' END) AS e
         LIMIT 20)
    ) AS one (value)
), leaves (relation, number, path, value) AS (
    SELECT v.relation, v.number, '[]'::text COLLATE "C", v.value FROM values_0 AS v
    UNION ALL SELECT v.relation, v.number, v.path, v.value FROM values_1 AS v
    UNION ALL SELECT v.relation, v.number, v.path, v.value FROM values_2 AS v
    UNION ALL SELECT v.relation, v.number, v.path, v.value FROM values_3 AS v
)
SELECT l.relation, l.number, l.path, left(l.value #>> '{}', 1000) AS value
FROM leaves AS l
WHERE json_typeof(l.value) NOT IN ('object', 'array');
