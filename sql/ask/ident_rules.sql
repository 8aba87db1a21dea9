-- There is nothing to ask before 15.
SELECT false AS readable, 'PostgreSQL shows pg_ident.conf from version 15 on' AS reason;
