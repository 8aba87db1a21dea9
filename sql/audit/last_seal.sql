-- What an anchor of the last seal says.
SELECT pgguard_audit.store_id()::text, pgguard_audit.place(), s.number, pg_catalog.encode(s.hash, 'hex'),
    pg_catalog.encode(s.head, 'hex'), pg_catalog.timestamptz_send(s.sealed_at)
FROM pgguard_audit.seal AS s ORDER BY s.number DESC LIMIT 1
