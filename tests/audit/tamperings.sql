-- What superusers do to the store, block by block. Before the first block: what the blocks use.
--
--     -- does: WHAT              a block; its SQL runs as one transaction
--     -- named: EXPRESSION       the entry that has to be named first, as it is before; 0: none can be named
--     -- said: TEXT              what is said of it

CREATE FUNCTION pg_temp.place(n integer) RETURNS bigint LANGUAGE sql AS $$
    SELECT id FROM pgguard_audit.entry WHERE verb = 'INSERT' ORDER BY xid, id OFFSET n LIMIT 1
$$;
-- numbers of two entries in the middle of a seal
CREATE TEMPORARY TABLE chosen AS SELECT pg_temp.place(20) AS one, pg_temp.place(25) AS another, pg_temp.place(0) AS first;
CREATE FUNCTION pg_temp.one() RETURNS bigint LANGUAGE sql AS 'SELECT one FROM pg_temp.chosen';
CREATE FUNCTION pg_temp.another() RETURNS bigint LANGUAGE sql AS 'SELECT another FROM pg_temp.chosen';
CREATE FUNCTION pg_temp.very_first() RETURNS bigint LANGUAGE sql AS 'SELECT id FROM pgguard_audit.entry ORDER BY xid, id LIMIT 1';
CREATE FUNCTION pg_temp.very_last() RETURNS bigint LANGUAGE sql AS 'SELECT id FROM pgguard_audit.entry WHERE pgguard_audit.seal_of(xid, id) IS NOT NULL ORDER BY xid DESC, id DESC LIMIT 1';
CREATE FUNCTION pg_temp.first_of(n bigint) RETURNS bigint LANGUAGE sql AS
    'SELECT id FROM pgguard_audit.entry WHERE pgguard_audit.seal_of(xid, id) = n ORDER BY xid, id LIMIT 1';
CREATE FUNCTION pg_temp.digest(e pgguard_audit.entry) RETURNS bytea LANGUAGE sql AS $$
    SELECT sha256((
        SELECT substr(l.leaves, n * 32 + 9, 16)
        FROM pgguard_audit.seal_leaf AS l, generate_series(0, octet_length(l.leaves) / 32 - 1) AS n
        WHERE l.seal = pgguard_audit.seal_of(e.xid, e.id) AND substr(l.leaves, n * 32 + 1, 8) = int8send(e.id)
    ) || record_send(ROW(e.key, e.subject, e.subject_before, e.old, e.new, e.sealed)))
$$;
CREATE FUNCTION pg_temp.part() RETURNS text LANGUAGE sql AS 'SELECT tableoid::regclass::text FROM pgguard_audit.entry LIMIT 1';

-- does: deletes an entry
-- named: pg_temp.one()
-- said: is missing
DELETE FROM pgguard_audit.entry WHERE id = pg_temp.one();

-- does: deletes the first entry of all
-- named: pg_temp.very_first()
-- said: is missing
DELETE FROM pgguard_audit.entry WHERE id = pg_temp.very_first();

-- does: deletes the last entry that is sealed
-- named: pg_temp.very_last()
-- said: is missing
DELETE FROM pgguard_audit.entry WHERE id = pg_temp.very_last();

-- does: empties the store
-- named: pg_temp.very_first()
-- said: is missing
TRUNCATE pgguard_audit.entry;

-- does: puts an entry into the past, with a number of its own
-- named: 900000
-- said: was put in
INSERT INTO pgguard_audit.entry
SELECT (jsonb_populate_record(e, '{"id": 900000}')).* FROM pgguard_audit.entry AS e WHERE id = pg_temp.one();

-- does: puts an entry into the past, with a number from before
-- named: 0
-- said: was put in
INSERT INTO pgguard_audit.entry
SELECT (jsonb_populate_record(e, '{"id": 0}')).* FROM pgguard_audit.entry AS e WHERE id = pg_temp.one();

-- does: doubles an entry
-- named: pg_temp.one() + 1
-- said: stands in another place
INSERT INTO pgguard_audit.entry SELECT * FROM pgguard_audit.entry WHERE id = pg_temp.one();

-- does: changes the order of two entries
-- named: pg_temp.one()
-- said: was changed
UPDATE pgguard_audit.entry SET id = CASE id WHEN pg_temp.one() THEN pg_temp.another() ELSE pg_temp.one() END
WHERE id IN (pg_temp.one(), pg_temp.another());

-- does: moves an entry to another transaction
-- named: pg_temp.one()
-- said: is missing
UPDATE pgguard_audit.entry SET xid = (SELECT max(xid_from) FROM pgguard_audit.seal) WHERE id = pg_temp.one();

-- does: moves an entry to another day
-- named: pg_temp.one()
-- said: was changed
UPDATE pgguard_audit.entry SET at = at + interval '20 years' WHERE id = pg_temp.one();

-- does: detaches the partition
-- named: pg_temp.very_first()
-- said: is missing
DO $$ BEGIN EXECUTE format('ALTER TABLE pgguard_audit.entry DETACH PARTITION %s', pg_temp.part()); END $$;

-- does: drops the partition
-- named: pg_temp.very_first()
-- said: is missing
DO $$ BEGIN EXECUTE format('DROP TABLE %s', pg_temp.part()); END $$;

