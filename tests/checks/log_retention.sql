-- fires: log_rotation_age
-- evidence: never rotates
-- conf: logging_collector = on
-- conf: log_rotation_age = 0
-- conf: log_rotation_size = 0

-- fires: log_filename
-- evidence: comes again after 7 days
-- conf: logging_collector = on
-- conf: log_filename = 'postgresql-%a.log'
-- conf: log_truncate_on_rotation = on

-- fires: log_filename
-- evidence: kept for 30 days
-- policy: [logging]
-- policy: kept_days = 30
-- conf: logging_collector = on

-- fires: log_destination
-- evidence: kept for 3650 days
-- policy: [logging]
-- policy: kept_days = 3650
-- conf: logging_collector = off

-- silent: within the policy
-- policy: [logging]
-- policy: kept_days = 200
-- conf: logging_collector = on
-- conf: log_filename = 'postgresql-%Y-%m-%d.log'

-- silent: the week's names are written on, and somebody keeps them
-- policy: [logging]
-- policy: kept_days = 200
-- conf: logging_collector = on
-- conf: log_filename = 'postgresql-%a.log'
-- conf: log_truncate_on_rotation = off

-- not-applicable: nobody has declared it
-- conf: logging_collector = on
