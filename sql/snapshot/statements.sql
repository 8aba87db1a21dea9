-- Tracked statements that name pgcrypto's functions, passwords or roles, masked like stored SQL (the
-- same rules as in definitions.sql). Run only where pg_stat_statements is installed, with its schema
-- on the search_path.
WITH stored AS (
    SELECT row_number() OVER (ORDER BY s.userid, s.queryid, s.query COLLATE "C") AS key,
           pg_get_userbyid(s.userid) AS role, s.query AS text, s.calls
    FROM pg_stat_statements AS s
    WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND s.query ~* 'pgp_|crypt|hmac|digest|password|(create|alter)\s+(role|user)|dblink|user\s+mapping'
), tokens AS (
    -- The text cut into strings, quoted names, comments, dollar quotes, words and the rest. Of several
    -- alternatives that fit at a place the regular expression takes the longest, which is the right one.
    SELECT key, place, token[1] AS token,
           lead(token[1]) OVER (PARTITION BY key ORDER BY place) AS next,
           lead(token[1], 2) OVER (PARTITION BY key ORDER BY place) AS after_next
    FROM stored
    CROSS JOIN LATERAL regexp_matches(text, $re$([eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*(?:[^*]|\*+[^*/])*\*+/|\$[A-Za-z_]*\$[^$]*\$[A-Za-z_]*\$|\$[A-Za-z_]*\$|[[:alnum:]_]+|[^[:alnum:]_'"$/-]+|.)$re$, 'g')
        WITH ORDINALITY AS t (token, place)
    WHERE text ~ $re$['$]|--|/\*$re$
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
SELECT json_build_array(s.role, coalesce(m.text, s.text), s.calls)::text
FROM stored AS s
LEFT JOIN shown AS m ON m.key = s.key
ORDER BY s.key;
