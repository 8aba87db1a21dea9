-- Which parameters the current role may not set by ALTER SYSTEM.
SELECT need.name FROM pg_catalog.unnest($1::text[]) AS need (name)
WHERE NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user)
ORDER BY 1
