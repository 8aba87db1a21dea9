-- One look at what event triggers never see: what differs from the last one.
SELECT w.object, w.before, w.after FROM pgguard_audit.watch($1) AS w;
