-- Of which columns ANALYZE keeps values for the planner (pg_statistic); those values are not read. With
-- inherited rows those of children or partitions are in them. Of a column that is always NULL a row holds none;
-- the kinds with numbers only are 3 (correlation) and 5 (counts of elements).
SELECT json_build_array(
    s.starelid::bigint, s.stainherit, json_agg(s.staattnum ORDER BY s.staattnum)
)::text
FROM (SELECT starelid, staattnum, stainherit FROM pg_catalog.pg_statistic
      WHERE starelid >= 16384
        AND EXISTS (SELECT FROM unnest(ARRAY[stakind1, stakind2, stakind3, stakind4, stakind5]) AS k (kind)
                    WHERE kind NOT IN (0, 3, 5))) AS s
GROUP BY s.starelid, s.stainherit
ORDER BY s.starelid, s.stainherit;
