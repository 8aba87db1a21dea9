SELECT s.wrapped IS NOT NULL FROM pgguard.subject_key AS s WHERE s.subject = ANY ($1)
