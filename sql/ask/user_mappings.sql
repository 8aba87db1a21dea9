-- The view gives no options, without an error, to who may not see them; a mapping without any looks the same.
SELECT current_setting('is_superuser') = 'on'
       OR NOT EXISTS (SELECT FROM pg_catalog.pg_user_mappings WHERE umoptions IS NULL) AS readable,
       'the server shows the options of user mappings to superusers only, and none to others without an error'
           AS reason;
