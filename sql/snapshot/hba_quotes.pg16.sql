-- The quotes of pg_hba.conf and of the files it includes, which pg_hba_file_rules does not show: "all"
-- in quotes is a name, without them everybody. Each line of a file that has a quote or an @ outside its
-- comments, with every word hidden as x and whatever follows the name of a secret cut off.
SELECT json_build_array(
    file, number, regexp_replace(regexp_replace(line, '(ldapbindpasswd|radiussecrets).*$', '', 'i'), '[^[:space:]",#@\\]+', 'x', 'g')
)::text
FROM (SELECT file, number, line, bool_or(line ~ '["@]' AND line !~ '^\s*#') OVER (PARTITION BY file) AS quotes
      FROM (SELECT DISTINCT file_name AS file FROM pg_catalog.pg_hba_file_rules WHERE type IS NOT NULL) AS files
      CROSS JOIN LATERAL regexp_split_to_table(
               convert_from(pg_catalog.pg_read_binary_file(file), 'LATIN1'), '\r?\n'
           ) WITH ORDINALITY AS l (line, number)) AS lines
WHERE quotes AND line <> '' AND line !~ '^\s*#.*[^\\]$'
ORDER BY file COLLATE "C", number;
