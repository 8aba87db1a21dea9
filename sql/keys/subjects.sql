-- The tables in which each person has a key: the column that tells whose a row is, and the kind of persons.
SELECT t.table_schema, t.table_name, t.subject_column, t.kind FROM pgguard.subject_table AS t
