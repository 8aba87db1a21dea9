-- How many persons' secrets are sealed with each subject key, and how many the name key names.
SELECT ('x' || pg_catalog.encode(pg_catalog.substr(s.wrapped, 2, 4), 'hex'))::bit(32)::integer, count(*)
FROM pgguard.subject_key AS s WHERE s.wrapped IS NOT NULL GROUP BY 1
UNION ALL
SELECT k.id, (SELECT count(*) FROM pgguard.subject_key AS s WHERE s.wrapped IS NOT NULL)
FROM pgguard.key AS k WHERE k.purpose = 'name' AND k.state <> 'destroyed'
