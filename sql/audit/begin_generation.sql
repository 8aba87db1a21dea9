SELECT pgguard_audit.begin_generation($1, $2::bigint)
