-- fires: lab
-- evidence: SELECT on 1 large object
SELECT lo_create(900001);
GRANT SELECT ON LARGE OBJECT 900001 TO PUBLIC;

-- fires: lo_compat_privileges
-- conf: lo_compat_privileges = on

-- silent: the owner's alone
SELECT lo_create(900001);
