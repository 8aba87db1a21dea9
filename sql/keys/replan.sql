-- Plans of open sessions hold keys as constants. A changed row of pg_proc ends every plan that names the function;
-- that of the same owner or a comment changes no row. The cost is the one that they have.
ALTER FUNCTION pgguard.planned_for(text) COST 100;
ALTER FUNCTION pgguard.planned_keys(text) COST 100;
