"""The run of every night: what changed since the last one, and who is told."""
