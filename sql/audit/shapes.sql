-- What entries mean, as it is hashed.
SELECT s.id, pg_catalog.record_send(ROW(s.id, s.relation, s.columns, s.recorded, s.sealed, s.cipher, s.tagged, s.key, s.subject,
    s.made_at))
FROM pgguard_audit.shape AS s ORDER BY s.id
