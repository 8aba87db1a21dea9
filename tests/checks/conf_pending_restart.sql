-- fires: logging_collector
-- evidence: waits for a restart; in force is off
-- cluster: postgresql.conf is written behind the server's back
DO $do$
BEGIN
    EXECUTE format('COPY (SELECT ''logging_collector = on'' UNION ALL SELECT ''max_connections = 61'') TO %L',
                   replace(current_setting('config_file'), '.conf', '.auto.conf'));
    PERFORM pg_reload_conf();
END
$do$;

-- silent: memory only
-- cluster: postgresql.conf is written behind the server's back
DO $do$
BEGIN
    EXECUTE format('COPY (SELECT ''max_connections = 61'') TO %L',
                   replace(current_setting('config_file'), '.conf', '.auto.conf'));
    PERFORM pg_reload_conf();
END
$do$;

-- silent: nothing waits
SELECT 1;

-- unknown: the server hides some of them
-- as: watcher
CREATE ROLE watcher LOGIN;
