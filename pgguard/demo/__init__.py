"""The demo, and the throwaway PostgreSQL servers that it and the tests stand on."""
