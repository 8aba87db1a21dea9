-- fires: session_preload_libraries
-- evidence: session_preload_libraries loads dict_snowball
-- conf: session_preload_libraries = 'auto_explain, dict_snowball'

-- fires: local_preload_libraries
-- evidence: spy for app in lab, /tmp/passwordcheck.so for everybody
-- cluster: sessions of others have it
CREATE ROLE app LOGIN;
ALTER ROLE app IN DATABASE lab SET local_preload_libraries = 'spy';
ALTER DATABASE postgres SET local_preload_libraries = '/tmp/passwordcheck.so';

-- silent: known and declared
-- conf: shared_preload_libraries = 'pg_stat_statements, auth_delay'
-- conf: session_preload_libraries = '$libdir/auto_explain, dict_snowball'
-- policy: [allow]
-- policy: libraries = ["dict_snowball"]

-- unknown: the server hides what it loads
-- as: watcher
CREATE ROLE watcher LOGIN;
