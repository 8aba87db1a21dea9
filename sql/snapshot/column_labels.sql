-- What a column may hold, as its type or a check constraint lists it: the labels of enumerations, and of
-- lists in check constraints those of four characters at most (M, F, O+), which are codes and no values of
-- anybody. Of each column no more than 40.
WITH columns (relation, number, type) AS (
    SELECT a.attrelid, a.attnum, CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN t.typelem ELSE t.oid END
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
), listed (relation, number, place, label) AS (
    SELECT c.relation, c.number, e.enumsortorder, e.enumlabel::text
    FROM columns AS c
    JOIN pg_catalog.pg_enum AS e ON e.enumtypid = c.type
    UNION ALL
    SELECT k.conrelid, k.conkey[1], t.place, t.found[1]
    FROM (SELECT conrelid, conkey, pg_get_constraintdef(oid) AS text
          FROM pg_catalog.pg_constraint
          WHERE contype = 'c' AND conrelid >= 16384 AND cardinality(conkey) = 1) AS k
    CROSS JOIN LATERAL regexp_matches(k.text, $re$'([^']{1,4})'::$re$, 'g') WITH ORDINALITY AS t (found, place)
    WHERE k.text LIKE '%ANY ((ARRAY[%' OR k.text LIKE '%ANY (ARRAY[%'
), numbered AS (
    SELECT relation, number, label, min(place) AS place,
           row_number() OVER (PARTITION BY relation, number ORDER BY min(place)) AS rank
    FROM listed
    WHERE label !~ '[0-9]{3}'
    GROUP BY relation, number, label
)
SELECT json_build_array(relation::bigint, number, json_agg(label ORDER BY place, label COLLATE "C"))::text
FROM numbered
WHERE rank <= 40
GROUP BY relation, number
ORDER BY relation, number;
