-- fires: unix_socket_permissions
-- evidence: unix_socket_permissions = 0777, and not by peer: pg_hba.conf:1
-- hba: local all all trust

-- silent: a group only
-- conf: unix_socket_permissions = 0770
-- hba: local all all trust

-- unknown: the rules are hidden
-- as: watcher
CREATE ROLE watcher LOGIN;
GRANT pg_read_all_settings TO watcher;
