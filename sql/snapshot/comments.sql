-- Comments of relations and of their columns, as words for what a column holds. What may be somebody's value
-- is hidden before it leaves the server: what stands in quotation marks, what follows a word for an example,
-- addresses of mail, three digits and more in a row; and only the first 200 characters are shown.
SELECT json_build_array(d.objoid::bigint, d.objsubid, left(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
    -- an apostrophe behind a letter begins no string: l'adresse
    regexp_replace(left(d.description, 2000), $re$(^|[^[:alnum:]])'[^']*('|$)$re$, '\1***', 'g'),
    $re$"[^"]*("|$)|`[^`]*(`|$)$re$, '***', 'g'),
    CASE WHEN getdatabaseencoding() = 'UTF8'
         THEN $re$[\u00ab\u2018\u201c\u201e\u2039].*?([\u00bb\u2019\u201d\u203a]|$)$re$ ELSE '$^' END, '***', 'g'),
    $re$[^[:space:]]*@[^[:space:]]*|[0-9][0-9 ./-]*[0-9][0-9 ./-]*[0-9]$re$, '***', 'g'),
    $re$\m(e[.]? ?g[.]|ex[.:]|(?:exempl|example|ejempl)\w*|p[.] ?ej[.]?|\w*beispiel|z[.] ?b[.]|bsp|for instance|such as)[^[:alnum:]].*$re$,
    '\1 ***', 'gi'), 200))::text
FROM pg_catalog.pg_description AS d
JOIN pg_catalog.pg_class AS c ON c.oid = d.objoid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND c.oid >= 16384 AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
ORDER BY d.objoid, d.objsubid;
