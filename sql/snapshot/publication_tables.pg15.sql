-- The tables that a publication names, by themselves (with their column list) or by their schema.
SELECT json_build_array(pubname, relation::bigint, columns)::text
FROM (SELECT p.pubname, r.prrelid AS relation, coalesce(to_json(r.prattrs::int2[]), '[]') AS columns
      FROM pg_catalog.pg_publication_rel AS r
      JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid
      UNION ALL
      SELECT p.pubname, c.oid, '[]'::json
      FROM pg_catalog.pg_publication_namespace AS s
      JOIN pg_catalog.pg_publication AS p ON p.oid = s.pnpubid
      JOIN pg_catalog.pg_class AS c ON c.relnamespace = s.pnnspid AND c.relkind IN ('r', 'p')) AS t
ORDER BY pubname, relation;
