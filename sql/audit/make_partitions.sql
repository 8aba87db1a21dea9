SELECT pgguard_audit.make_partitions()
