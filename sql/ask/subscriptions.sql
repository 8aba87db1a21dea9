-- The connection string may not be read; but that this database has no subscription may.
SELECT has_column_privilege('pg_catalog.pg_subscription', 'subconninfo', 'SELECT') AS readable,
       CASE WHEN EXISTS (SELECT subname FROM pg_catalog.pg_subscription
                         WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
            THEN 'permission denied for the connection strings of subscriptions (pg_subscription.subconninfo)'
            ELSE '' END AS reason;
