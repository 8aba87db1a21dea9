"""Inspects PostgreSQL databases that hold health data."""
