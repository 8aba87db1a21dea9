-- Where the files are, and what decides how long they stay; '' for what this role may not see.
SELECT s.name, coalesce(s.setting, ''), coalesce(s.unit, '')
FROM pg_catalog.pg_settings AS s
WHERE s.name IN (
    'data_directory', 'log_directory', 'logging_collector', 'log_destination', 'port', 'wal_compression',
    'archive_mode', 'archive_command', 'archive_library', 'wal_keep_size', 'min_wal_size', 'max_wal_size',
    'wal_segment_size', 'shared_preload_libraries', 'checkpoint_timeout')
ORDER BY s.name;
