-- The kind of the password verifier of each login, and of other roles that have one; the verifier itself stays
-- where it is.
SELECT json_build_array(
    rolname,
    CASE WHEN rolpassword IS NULL THEN 'none'
         WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram-sha-256'
         WHEN rolpassword ~ '^md5[0-9a-f]{32}$' THEN 'md5'
         ELSE 'other' END,
    CASE WHEN rolpassword ~ '^SCRAM-SHA-256\$[0-9]{1,9}:'
         THEN substring(rolpassword from '^SCRAM-SHA-256\$([0-9]+):')::integer
         ELSE 0 END
)::text
FROM pg_catalog.pg_authid
WHERE rolcanlogin OR rolpassword IS NOT NULL
ORDER BY rolname;
