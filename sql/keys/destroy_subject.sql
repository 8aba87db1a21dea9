-- The row stays, without a secret: nothing new is sealed for that person.
UPDATE pgguard.subject_key SET wrapped = NULL, destroyed_at = pg_catalog.now()
WHERE subject = ANY ($1) AND wrapped IS NOT NULL RETURNING 1
