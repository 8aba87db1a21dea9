-- Who is a member of what, with the options that each grant has of its own from 16 on.
SELECT json_build_array(
    r.rolname, m.rolname, pg_get_userbyid(a.grantor), a.admin_option, a.inherit_option, a.set_option
)::text
FROM pg_catalog.pg_auth_members AS a
JOIN pg_catalog.pg_roles AS r ON r.oid = a.roleid
JOIN pg_catalog.pg_roles AS m ON m.oid = a.member
ORDER BY r.rolname, m.rolname, a.grantor;
