-- From the first form of the history in a SQLite file to the second: runs keep the register's digest.
ALTER TABLE run ADD COLUMN register_sha256 TEXT NOT NULL DEFAULT ''
