-- Audited tables, and the column by which their entries tell whose data a row is.
SELECT a.relation::oid::bigint, a.subject FROM pgguard_audit.audited AS a WHERE a.subject <> '' ORDER BY 1;
