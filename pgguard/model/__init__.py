"""Values: what the rest of pgguard takes and returns. No input, no output."""
