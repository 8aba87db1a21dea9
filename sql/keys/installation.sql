SELECT i.id::text, coalesce(i.host_key_file, '') FROM pgguard.installation AS i
