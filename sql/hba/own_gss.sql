-- Before PostgreSQL 12 no connection is encrypted by GSSAPI.
SELECT false;
