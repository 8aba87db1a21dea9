-- fires: log_line_prefix
-- evidence: log_line_prefix = '%m [%p] ' lacks user, database, remote host, application
SELECT 1;

-- fires: log_line_prefix
-- evidence: lacks time, process, user, database, remote host, application
-- conf: log_line_prefix = '%%t%%p%%u'

-- fires: log_line_prefix
-- evidence: lacks remote host
-- conf: log_line_prefix = '%n %c %-10u %5d %a '

-- fires: log_line_prefix
-- evidence: lacks application
-- conf: log_destination = syslog
-- conf: log_line_prefix = '%u %d %r '

-- fires: log_line_prefix
-- evidence: lacks user
-- conf: log_destination = csvlog

-- silent: all present
-- conf: log_line_prefix = '%m [%p] %q%u@%d/%h %a '

-- silent: csv has them all
-- conf: log_destination = csvlog
-- conf: logging_collector = on
