-- fires: alice
-- evidence: alice gets at the log by pg_read_server_files, which reads it through shippers
-- versions: 11-
CREATE ROLE shippers;
GRANT pg_read_server_files TO shippers;
CREATE ROLE alice LOGIN IN ROLE shippers;

-- fires: alice
-- evidence: pg_rotate_logfile, which rotates it
CREATE ROLE alice LOGIN;
GRANT EXECUTE ON FUNCTION pg_rotate_logfile() TO alice;

-- fires: log_directory
-- evidence: lies under /tmp
-- conf: logging_collector = on
-- conf: log_directory = /tmp
-- conf: log_filename = pgguard-test-tampering.log
COPY (SELECT 1) TO PROGRAM 'rm -f /tmp/pgguard-test-tampering.log';

-- silent: administrators, and monitoring
-- versions: 11-
-- policy: [administrators]
-- policy: roles = ["dba"]
CREATE ROLE dba LOGIN;
GRANT pg_read_server_files TO dba;
GRANT EXECUTE ON FUNCTION pg_rotate_logfile() TO dba;
CREATE ROLE monitor LOGIN;
GRANT pg_monitor TO monitor;

-- silent: nobody
SELECT 1;

-- silent: shipped away
-- versions: 11-
-- policy: [logging]
-- policy: captured_by = "central log server"
CREATE ROLE alice LOGIN;
GRANT pg_read_server_files TO alice;

-- silent: syslog
-- versions: 11-
-- conf: log_destination = syslog
CREATE ROLE alice LOGIN;
GRANT pg_read_server_files TO alice;

-- unknown: the folder is hidden
-- conf: logging_collector = on
-- hba: local all watcher trust
-- as: watcher
CREATE ROLE watcher LOGIN;
