-- Of which columns ANALYZE keeps values for the planner (pg_statistic); those values are not read. With
-- inherited rows those of children or partitions are in them.
SELECT json_build_array(
    s.starelid::bigint, s.stainherit, json_agg(s.staattnum ORDER BY s.staattnum)
)::text
FROM (SELECT starelid, staattnum, stainherit FROM pg_catalog.pg_statistic WHERE starelid >= 16384) AS s
GROUP BY s.starelid, s.stainherit
ORDER BY s.starelid, s.stainherit;
