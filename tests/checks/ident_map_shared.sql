-- fires: pg_ident.conf:2
-- evidence: map staff lets 2 system users (anna, paul) be labo
-- versions: 15-
-- hba: local lab labo peer map=staff
-- ident: staff root postgres
-- ident: staff anna labo
-- ident: staff paul labo
CREATE ROLE labo LOGIN;

-- fires: pg_ident.conf:1
-- evidence: every system user that fits /.* be labo
-- versions: 15-
-- hba: local lab labo peer map=staff
-- ident: staff /.* labo
CREATE ROLE labo LOGIN;

-- silent: one user for each role, a pattern that keeps the name, and a map that nobody uses
-- versions: 15-
-- hba: local lab all peer map=staff
-- ident: staff anna a.schmidt
-- ident: staff anna anna
-- ident: staff /^(.*)@lab$ \1
-- ident: unused anna labo
-- ident: unused paul labo
CREATE ROLE labo LOGIN;

-- unknown: before 15 the server does not show pg_ident.conf
-- versions: 10-14
-- hba: local lab labo peer map=staff
-- ident: staff anna labo
CREATE ROLE labo LOGIN;

-- silent: no rule uses a map
-- hba: local lab labo peer
CREATE ROLE labo LOGIN;
