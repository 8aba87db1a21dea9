-- Grants on parameters.
SELECT json_build_array(parname, paracl::text)::text
FROM pg_catalog.pg_parameter_acl
ORDER BY parname COLLATE "C";