-- does: has an entry look erased, and tells nobody
-- named: pg_temp.one()
-- said: no entry tells of its erasure
UPDATE pgguard_audit.entry AS e SET erased = pg_temp.digest(e), key = NULL, subject = NULL, subject_before = NULL,
    old = NULL, new = NULL, sealed = NULL
WHERE id = pg_temp.one();

-- does: has an entry look erased, and leaves another value in it
-- named: pg_temp.one()
-- said: was changed
UPDATE pgguard_audit.entry AS e SET erased = pg_temp.digest(e), key = '1' WHERE id = pg_temp.one();

-- does: changes an entry, and what stands of it beside the seal
-- named: 0
-- said: what names it too
UPDATE pgguard_audit.entry SET login = 'somebody' WHERE id = pg_temp.one();
UPDATE pgguard_audit.seal_leaf AS l SET leaves = overlay(l.leaves, substr(sha256('\x00'::bytea || record_send(ROW(e.id, e.at,
    e.began, e.xid, e.backend_start, e.pid, e.shape, e.verb, e.login, e.role, e.authenticated, e.client, e.application, e.claimed,
    e.object, e.changed)) || pg_temp.digest(e)), 1, 8), pg_catalog.position(l.leaves, int8send(e.id)) + 24, 8)
FROM pgguard_audit.entry AS e
WHERE e.id = pg_temp.one() AND l.seal = pgguard_audit.seal_of(e.xid, e.id) AND pg_catalog.position(l.leaves, int8send(e.id)) > 0;

-- does: deletes the entries of a seal, and what stands of them beside it
-- named: (SELECT first_id FROM pgguard_audit.seal WHERE number = 2)
-- said: salts of its seal are missing
DELETE FROM pgguard_audit.entry WHERE pgguard_audit.seal_of(xid, id) = 2;
DELETE FROM pgguard_audit.seal_leaf WHERE seal = 2;

-- does: deletes an entry, and what stands of it beside its seal
-- named: 0
-- said: what names it too
UPDATE pgguard_audit.seal_leaf AS l
SET leaves = substr(l.leaves, 1, pg_catalog.position(l.leaves, int8send(e.id)) - 1) || substr(l.leaves, pg_catalog.position(l.leaves, int8send(e.id)) + 32)
FROM pgguard_audit.entry AS e
WHERE e.id = pg_temp.one() AND l.seal = pgguard_audit.seal_of(e.xid, e.id) AND pg_catalog.position(l.leaves, int8send(e.id)) > 0;
DELETE FROM pgguard_audit.entry WHERE id = pg_temp.one();

-- does: wipes a salt
-- named: pg_temp.first_of(2)
-- said: was changed
UPDATE pgguard_audit.seal_leaf SET leaves = overlay(leaves, decode(repeat('00', 16), 'hex'), 9, 16) WHERE seal = 2;

-- does: says that the entries of a seal were purged
-- named: 0
-- said: no entry tells of purge 1
DELETE FROM pgguard_audit.entry WHERE pgguard_audit.seal_of(xid, id) = 2;
DELETE FROM pgguard_audit.seal_leaf WHERE seal = 2;
INSERT INTO pgguard_audit.purged_seal (seal, purge, entries) SELECT 2, 1, entries FROM pgguard_audit.seal WHERE number = 2;
INSERT INTO pgguard_audit.purged
SELECT 1, 'pgguard_audit.entry_2020_01', '2020-01-01', '2020-02-01', entries, 2, 2, now(), 'postgres',
    sha256(int4send(1) || int8send(2) || int8send(entries) || sha256(''))
FROM pgguard_audit.seal WHERE number = 2;

-- does: puts an entry into a transaction from before the first
-- named: 900000
-- said: was put in
INSERT INTO pgguard_audit.entry
SELECT (jsonb_populate_record(e, '{"id": 900000, "xid": -1}')).* FROM pgguard_audit.entry AS e WHERE id = pg_temp.one();

-- does: puts an entry into a transaction from before the first, with a number from before
-- named: -1
-- said: was put in
INSERT INTO pgguard_audit.entry
SELECT (jsonb_populate_record(e, '{"id": -1, "xid": -1}')).* FROM pgguard_audit.entry AS e WHERE id = pg_temp.one();

-- does: puts an entry into a transaction that does not come for long
-- named: -1
-- said: no transaction has its number yet
INSERT INTO pgguard_audit.entry
SELECT (jsonb_populate_record(e, '{"id": -1, "xid": 9223372036854775807}')).* FROM pgguard_audit.entry AS e WHERE id = pg_temp.one();

-- does: says that entries belong to a cluster of before
-- named: 0
-- said: begins a generation that does not fit
UPDATE pgguard_audit.generation SET old_xid = 9000000000, old_id = 900000;

-- does: deletes a seal
-- named: 0
-- said: seals between them are missing
DELETE FROM pgguard_audit.seal WHERE number = 2;

-- does: deletes the first seal
-- named: 0
-- said: seals between them are missing
DELETE FROM pgguard_audit.seal WHERE number = 1;

-- does: changes what entries mean
-- named: 0
-- said: what entries of shape 1 mean was changed
UPDATE pgguard_audit.shape SET recorded = ARRAY['note', 'weight'] WHERE id = 1;

-- does: forgets what entries mean
-- named: 0
-- said: what entries of shape 1 mean was deleted
DELETE FROM pgguard_audit.shape WHERE id = 1;
