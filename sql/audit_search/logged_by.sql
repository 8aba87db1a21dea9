-- The settings by which bound values of this session reach the log; empty when there are none.
SELECT pg_catalog.concat_ws(', ',
    CASE WHEN pg_catalog.current_setting('log_parameter_max_length') <> '0' THEN
        nullif(pg_catalog.concat_ws(', ',
            CASE WHEN pg_catalog.current_setting('log_statement') = 'all' THEN 'log_statement' END,
            CASE WHEN pg_catalog.current_setting('log_min_duration_statement') <> '-1'
                THEN 'log_min_duration_statement' END,
            CASE WHEN pg_catalog.current_setting('log_min_duration_sample') <> '-1'
                THEN 'log_min_duration_sample' END,
            CASE WHEN pg_catalog.current_setting('log_transaction_sample_rate') <> '0'
                THEN 'log_transaction_sample_rate' END), '')
    END,
    CASE WHEN pg_catalog.current_setting('log_parameter_max_length_on_error') <> '0'
        THEN 'log_parameter_max_length_on_error' END,
    CASE WHEN pg_catalog.current_setting('pgaudit.log_parameter', true) = 'on' THEN 'pgaudit.log_parameter' END,
    CASE WHEN pg_catalog.current_setting('debug_print_plan') = 'on'
        OR pg_catalog.current_setting('debug_print_parse') = 'on'
        OR pg_catalog.current_setting('debug_print_rewritten') = 'on' THEN 'debug_print_plan' END,
    CASE WHEN pg_catalog.current_setting('auto_explain.log_min_duration', true) <> '-1' THEN
        nullif(pg_catalog.concat_ws(', ',
            CASE WHEN pg_catalog.current_setting('auto_explain.log_parameter_max_length', true) <> '0'
                THEN 'auto_explain.log_min_duration' END,
            CASE WHEN pg_catalog.current_setting('auto_explain.log_verbose', true) = 'on'
                THEN 'auto_explain.log_verbose' END), '')
    END)
