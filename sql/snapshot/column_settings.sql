-- What was set for columns beside their type: the statistics target (-1 where none was), and the word of a
-- comment by which pgguard marks what it did to a column. No other comment is read here.
SELECT json_build_array(relation::bigint, number, target, mark)::text
FROM (SELECT a.attrelid AS relation, a.attnum AS number, coalesce(a.attstattarget, -1) AS target,
             coalesce(substring(d.description FROM '^pgguard: ?([a-z]+)'), '') AS mark
      FROM pg_catalog.pg_attribute AS a
      JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_description AS d
          ON d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = a.attrelid AND d.objsubid = a.attnum
      WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'm', 'f', 'i', 'I')
        AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema') AS s
WHERE target <> -1 OR mark <> ''
ORDER BY relation, number;
