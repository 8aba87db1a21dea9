-- fires: lis_app
-- evidence: lis.encryption_key
CREATE ROLE lis_app LOGIN;
ALTER ROLE lis_app SET lis.encryption_key = 'made-up-4f1d2c';

-- fires: lab
-- evidence: app.api_token of database lab
ALTER DATABASE lab SET app.api_token = 'made-up-4f1d2c';

-- silent: ordinary settings
CREATE ROLE lis_app LOGIN;
ALTER ROLE lis_app SET search_path = lab;
ALTER ROLE lis_app SET statement_timeout = '5min';
ALTER ROLE lis_app SET app.tenant = 'north';
