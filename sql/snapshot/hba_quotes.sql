-- The quotes of pg_hba.conf, which pg_hba_file_rules does not show: "all" in quotes is a name, without
-- them everybody. Each line of a file that has a quote or an @ outside its comments, with every word
-- hidden as x and whatever follows the name of a secret cut off.
SELECT json_build_array(
    '', number, regexp_replace(regexp_replace(line, '(ldapbindpasswd|radiussecrets).*$', '', 'i'), '[^[:space:]",#@\\]+', 'x', 'g')
)::text
FROM (SELECT number, line, bool_or(line ~ '["@]' AND line !~ '^\s*#') OVER () AS quotes
      FROM regexp_split_to_table(
               convert_from(pg_catalog.pg_read_binary_file(current_setting('hba_file')), 'LATIN1'), '\r?\n'
           ) WITH ORDINALITY AS l (line, number)) AS lines
WHERE quotes AND line <> '' AND line !~ '^\s*#.*[^\\]$'
ORDER BY number;
