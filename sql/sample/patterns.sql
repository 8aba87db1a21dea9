-- How many values look like what, from "looked_at" (relation, number, path, kind, value); nothing but counts
-- comes out. The kind is text; bytes or blocks (the first 64 bytes in hex; blocks: their number is a multiple
-- of 16); document (a text of which only the length tells). No expression can raise an error, because the
-- message would repeat a value: digits are computed with only after the shape was asked for, within one CASE.
-- Each pattern is a query of its own, so that the server compiles its expression once and not for each value.
WITH seen (place, relation, number, path, kind, value, n) AS (
    SELECT dense_rank() OVER (ORDER BY l.relation, l.number, l.path COLLATE "C"),
           l.relation, l.number, l.path COLLATE "C", l.kind, l.value COLLATE "C", count(*)
    FROM looked_at AS l
    GROUP BY l.relation, l.number, l.path COLLATE "C", l.kind, l.value COLLATE "C"
), forms (place, n, kind, value, short, bare, digits, luhn, day) AS (
    SELECT v.place, v.n, v.kind, v.value, s.short, b.bare, d.digits,
           -- the sum of Luhn: every second digit from the right doubled, its own digits added
           CASE WHEN d.digits IS NOT NULL
                THEN (SELECT sum(CASE WHEN (length(d.digits) - g.i) % 2 = 0 THEN c.one
                                      WHEN c.one > 4 THEN 2 * c.one - 9 ELSE 2 * c.one END)
                      FROM generate_series(1, length(d.digits)) AS g (i)
                      CROSS JOIN LATERAL (SELECT ascii(substr(d.digits, g.i, 1)) - 48) AS c (one)) % 10 = 0
                ELSE false END,
           -- a date as year, month and day without anything between; one that is none has been left out
           CASE WHEN y.day ~ '(0[469]|11)31$|02(29|3.)$'
                 AND NOT (y.day ~ '0229$'
                          AND (y.day ~ '^..([02468][48]|[13579][26]|[2468]0)' OR y.day ~ '^(16|20)00'))
                THEN NULL ELSE y.day END
    FROM seen AS v
    CROSS JOIN LATERAL (
        SELECT CASE WHEN v.kind = 'text' AND length(v.value) <= 120
                    THEN nullif(btrim(v.value, E' \t\r\n'), '') END
        OFFSET 0
    ) AS s (short)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN s.short ~ '^[0-9A-Za-z][0-9A-Za-z .-]*$' THEN upper(translate(s.short, ' .-', '')) END
        OFFSET 0
    ) AS b (bare)
    CROSS JOIN LATERAL (SELECT CASE WHEN b.bare ~ '^[0-9]{2,19}$' THEN b.bare END OFFSET 0) AS d (digits)
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN s.short ~ '^(1[6-9]|20)[0-9]{2}([-/.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12][0-9]|3[01])([ T].*)?$'
                THEN left(translate(left(s.short, 10), '-/.', ''), 8)
            WHEN s.short ~ '^(0[1-9]|[12][0-9]|3[01])([-/.])(0[1-9]|1[0-2])\2(1[6-9]|20)[0-9]{2}$'
                THEN substr(s.short, 7) || substr(s.short, 4, 2) || left(s.short, 2)
            WHEN s.short ~ '^(0[1-9]|1[0-2])/(1[3-9]|2[0-9]|3[01])/(1[6-9]|20)[0-9]{2}$'
                THEN substr(s.short, 7) || left(s.short, 2) || substr(s.short, 4, 2)
        END
        OFFSET 0
    ) AS y (day)
), nirs (place, n, bare) AS (
    -- sex, year, month (20 and 30 to 42, 50 to 99: not known), place of birth (Corsica 2A, 2B), order, key
    SELECT f.place, f.n, f.bare
    FROM forms AS f
    WHERE f.bare ~ ('^[123478][0-9]{2}(0[1-9]|1[0-2]|20|3[0-9]|4[0-2]|[5-9][0-9])'
                    || '(2[AB]|0[1-9]|[1-9][0-9])[0-9]{6}([0-9]{2})?$')
      AND f.short !~ '-'
), found (pattern, place, n) AS (
    SELECT 'nir', n.place, n.n FROM nirs AS n
    UNION ALL
    SELECT 'nir_valid', n.place, n.n
    FROM nirs AS n
    WHERE CASE WHEN length(n.bare) = 15
               THEN right(n.bare, 2) = lpad(
                   (97 - replace(replace(left(n.bare, 13), '2A', '19'), '2B', '18')::bigint % 97)::text, 2, '0')
               ELSE false END
    UNION ALL
    -- the national identity of health (INS): the same number, told apart by its authority
    SELECT 'ins_authority', f.place, f.n FROM forms AS f
    WHERE f.kind = 'text' AND f.value ~ '(^|[^0-9.])1\.2\.250\.1\.213\.1\.4\.(8|9|10|11)($|[^0-9.])'
    UNION ALL
    SELECT 'rpps', f.place, f.n FROM forms AS f WHERE f.digits ~ '^[0-9]{11}$' AND f.luhn
    UNION ALL
    -- two digits of the department, one of the profession, and a key: ADELI; with a 0 there it is FINESS
    SELECT 'adeli', f.place, f.n FROM forms AS f WHERE f.digits ~ '^(0[1-9]|[1-9][0-9])[1-9][0-9]{6}$' AND f.luhn
    UNION ALL
    SELECT 'finess', f.place, f.n FROM forms AS f WHERE f.digits ~ '^(0[1-9]|[1-9][0-9])0[0-9]{6}$' AND f.luhn
    UNION ALL
    SELECT 'ssn', f.place, f.n FROM forms AS f
    WHERE f.short ~ '^(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}$'
      AND f.short NOT IN ('078-05-1120', '457-55-5462', '219-09-9999')
    UNION ALL
    SELECT 'ssn_bare', f.place, f.n FROM forms AS f
    WHERE f.short ~ '^(?!000|666|9)[0-9]{3}(?!00)[0-9]{2}(?!0000)[0-9]{4}$'
      AND f.short NOT IN ('078051120', '457555462', '219099999')
    UNION ALL
    SELECT 'nhs_number', f.place, f.n
    FROM forms AS f
    WHERE CASE WHEN f.digits ~ '^[0-9]{10}$'
               THEN (SELECT sum((11 - g.i) * (ascii(substr(f.digits, g.i, 1)) - 48))
                     FROM generate_series(1, 10) AS g (i)) % 11 = 0
               ELSE false END
    UNION ALL
    SELECT 'dni', f.place, f.n
    FROM forms AS f
    WHERE CASE WHEN f.bare ~ '^[0-9XYZ][0-9]{7}[A-Z]$'
               THEN substr('TRWAGMYFPDXBNJZSQVHLCKE', translate(left(f.bare, 8), 'XYZ', '012')::int % 23 + 1, 1)
                    = right(f.bare, 1)
               ELSE false END
    UNION ALL
    -- the unchanging part of a German health insurance number: a letter that counts as two digits, eight
    -- digits, and a check digit over them with weights 1 and 2
    SELECT 'kvnr', f.place, f.n
    FROM forms AS f
    WHERE CASE WHEN f.bare ~ '^[A-Z][0-9]{9}$'
               THEN (SELECT sum(CASE WHEN g.i % 2 = 1 THEN c.one WHEN c.one > 4 THEN 2 * c.one - 9
                                     ELSE 2 * c.one END)
                     FROM generate_series(1, 10) AS g (i)
                     CROSS JOIN LATERAL (
                         SELECT ascii(substr(lpad((ascii(f.bare) - 64)::text, 2, '0') || substr(f.bare, 2, 8), g.i, 1))
                                - 48) AS c (one)) % 10 = ascii(right(f.bare, 1)) - 48
               ELSE false END
    UNION ALL
    -- ISO 13616: the first four characters go to the end, a letter is two digits, the remainder by 97 is 1
    SELECT 'iban', f.place, f.n
    FROM forms AS f
    WHERE CASE WHEN f.bare ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'
               THEN (SELECT string_agg(CASE WHEN c.one < 58 THEN c.one - 48 ELSE c.one - 55 END::text, ''
                                       ORDER BY g.i)
                     FROM generate_series(1, length(f.bare)) AS g (i)
                     CROSS JOIN LATERAL (
                         SELECT ascii(substr(substr(f.bare, 5) || left(f.bare, 4), g.i, 1))) AS c (one)
                    )::numeric % 97 = 1
               ELSE false END
    UNION ALL
    -- Visa, Mastercard, American Express, Discover, Diners Club, JCB, with the lengths that each gives out
    SELECT 'card', f.place, f.n FROM forms AS f
    WHERE f.luhn AND f.digits ~ ('^(4([0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}'
                                 || '|2(22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}|3[47][0-9]{13}'
                                 || '|(6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12}|3(0[0-5]|[689][0-9])[0-9]{11}'
                                 || '|35(2[89]|[3-8][0-9])[0-9]{12})$')
    UNION ALL
    SELECT 'email', f.place, f.n FROM forms AS f
    WHERE f.short ~ '^[A-Za-z0-9._%+''&-]+@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$'
    UNION ALL
    SELECT 'phone', f.place, f.n
    FROM forms AS f
    WHERE f.short ~ '^[+(]{0,2}[0-9][0-9 ()./-]{6,24}$'
      AND (translate(replace(f.short, '(0)', ''), ' ()./-', '')
               ~ '^((\+|00)[1-9][0-9]{7,14}|0[1-9][0-9]{7,10}|[6-9][0-9]{8})$'
           OR f.short ~ '^((\+?1[ .-])?\(?[2-9][0-9]{2}\)?)[ .-][2-9][0-9]{2}[ .-]?[0-9]{4}$')
      AND f.day IS NULL
    UNION ALL
    SELECT 'icd10', f.place, f.n FROM forms AS f
    WHERE f.short ~ '^[A-Z][0-9][0-9AB](\.?[0-9A-Z]{1,4})?(\+[0-9A-Z]{1,2})?[*+]?$'
    UNION ALL
    SELECT 'loinc', f.place, f.n FROM forms AS f WHERE f.short ~ '^[0-9]{1,5}-[0-9]$' AND f.luhn
    UNION ALL
    -- the check digit of Verhoeff: two tables, one step for each digit from the right; the last but one and but
    -- two tell what kind of thing the number is of
    SELECT 'snomed', f.place, f.n
    FROM forms AS f
    WHERE CASE WHEN f.short ~ '^[1-9][0-9]{2,14}[01][0-2][0-9]$'
               THEN (WITH RECURSIVE step (i, c) AS (
                         SELECT 0, 0
                         UNION ALL
                         SELECT s.i + 1,
                                ascii(substr('0123456789123406789523401789563401289567401239567859876043216598710432'
                                             || '765982104387659321049876543210', s.c * 10 + p.one + 1, 1)) - 48
                         FROM step AS s
                         CROSS JOIN LATERAL (
                             SELECT ascii(substr('0123456789157628309458037961428916043527945312687042865739012793806415'
                                                 || '7046913258',
                                                 s.i % 8 * 10 + ascii(substr(reverse(f.short), s.i + 1, 1)) - 47, 1)) - 48
                         ) AS p (one)
                         WHERE s.i < length(f.short)
                     ) SELECT s.c FROM step AS s WHERE s.i = length(f.short)) = 0
               ELSE false END
    UNION ALL
    SELECT 'atc', f.place, f.n FROM forms AS f WHERE f.short ~ '^[A-DGHJ-NPRSV][0-9]{2}[A-Z]{2}[0-9]{2}$'
    UNION ALL
    SELECT 'ccam', f.place, f.n FROM forms AS f WHERE f.short ~ '^[A-Z]{4}[0-9]{3}(-?[0-9]{1,2})?$'
    UNION ALL
    SELECT 'blood_group', f.place, f.n FROM forms AS f
    WHERE f.short ~* '^(a|b|ab|o|0) ?(rh|rhd|rh d|d)? ?(\+|-|pos[a-z]*\.?|neg[a-z]*\.?|\((\+|-)\))$'
    UNION ALL
    SELECT 'hgvs', f.place, f.n FROM forms AS f
    WHERE f.kind = 'text'
      AND f.value ~ ('(^|[:( ])([cgmnr]\.[A-Za-z0-9_*()?+-]+(>|del|dup|ins|inv|=)'
                     || '|p\.\(?[A-Z][a-z]{2}[0-9]+([A-Z][a-z]{2}|del|dup|fs|=|\*))')
    UNION ALL
    SELECT 'rsid', f.place, f.n FROM forms AS f WHERE f.short ~ '^rs[0-9]{2,10}$'
    UNION ALL
    SELECT 'ip_address', f.place, f.n FROM forms AS f
    WHERE f.short ~ '^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\.(?!$|/)|(?=$|/))){4}(/[0-9]{1,2})?$'
    UNION ALL
    -- eight groups, or fewer with one :: for the groups that are 0
    SELECT 'ip_address', f.place, f.n FROM forms AS f
    WHERE f.short ~ ('^(([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4})*)?::'
                     || '([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4})*)?)(/[0-9]{1,3})?$')
      AND length(translate(f.short, '0123456789abcdefABCDEF/', '')) <= CASE WHEN f.short ~ '^::|::(/|$)' THEN 8 ELSE 7 END
    UNION ALL
    SELECT 'mac_address', f.place, f.n FROM forms AS f WHERE f.short ~ '^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$'
    UNION ALL
    SELECT 'uuid', f.place, f.n FROM forms AS f
    WHERE f.short ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$'
    UNION ALL
    -- crypt, bcrypt, Argon2, PostgreSQL's own, those of LDAP and of frameworks
    SELECT 'password_hash', f.place, f.n FROM forms AS f
    WHERE f.kind = 'text'
      AND f.value ~ ('^(\$(1|2[abxy]?|5|6|7|y|argon2(i|d|id)|scrypt|pbkdf2(-[a-z0-9]+)?)\$.{8}|SCRAM-SHA-(1|256)\$[0-9]+:'
                     || '|md5[0-9a-f]{32}$|pbkdf2_sha[0-9]+\$|argon2\$|bcrypt(_sha256)?\$|scrypt:'
                     || '|pbkdf2:|\{(SSHA|SHA|SMD5|CRYPT|SSHA[0-9]+|PBKDF2[A-Z0-9-]*|bcrypt|ARGON2)\})')
    UNION ALL
    -- packets of RFC 9580: a session key encrypted by a pass phrase (version, cipher, how the key is made) or
    -- for a public key (version, number of the key, algorithm); and the same as text
    SELECT 'pgp_message', f.place, f.n FROM forms AS f
    WHERE f.kind IN ('bytes', 'blocks')
      AND f.value ~ ('^((c3..|8c..|8d....)04(0[1-9]|0a|0b|0c|0d)(00|01|03)'
                     || '|(c1([0-9ab].|[cd]...)|84..|85....)03.{16}(01|02|10|12|13|19|1a))')
    UNION ALL
    SELECT 'pgp_message', f.place, f.n FROM forms AS f
    WHERE f.kind = 'text' AND f.value ~ '^(-----BEGIN PGP MESSAGE-----|(\\x)?c30d040[1-9]0[013]|ww0EB[A-Za-z0-9+/]|wc(BM|DM|FM)[Aa0-9])'
    UNION ALL
    -- the same with what was to be encrypted in clear behind it: a cipher that does nothing (CVE-2026-14663) leaves
    -- the random block, its last two bytes again, and the packet with the data (literal or compressed) as they
    -- were, which chance does for one message in 8 million. Or no cipher at all: the cipher is number 0, or the
    -- data's packet stands alone
    SELECT 'pgp_open', f.place, f.n
    FROM forms AS f
    CROSS JOIN LATERAL (
        SELECT CASE WHEN f.kind IN ('bytes', 'blocks') THEN f.value
                    WHEN f.value ~ '^(\\x)?c[3b][0-9a-f]{58}' THEN replace(left(f.value, 130), '\x', '')
                    WHEN f.value ~ '^[wy][A-Za-z0-9+/]{59}' THEN encode(decode(left(f.value, 60), 'base64'), 'hex') END
        OFFSET 0
    ) AS h (hex)
    WHERE f.kind IN ('text', 'bytes', 'blocks')
      AND (h.hex ~ ('^c3(?:0404..00..|0c04..01.{18}|0d04..03.{20}|1504..00.{36}|1d04..01.{52}|1e04..03.{54})'
                    || '(?:d2(?:[0-9ab].|[cd]...|e.|f[0-9a-e]|ff.{8})01|c9(?:[0-9ab].|[cd]...|e.|f[0-9a-e]|ff.{8}))'
                    || '(?:.{12}|.{28})(....)\1c[8b]')
           OR h.hex ~ '^c3..0400' OR h.hex ~ '^cb(?:[0-9ab].|[cd]...|e.|f[0-9a-e]|ff.{8})(?:62|74|75)00')
    UNION ALL
    -- pgguard's own, age, openssl enc, Fernet, Vault
    SELECT 'ciphertext', f.place, f.n FROM forms AS f
    WHERE f.kind IN ('bytes', 'blocks') AND f.value ~ '^(70676731|6167652d656e6372797074696f6e|53616c7465645f5f)'
    UNION ALL
    SELECT 'ciphertext', f.place, f.n FROM forms AS f
    WHERE f.kind = 'text'
      AND f.value ~ ('^(pgg1|age-encryption\.org/v1|-----BEGIN AGE ENCRYPTED FILE-----|U2FsdGVkX1'
                     || '|gAAAAA[A-Za-z0-9_-]{70}|vault:v[0-9]+:)')
    UNION ALL
    SELECT 'bytes', f.place, f.n FROM forms AS f WHERE f.kind IN ('bytes', 'blocks')
    UNION ALL
    SELECT 'blocks', f.place, f.n FROM forms AS f WHERE f.kind = 'blocks' AND f.value <> ''
    UNION ALL
    -- JPEG, PNG, GIF, TIFF, PDF, ZIP, gzip, BMP; or nothing but what can be read
    SELECT 'clear_file', f.place, f.n FROM forms AS f
    WHERE f.kind IN ('bytes', 'blocks')
      AND f.value ~ '^(ffd8ff|89504e470d0a|474946383[79]61|49492a00|4d4d002a|25504446|504b0304|1f8b08|424d.{8}00000000)'
    UNION ALL
    SELECT 'readable_bytes', f.place, f.n FROM forms AS f
    WHERE f.kind IN ('bytes', 'blocks') AND f.value ~ '^([2-6][0-9a-f]|7[0-9a-e]|0[9ad]|c[3-5][89ab][0-9a-f]){6,}$'
    UNION ALL
    SELECT 'date', f.place, f.n FROM forms AS f WHERE f.day IS NOT NULL
    UNION ALL
    SELECT 'past_date', f.place, f.n FROM forms AS f
    WHERE f.day BETWEEN '18800101' AND to_char(now(), 'YYYYMMDD')
    UNION ALL
    SELECT 'recent_date', f.place, f.n FROM forms AS f
    WHERE f.day BETWEEN to_char(now() - interval '3 years', 'YYYYMMDD') AND to_char(now(), 'YYYYMMDD')
    UNION ALL
    SELECT 'sex', f.place, f.n FROM forms AS f
    WHERE f.short ~* ('^(m|f|h|w|d|u|x|male|female|homme|femme|masculin|f.{1,2}minin|hombre|mujer|masculino|femenino'
                      || '|m.{1,2}nnlich|weiblich|divers)$')
    UNION ALL
    SELECT 'prose', f.place, f.n FROM forms AS f
    WHERE f.kind IN ('text', 'document') AND length(f.value) > 60
      AND length(translate(f.value, E' \t\n', '')) < length(f.value) - 6
    UNION ALL
    -- identifiers inside of longer texts
    SELECT 'nir_inside', f.place, f.n FROM forms AS f
    WHERE f.kind IN ('text', 'document') AND length(f.value) > 25
      AND f.value ~ ('(^|[^0-9A-Za-z])[1278] ?[0-9]{2} ?(0[1-9]|1[0-2]) ?(2[AB]|0[1-9]|[1-9][0-9]) ?[0-9]{3} ?[0-9]{3}'
                     || '( ?[0-9]{2})?($|[^0-9A-Za-z])')
    UNION ALL
    SELECT 'email_inside', f.place, f.n FROM forms AS f
    WHERE f.kind IN ('text', 'document') AND f.value ~ '[ :;,<"''(][A-Za-z0-9._%+-]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}'
), summed (place, matches) AS (
    SELECT s.place, json_agg(json_build_array(s.pattern, s.n) ORDER BY s.pattern)
    FROM (SELECT f.place, f.pattern, sum(f.n)::bigint AS n FROM found AS f GROUP BY f.place, f.pattern) AS s
    GROUP BY s.place
), spread (place, years) AS (
    SELECT f.place, count(DISTINCT left(f.day, 4))
    FROM forms AS f
    WHERE f.day BETWEEN '18800101' AND to_char(now(), 'YYYYMMDD')
    GROUP BY f.place
), counted (place, relation, number, path, rows, filled, different) AS (
    SELECT s.place, s.relation, s.number, s.path, sum(s.n)::bigint,
           coalesce(sum(s.n) FILTER (WHERE s.value IS NOT NULL), 0)::bigint,
           least(count(DISTINCT left(s.value, 64)), 1000)
    FROM seen AS s
    GROUP BY s.place, s.relation, s.number, s.path
)
SELECT json_build_array(
    c.relation::bigint, c.number, c.path, c.rows, c.filled, c.different,
    coalesce(y.years, 0), coalesce(m.matches, '[]'), ''
)::text
FROM counted AS c
LEFT JOIN summed AS m ON m.place = c.place
LEFT JOIN spread AS y ON y.place = c.place
ORDER BY c.relation, c.number, c.path;
