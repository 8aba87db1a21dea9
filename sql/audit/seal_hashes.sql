SELECT s.hash FROM pgguard_audit.seal AS s ORDER BY s.number
