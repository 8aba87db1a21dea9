-- What entries mean, by the number of their shape.
SELECT s.id, s.relation, s.columns, s.recorded, s.sealed, s.cipher, s.tagged, s.key
FROM pgguard_audit.shape AS s ORDER BY s.id
