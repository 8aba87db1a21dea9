SELECT pg_catalog.pg_relation_size('pgguard.subject_key')
