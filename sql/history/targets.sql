-- What the history knows of.
SELECT DISTINCT target FROM run ORDER BY target
