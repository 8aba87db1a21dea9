"""Changes: one kind a file. Each function returns a `Change` with SQL, undo, lock and safety."""
