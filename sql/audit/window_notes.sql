-- What unsealed entries (transactions from $1 on) tell of the store itself.
SELECT e.verb, e.object, e.new FROM pgguard_audit.entry AS e
WHERE e.xid >= $1 AND e.verb IN ('AUDIT PURGED', 'AUDIT ERASED', 'AUDIT SHAPE') AND e.shape IS NULL
