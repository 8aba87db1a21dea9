"""From findings to migrations: SQL files that a person reads, applies and can take back."""
