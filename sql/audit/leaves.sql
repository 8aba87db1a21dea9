-- New leaves of the entries from transaction $1 to before $2, none of them older than $3.
SELECT l FROM pgguard_audit.leaves($1, $2, $3, $4, $5) AS l
