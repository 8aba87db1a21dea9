-- The run, noted in the audit store: $1 what, $2 the tables with their counts.
SELECT pgguard_audit.note('AUDIT NOTE', $1::text, NULL::text[], $2::text[]);
