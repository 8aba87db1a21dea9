-- Which parameters the current role may not set by ALTER SYSTEM.
SELECT need.name FROM pg_catalog.unnest($1::text[]) AS need (name)
WHERE NOT pg_catalog.has_parameter_privilege(need.name, 'ALTER SYSTEM')
ORDER BY 1
