-- The generation and the horizon of seal $1, or of the last one before it that is no rest.
SELECT s.generation, s.xid_to FROM pgguard_audit.seal AS s WHERE s.number <= $1 AND NOT s.rest ORDER BY s.number DESC LIMIT 1
