-- What keeps rows from VACUUM that a transaction ($1: its number) or one before it deleted in this database. One row
-- each kind, with how many there are.
SELECT 'sessions in a transaction', count(*) FROM pg_catalog.pg_stat_activity AS a
WHERE a.pid <> pg_catalog.pg_backend_pid() AND a.datname = pg_catalog.current_database()
    AND (pg_catalog.age(a.backend_xmin) >= pg_catalog.age($1::pg_catalog.text::pg_catalog.xid)
         OR pg_catalog.age(a.backend_xid) >= pg_catalog.age($1::pg_catalog.text::pg_catalog.xid))
UNION ALL
SELECT 'prepared transactions', count(*) FROM pg_catalog.pg_prepared_xacts AS p
WHERE p.database = pg_catalog.current_database()
    AND pg_catalog.age(p.transaction) >= pg_catalog.age($1::pg_catalog.text::pg_catalog.xid)
UNION ALL
SELECT 'replication slots', count(*) FROM pg_catalog.pg_replication_slots AS s
WHERE pg_catalog.age(s.xmin) >= pg_catalog.age($1::pg_catalog.text::pg_catalog.xid)
UNION ALL
SELECT 'standbys that report their queries', count(*) FROM pg_catalog.pg_stat_replication AS r
WHERE pg_catalog.age(r.backend_xmin) >= pg_catalog.age($1::pg_catalog.text::pg_catalog.xid)
UNION ALL
-- these keep rows of the catalog alone
SELECT 'catalog: logical slots', count(*) FROM pg_catalog.pg_replication_slots AS s
WHERE pg_catalog.age(s.catalog_xmin) >= pg_catalog.age($1::pg_catalog.text::pg_catalog.xid);
