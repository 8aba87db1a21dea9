"""Files: snapshots and policies on disk."""
