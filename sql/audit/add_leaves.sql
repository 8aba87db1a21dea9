SELECT pgguard_audit.add_leaves($1, $2, $3)
