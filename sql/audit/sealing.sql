-- What the next seal begins from; times in microseconds since 2000.
SELECT s.installation::text, s.place, pg_catalog.timestamptz_send(s.at_once), s.generation, s.generation_place, s.number,
    s.hash, s.edge, s.sealed_xid, s.sealed_id, s.xmin, s.xmax, s.encoding
FROM pgguard_audit.sealing() AS s
