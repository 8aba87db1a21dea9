-- fires: password_encryption
-- conf: password_encryption = md5

-- silent: SCRAM
-- conf: password_encryption = scram-sha-256
