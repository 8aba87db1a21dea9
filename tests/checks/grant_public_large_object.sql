-- fires: lab
-- evidence: SELECT on 1 large object
SELECT lo_create(900001);
GRANT SELECT ON LARGE OBJECT 900001 TO PUBLIC;

-- fires: lab
-- evidence: SELECT, UPDATE on 3 large objects
SELECT lo_create(900001), lo_create(900002), lo_create(900003), lo_create(900004);
GRANT SELECT ON LARGE OBJECT 900001, 900002 TO PUBLIC;
GRANT UPDATE ON LARGE OBJECT 900003 TO PUBLIC;

-- fires: lo_compat_privileges
-- conf: lo_compat_privileges = on

-- silent: the owner's alone
SELECT lo_create(900001);
