-- From the first form of the history in a PostgreSQL database to the second: runs keep the register's digest.
ALTER TABLE pgguard_history.run ADD COLUMN IF NOT EXISTS register_sha256 text NOT NULL DEFAULT '';
UPDATE pgguard_history.version SET version = 2;
