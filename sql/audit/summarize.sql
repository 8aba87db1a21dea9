SELECT pgguard_audit.summarize($1::bigint::regclass, $2::integer)
