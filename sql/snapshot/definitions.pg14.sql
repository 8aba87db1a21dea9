-- All SQL that is stored in this database, and the comments on its objects, in one place, because here
-- the strings in it are masked before they leave the server: a string may be a key, a password or
-- somebody's name. What stays is structure: enough to parse, and to see that a constant stands there.
WITH own (kind, oid, number, catalog, language, text) AS (
    SELECT 'function', p.oid, 0, '', l.lanname::text,
           CASE WHEN l.lanname IN ('sql', 'plpgsql') THEN CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_get_function_sqlbody(p.oid) END ELSE '' END
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    WHERE p.oid >= 16384
    UNION ALL
    SELECT 'view', c.oid, 0, '', 'sql', pg_get_viewdef(c.oid)
    FROM pg_catalog.pg_class AS c WHERE c.oid >= 16384 AND c.relkind IN ('v', 'm')
    UNION ALL
    SELECT 'default', d.adrelid, d.adnum, '', 'sql', pg_get_expr(d.adbin, d.adrelid)
    FROM pg_catalog.pg_attrdef AS d WHERE d.adrelid >= 16384
    UNION ALL
    SELECT 'check', c.oid, 0, '', 'sql', pg_get_constraintdef(c.oid)
    FROM pg_catalog.pg_constraint AS c WHERE c.oid >= 16384 AND c.contype = 'c'
    UNION ALL
    SELECT 'policy-using', p.oid, 0, '', 'sql', pg_get_expr(p.polqual, p.polrelid)
    FROM pg_catalog.pg_policy AS p WHERE p.polqual IS NOT NULL
    UNION ALL
    SELECT 'policy-check', p.oid, 0, '', 'sql', pg_get_expr(p.polwithcheck, p.polrelid)
    FROM pg_catalog.pg_policy AS p WHERE p.polwithcheck IS NOT NULL
    UNION ALL
    SELECT 'index', i.indexrelid, 0, '', 'sql', pg_get_indexdef(i.indexrelid)
    FROM pg_catalog.pg_index AS i
    WHERE i.indexrelid >= 16384 AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
    UNION ALL
    SELECT 'rule', r.oid, 0, '', 'sql', pg_get_ruledef(r.oid)
    FROM pg_catalog.pg_rewrite AS r WHERE r.oid >= 16384 AND r.rulename <> '_RETURN'
    UNION ALL
    SELECT 'trigger', t.oid, 0, '', 'sql', pg_get_triggerdef(t.oid)
    FROM pg_catalog.pg_trigger AS t WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'comment', d.objoid, d.objsubid, c.relname::text, 'text', d.description
    FROM pg_catalog.pg_description AS d
    JOIN pg_catalog.pg_class AS c ON c.oid = d.classoid
    WHERE d.objoid >= 16384 AND c.relname <> 'pg_extension'
), stored AS (
    -- without what belongs to an extension
    SELECT row_number() OVER () AS key, o.*
    FROM own AS o
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                      WHERE d.deptype = 'e' AND d.objid = o.oid
                        AND d.classid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_class'::regclass))
), tokens AS (
    -- The text cut into strings, quoted names, comments, dollar quotes, words and the rest. Of several
    -- alternatives that fit at a place the regular expression takes the longest, which is the right one.
    SELECT key, place, token[1] AS token,
           lead(token[1]) OVER (PARTITION BY key ORDER BY place) AS next,
           lead(token[1], 2) OVER (PARTITION BY key ORDER BY place) AS after_next
    FROM stored
    CROSS JOIN LATERAL regexp_matches(text, $re$([eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*(?:[^*]|\*+[^*/])*\*+/|\$[A-Za-z_]*\$[^$]*\$[A-Za-z_]*\$|\$[A-Za-z_]*\$|[[:alnum:]_]+|[^[:alnum:]_'"$/-]+|.)$re$, 'g')
        WITH ORDINALITY AS t (token, place)
    WHERE kind <> 'comment' AND text ~ $re$['$]|--|/\*$re$
), constants AS (
    -- What stands between the quotes of a string; everything else passes unchanged.
    SELECT key, place, token, next, after_next,
           CASE WHEN token ~ '^[eE]''' THEN substr(token, 3, length(token) - 3)
                WHEN token LIKE '''%' AND length(token) >= 2 THEN substr(token, 2, length(token) - 2)
                WHEN token ~ '^\$[A-Za-z_]*\$.*\$[A-Za-z_]*\$$'
                    THEN substring(token from '^\$[A-Za-z_]*\$(.*)\$[A-Za-z_]*\$$') END AS inside,
           coalesce(substring(token from '^(\$[A-Za-z_]*\$)'), '''') AS quote
    FROM tokens
), masked AS (
    SELECT key, place, CASE
        -- comments go, their line ends stay
        WHEN token LIKE '--%' THEN '--'
        WHEN token LIKE '/*%' THEN '/*' || regexp_replace(token, '[^\n]+', '', 'g') || '*/'
        WHEN inside IS NULL THEN token
        -- nothing that could be a secret
        WHEN inside !~ '[[:alnum:]]' THEN token
        WHEN inside IN ('0', '1', '-1') THEN token
        WHEN lower(inside) IN ('true', 'false', 't', 'f', 'on', 'off', 'yes', 'no', 'utf8', 'utf-8', 'latin1',
                               'hex', 'base64', 'escape') THEN token
        -- the name of an object: 'lab.patient_id_seq'::regclass
        WHEN next ~ '^\s*::\s*$' AND after_next IN ('regclass', 'regproc', 'regprocedure', 'regtype', 'regrole',
                                                    'regnamespace', 'name') THEN token
        -- the name of a primitive, or pgcrypto's options
        WHEN lower(inside) ~ '^(md5|sha-?(1|224|256|384|512)|x?des|3des|bf|blowfish|aes(128|192|256)?|cast5)(-(ecb|cbc))?(/pad:(pkcs|none))?$'
            THEN token
        WHEN inside ~ '^\s*((cipher-algo|compress-algo|compress-level|convert-crlf|disable-mdc|sess-key|s2k-mode|s2k-count|s2k-digest-algo|s2k-cipher-algo|unicode-mode)\s*=\s*[a-z0-9]+\s*,?\s*)+$'
            THEN token
        -- a dotted name: lab.patient, app.tenant
        WHEN inside ~ '^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)+$' THEN token
        -- a piece of dynamic SQL: kept for its structure, with the strings nested in it and any password masked
        WHEN inside ~* '^[\s(]*(select|insert\s+into|update|delete\s+from|create|alter|drop|grant|revoke|truncate|copy|call|execute|lock|explain|analyze|vacuum|refresh|reindex|comment\s+on|notify)\M'
          OR inside ~ '^[\s(]*(WITH|FROM|WHERE|AND|OR|SET|VALUES|ORDER|GROUP|LIMIT|OFFSET|JOIN|LEFT|INNER|ON|AS|INTO|RETURNING|UNION|HAVING|DO|TABLE|PERFORM|USING|IN|NOT|IS|TO)\M'
          OR inside ~* '^[\s)]+(with|from|where|and|or|set|values|order|group|limit|offset|join|left|inner|on|as|into|returning|union|having|do|table|using|in|not|is|to)\M'
            THEN regexp_replace(
                     regexp_replace(token, '''''[^'']+''''', '''''***''''', 'g'),
                     '((?:password|passwd|pwd|secret|token)\s*[=:]\s*|://[^/@:\s]*:)[^\s''@*]+', '\1***', 'gi')
        -- a connection string: its keys stay, its values go
        WHEN inside ~* '(passw|passwd|pwd|secret|token)[[:alnum:]_]*\s*='
            THEN quote || (SELECT string_agg(m[1] || '=' || CASE WHEN m[2] = '' THEN '' ELSE '***' END, ' ')
                           FROM regexp_matches(inside, '([[:alnum:]_]+)\s*=\s*([^\s]*)', 'g') AS m) || quote
        WHEN inside ~ '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/@]*:[^/@]+@'
            THEN quote || substring(inside from '^[a-zA-Z][a-zA-Z0-9+.-]*://') || '***:***@***' || quote
        WHEN inside ~ '^[a-zA-Z][a-zA-Z0-9+.-]*://'
            THEN quote || substring(inside from '^[a-zA-Z][a-zA-Z0-9+.-]*://') || '***' || quote
        -- keys that show what they are
        WHEN inside ~ '^(AKIA|ASIA)[0-9A-Z]{12,}' THEN quote || '***aws-key***' || quote
        WHEN inside ~ '^eyJ[A-Za-z0-9_-]+\.' THEN quote || '***jwt***' || quote
        WHEN inside ~ '-----BEGIN [A-Z ]*PRIVATE KEY' THEN quote || '***private-key***' || quote
        -- everything else: that there is a string, not which
        ELSE quote || '***' || quote END AS token
    FROM constants
), shown AS (
    SELECT key, string_agg(token, '' ORDER BY place) AS text FROM masked GROUP BY key
)
SELECT json_build_array(s.kind, s.oid::bigint, s.number, s.catalog, s.language, CASE
    WHEN s.kind <> 'comment' THEN coalesce(m.text, s.text, '')
    -- prose: what follows a word for a secret, passwords in addresses, and anything that looks random
    ELSE regexp_replace(regexp_replace(regexp_replace(s.text,
        '((?:password|passwd|passphrase|mot de passe|mdp|pwd|secret|token|cl[ée]|key|contraseña|clave|passwort|kennwort|schlüssel)[[:alnum:]_ ]{0,20}(?:[:=]|\s(?:is|est|es|ist)\s)\s*)\S+', '\1***', 'gi'),
        '(://[^/@\s]*:)[^/@\s]+@', '\1***@', 'g'),
        '\m(?=[A-Za-z0-9+/=_-]*[0-9])(?=[A-Za-z0-9+/=_-]*[A-Za-z])[A-Za-z0-9+/=_-]{16,}', '***', 'g') END
)::text
FROM stored AS s
LEFT JOIN shown AS m ON m.key = s.key
ORDER BY s.kind, s.oid, s.number, s.catalog COLLATE "C";
