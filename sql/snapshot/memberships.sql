-- Who is a member of what. Before 16 inheritance is the member's own, and SET ROLE is always allowed.
SELECT json_build_array(
    r.rolname, m.rolname, pg_get_userbyid(a.grantor), a.admin_option, m.rolinherit, true
)::text
FROM pg_catalog.pg_auth_members AS a
JOIN pg_catalog.pg_roles AS r ON r.oid = a.roleid
JOIN pg_catalog.pg_roles AS m ON m.oid = a.member
ORDER BY r.rolname, m.rolname, a.grantor;
