-- Roles that have something through the role $1. From 16 on whoever created it without being superuser is
-- a member with ADMIN OPTION, granted by the role that initdb made: that is no use of it.
SELECT DISTINCT m.rolname
FROM pg_catalog.pg_auth_members AS a
JOIN pg_catalog.pg_roles AS m ON m.oid = a.member
JOIN pg_catalog.pg_roles AS r ON r.oid = a.roleid
WHERE r.rolname = $1
  AND NOT (a.admin_option AND a.grantor = 10 AND current_setting('server_version_num')::int >= 160000)
ORDER BY 1;
