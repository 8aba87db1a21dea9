-- The history in a SQLite file: what each nightly run found, and what became of it.
-- This file is under the PostgreSQL License: use it with your own as you like.
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY, target TEXT NOT NULL, started TEXT NOT NULL, finished TEXT NOT NULL,
    looked_at TEXT, exit_code INTEGER NOT NULL, version TEXT NOT NULL, server_version TEXT NOT NULL,
    policy_sha256 TEXT NOT NULL, critical INTEGER, high INTEGER, medium INTEGER, low INTEGER,
    waived INTEGER, not_looked_at INTEGER, not_evaluated INTEGER, unread TEXT NOT NULL, failure TEXT NOT NULL,
    register_sha256 TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS run_target ON run (target, id);
CREATE TABLE IF NOT EXISTS issue (
    id INTEGER PRIMARY KEY, target TEXT NOT NULL, digest TEXT NOT NULL, check_id TEXT NOT NULL,
    kind TEXT NOT NULL, database TEXT NOT NULL, name TEXT NOT NULL, seriousness INTEGER NOT NULL,
    state TEXT NOT NULL, evidence TEXT NOT NULL, found_at TEXT NOT NULL, open_since TEXT NOT NULL,
    not_looked_since TEXT, ended_at TEXT, returned INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS issue_digest ON issue (target, digest);
CREATE INDEX IF NOT EXISTS issue_present ON issue (target) WHERE state IN ('open', 'waived');
CREATE TABLE IF NOT EXISTS event (
    run INTEGER NOT NULL, issue INTEGER NOT NULL, kind TEXT NOT NULL, seriousness INTEGER NOT NULL,
    detail TEXT NOT NULL, open_seconds INTEGER
);
CREATE INDEX IF NOT EXISTS event_run ON event (run);
CREATE INDEX IF NOT EXISTS event_issue ON event (issue);
CREATE TABLE IF NOT EXISTS check_state (
    target TEXT NOT NULL, check_id TEXT NOT NULL, at TEXT NOT NULL, verdict TEXT NOT NULL,
    incomplete INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS check_state_check ON check_state (target, check_id, at);
CREATE TABLE IF NOT EXISTS note (key TEXT PRIMARY KEY, value TEXT NOT NULL);
