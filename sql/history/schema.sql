-- The history in a PostgreSQL database: what each nightly run found, and what became of it.
-- Run it as the role that `pgguard check` connects as there, or leave it to the first run.
-- This file is under the PostgreSQL License: use it with your own as you like.
CREATE SCHEMA pgguard_history;
REVOKE ALL ON SCHEMA pgguard_history FROM PUBLIC;
COMMENT ON SCHEMA pgguard_history IS 'pgguard: what each nightly run found, and what became of it';
CREATE TABLE pgguard_history.version (version integer NOT NULL);
INSERT INTO pgguard_history.version VALUES (2);
CREATE TABLE pgguard_history.run (
    id bigint PRIMARY KEY, target text NOT NULL, started timestamp with time zone NOT NULL,
    finished timestamp with time zone NOT NULL, looked_at timestamp with time zone,
    exit_code integer NOT NULL, version text NOT NULL, server_version text NOT NULL,
    policy_sha256 text NOT NULL, critical integer, high integer, medium integer, low integer,
    waived integer, not_looked_at integer, not_evaluated integer, unread text NOT NULL, failure text NOT NULL,
    register_sha256 text NOT NULL DEFAULT ''
);
CREATE INDEX run_target ON pgguard_history.run (target, id);
CREATE TABLE pgguard_history.issue (
    id bigint PRIMARY KEY, target text NOT NULL, digest text NOT NULL, check_id text NOT NULL,
    kind text NOT NULL, database text NOT NULL, name text NOT NULL, seriousness integer NOT NULL,
    state text NOT NULL, evidence text NOT NULL, found_at timestamp with time zone NOT NULL,
    open_since timestamp with time zone NOT NULL, not_looked_since timestamp with time zone,
    ended_at timestamp with time zone, returned integer NOT NULL
);
CREATE INDEX issue_digest ON pgguard_history.issue (target, digest);
CREATE INDEX issue_present ON pgguard_history.issue (target) WHERE state IN ('open', 'waived');
CREATE TABLE pgguard_history.event (
    run bigint NOT NULL, issue bigint NOT NULL, kind text NOT NULL, seriousness integer NOT NULL,
    detail text NOT NULL, open_seconds bigint
);
CREATE INDEX event_run ON pgguard_history.event (run);
CREATE INDEX event_issue ON pgguard_history.event (issue);
CREATE TABLE pgguard_history.check_state (
    target text NOT NULL, check_id text NOT NULL, at timestamp with time zone NOT NULL,
    verdict text NOT NULL, incomplete integer NOT NULL, reason text NOT NULL
);
CREATE INDEX check_state_check ON pgguard_history.check_state (target, check_id, at);
CREATE TABLE pgguard_history.note (key text PRIMARY KEY, value text NOT NULL);
REVOKE ALL ON ALL TABLES IN SCHEMA pgguard_history FROM PUBLIC;
COMMENT ON TABLE pgguard_history.run IS 'each run; without counts where nothing could be looked at, and failure says why';
COMMENT ON TABLE pgguard_history.issue IS 'each finding as it stands; state: open, waived, fixed, not-judged';
COMMENT ON TABLE pgguard_history.event IS 'what happened to a finding in a run';
COMMENT ON TABLE pgguard_history.check_state IS 'the verdict of each check whenever it changed';
