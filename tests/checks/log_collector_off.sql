-- fires: logging_collector
-- evidence: log_destination = stderr
-- severity: high
SELECT 1;

-- fires: logging_collector
-- evidence: log_destination = csvlog
-- severity: high
-- conf: log_destination = csvlog

-- fires: logging_collector
-- evidence: Debian's pg_ctlcluster
-- severity: low
-- versions: 15-15
-- conf: cluster_name = '15/main'

-- fires: log_min_messages
-- evidence: log_min_messages = panic
-- fires: log_destination
-- evidence: nothing is logged
-- conf: logging_collector = on
-- conf: log_min_messages = panic
-- conf: log_destination = ''

-- silent: the collector keeps it
-- conf: logging_collector = on

-- silent: syslog keeps it
-- conf: log_destination = syslog

-- silent: the policy names what keeps it
-- policy: [logging]
-- policy: captured_by = "journald, 12 months"
SELECT 1;
