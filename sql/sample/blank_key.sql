-- Whether all of some values ("opened": d) end as PKCS padding does (RFC 5652, 6.3): so many bytes of that number.
SELECT 1
FROM opened AS o
CROSS JOIN LATERAL (SELECT pg_catalog.get_byte(o.d, pg_catalog.octet_length(o.d) - 1) AS last OFFSET 0) AS p
HAVING count(*) >= 4
   AND bool_and(CASE WHEN p.last BETWEEN 1 AND 16
                     THEN pg_catalog.substr(o.d, pg_catalog.octet_length(o.d) - p.last + 1)
                          = pg_catalog.decode(
                              pg_catalog.repeat(pg_catalog.lpad(pg_catalog.to_hex(p.last), 2, '0'), p.last), 'hex')
                     ELSE false END)
