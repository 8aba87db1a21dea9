-- Tables that are audited, the column that tells whose data a row is, whether it is recorded as a keyed digest, and
-- whether every write is recorded as it is now.
SELECT a.relation::text, coalesce(a.subject, ''), a.subject_is_tag, pgguard_audit.is_audited(a.relation)
FROM pgguard_audit.audited AS a ORDER BY 1
