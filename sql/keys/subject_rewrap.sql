SELECT r.last, r.done FROM pgguard.subject_rewrap($1, $2) AS r
