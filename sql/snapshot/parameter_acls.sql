-- Grants on parameters exist from 15 on; before, there is nothing to read.
SELECT json_build_array('', '')::text WHERE false ORDER BY 1;
