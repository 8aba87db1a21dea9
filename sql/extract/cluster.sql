-- The cluster's own number, given by initdb; replicas have that of their primary.
SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() AS c;
