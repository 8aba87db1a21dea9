-- fires: {data}
-- evidence: the data directory has mode 0755
-- evidence: other accounts can read it
-- severity: high
-- fires: {data}/pg_hba.conf
-- evidence: mode 0644
-- severity: high
-- fires: {data}/pg_ident.conf
-- evidence: its group can write it
-- severity: high
-- cluster: the server's files are seen
COPY (SELECT 1) TO PROGRAM 'chmod 0755 . && chmod 0644 pg_hba.conf && chmod 0660 pg_ident.conf';

-- fires: {data}/pg_hba.conf
-- evidence: but for the folder above
-- severity: low
-- cluster: the server's files are seen
COPY (SELECT 1) TO PROGRAM 'chmod 0644 pg_hba.conf';

-- silent: as initdb makes them, and open to the group of those who take backups
-- versions: 11-
-- cluster: the server's files are seen
-- tls: on
COPY (SELECT 1) TO PROGRAM 'chmod 0750 . && chmod 0640 pg_hba.conf';

-- silent: as initdb makes them
-- cluster: the server's files are seen

-- unknown: files are not looked at from inside a transaction
SELECT 1;
