-- In which encoding texts are sent, and so hashed, in this transaction.
SELECT pg_catalog.octet_length(pg_catalog.set_config('client_encoding', $1, true))
