"""What statements take: parsed, and followed to the privileges on relations, columns and functions."""
