-- What stands beside the seals $1 to $2: of each entry id (8), salt (16) and the beginning of its leaf (8).
SELECT l.seal, l.leaves FROM pgguard_audit.seal_leaf AS l WHERE l.seal BETWEEN $1 AND $2 ORDER BY l.seal, l.part
