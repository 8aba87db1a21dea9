-- fires: log_file_mode
-- evidence: log_file_mode = 0644
-- severity: low
-- conf: logging_collector = on
-- conf: log_file_mode = 0644

-- fires: log_file_mode
-- evidence: as soon as logging_collector is on
-- severity: low
-- conf: log_file_mode = 0644

-- fires: log_file_mode
-- evidence: log_file_mode = 0644, wider than 0640, in /tmp
-- severity: medium
-- conf: logging_collector = on
-- conf: log_directory = /tmp
-- conf: log_filename = pgguard-test.log
-- conf: log_file_mode = 0644
COPY (SELECT 1) TO PROGRAM 'rm -f /tmp/pgguard-test.log';

-- silent: the group that ships logs
-- conf: logging_collector = on
-- conf: log_file_mode = 0640

-- silent: PostgreSQL's own
SELECT 1;

-- unknown: the folder is hidden
-- conf: logging_collector = on
-- conf: log_file_mode = 0644
-- hba: local all watcher trust
-- as: watcher
CREATE ROLE watcher LOGIN;
