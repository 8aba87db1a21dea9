SELECT s.number, s.hash, s.head, s.edge FROM pgguard_audit.seal AS s WHERE s.number = $1
