-- Settings by which bound values would reach the log, with the value that stops it.
SELECT known.name, wanted.value, known.context = 'user'
FROM (VALUES
    ('log_parameter_max_length', '0'),
    ('log_parameter_max_length_on_error', '0'),
    ('debug_print_plan', 'off'),
    ('pgaudit.log_parameter', 'off'),
    ('auto_explain.log_parameter_max_length', '0'),
    ('auto_explain.log_verbose', 'off')
) AS wanted (name, value)
JOIN pg_catalog.pg_settings AS known ON known.name = wanted.name AND known.setting <> wanted.value
ORDER BY known.name
