-- What unsealed entries (transactions from $1 on) tell of purges and erasures.
SELECT e.verb, e.new FROM pgguard_audit.entry AS e
WHERE e.xid >= $1 AND e.verb IN ('AUDIT PURGED', 'AUDIT ERASED') AND e.shape IS NULL
