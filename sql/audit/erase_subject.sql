SELECT e.erased, e.unsealed FROM pgguard_audit.erase($1, $2, $3) AS e
