-- Other roles' sessions lose nearly everything, without an error, for who may not read all statistics.
SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS readable,
       'the server hides other roles'' sessions from ' || current_user AS reason;
