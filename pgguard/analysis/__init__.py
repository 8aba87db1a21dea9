"""Pure questions about a snapshot; no connection, clock, file or network."""
