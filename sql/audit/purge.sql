SELECT p.partition, p.entries FROM pgguard_audit.purge($1) AS p
