-- Triggers of these tables ($1) that DELETE or UPDATE sets off; whether they record into the audit store.
SELECT t.tgrelid::bigint, t.tgname::text,
       ARRAY(SELECT e.word FROM (VALUES (8, 'DELETE'), (16, 'UPDATE')) AS e (bit, word) WHERE t.tgtype & e.bit <> 0),
       pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(p.proname), '()'),
       n.nspname = 'pgguard_audit'
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE t.tgrelid = ANY ($1::bigint[]::oid[]) AND t.tgconstraint = 0 AND t.tgenabled IN ('O', 'A') AND t.tgtype & 24 <> 0
ORDER BY t.tgrelid, t.tgname;
