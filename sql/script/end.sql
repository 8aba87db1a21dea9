
\if :more
SELECT json_build_object('database', later)::text || E'\n'
       || json_build_object('missing', 'the script ends after as many databases as it has lines for')::text
FROM unnest((:'databases'::text[])[:done + 1 : cardinality(:'databases'::text[])]) AS later;
\endif
\qecho '{"end": true}'
