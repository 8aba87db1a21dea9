-- All SQL that is stored in this database, and the comments on its objects, in one place, because here
-- the strings in it are masked before they leave the server: a string may be a key, a password or
-- somebody's name. What stays is structure: enough to parse, and to see that a constant stands there.
-- A text that cannot be cut into tokens with certainty becomes *** as a whole.
WITH own (kind, oid, number, catalog, language, text) AS (
    SELECT 'function', p.oid, 0, '', l.lanname::text,
           CASE WHEN l.lanname IN ('sql', 'plpgsql') THEN p.prosrc ELSE '' END
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    WHERE p.oid >= 16384
    UNION ALL
    SELECT 'argument', p.oid, 0, '', 'sql', pg_get_expr(p.proargdefaults, 0)
    FROM pg_catalog.pg_proc AS p WHERE p.oid >= 16384 AND p.proargdefaults IS NOT NULL
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
    SELECT 'domain', t.oid, 0, '', 'sql', pg_get_expr(t.typdefaultbin, 0)
    FROM pg_catalog.pg_type AS t WHERE t.oid >= 16384 AND t.typdefaultbin IS NOT NULL
    UNION ALL
    SELECT 'type', t.oid, 0,
           CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'r' THEN 'range' WHEN 'c' THEN 'composite'
                          ELSE format_type(t.typbasetype, NULL) END,
           'sql', format_type(t.oid, NULL)
    FROM pg_catalog.pg_type AS t
    LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
    WHERE t.oid >= 16384 AND (t.typtype IN ('d', 'e', 'r') OR c.relkind = 'c')
    UNION ALL
    -- a string that is compared with itself, which could not be seen any more once it is masked
    SELECT 'policy-using', p.oid, 0, '', 'sql',
           regexp_replace(pg_get_expr(p.polqual, p.polrelid), $re$('[^']*')(::[a-z ]+) = \1\2$re$, 'true', 'g')
    FROM pg_catalog.pg_policy AS p WHERE p.polqual IS NOT NULL
    UNION ALL
    SELECT 'policy-check', p.oid, 0, '', 'sql',
           regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), $re$('[^']*')(::[a-z ]+) = \1\2$re$, 'true', 'g')
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
), kept AS (
    -- without what belongs to an extension
    SELECT o.kind, o.oid, o.number, o.catalog, o.language, coalesce(o.text, '') AS text, o.kind = 'comment' AS prose
    FROM own AS o
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                      WHERE d.deptype = 'e' AND d.objid = o.oid
                        AND d.classid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_class'::regclass))
), stored AS (
    -- each text once: thousands of columns have the same default
    SELECT row_number() OVER () AS key, prose, false AS statement, text
    FROM kept
    GROUP BY prose, text
), known (word) AS (
    -- Masking: from here to the double line the same in definitions.sql, definitions.pg14.sql and
    -- statements.sql; in ASCII, so that a server of any encoding takes it. First the words that tell
    -- nothing beyond the names in the catalog.
    SELECT word FROM pg_get_keywords()
    UNION SELECT nspname::text FROM pg_catalog.pg_namespace
    UNION SELECT relname::text FROM pg_catalog.pg_class
    UNION SELECT attname::text FROM pg_catalog.pg_attribute
    UNION SELECT proname::text FROM pg_catalog.pg_proc
    UNION SELECT typname::text FROM pg_catalog.pg_type
), cut AS (
    -- The text as strings, quoted names, comments, and what stands between them. Of several alternatives
    -- that fit at a place the longest is taken, which is the right one. A word that begins with an e is
    -- a piece by itself, lest it hide the beginning of an E'string'.
    SELECT s.key, s.statement, t.place, t.found[1] AS token,
           lag(t.found[1]) OVER (PARTITION BY s.key ORDER BY t.place) AS before,
           lead(t.found[1]) OVER (PARTITION BY s.key ORDER BY t.place) AS behind
    FROM stored AS s
    CROSS JOIN LATERAL regexp_matches(s.text, $re$(?x)(
          '(?:[^']|'')*' | [eE]'(?:[^'\\]|\\.|'')*' | "(?:[^"]|"")*"
        | --[^\n\r]* | /\*(?:[^*]|\*+[^*/])*\*+/
        | \$\$(?:[^$]|\$[^$])*\$\$
        # from a named tag to the next one, which should be the same
        | \$[[:alpha:]_][[:alnum:]_]*\$
          (?:[^$]|\$+(?:[^[:alpha:]_$]|[[:alpha:]_][[:alnum:]_]*[^[:alnum:]_$]))*
          \$+[[:alpha:]_][[:alnum:]_]*\$
        | [eE][[:alnum:]_$]*
        | (?:[^\u0001-\u0040\u005b-\u005e\u0060\u007b-\u007feE][[:alnum:]_$]*|[^[:alpha:]_'"$/-])+
        | .)$re$, 'g') WITH ORDINALITY AS t (found, place)
    WHERE NOT s.prose AND (s.statement OR s.text ~ $re$['"$]|--|/\*|[0-9]{4}|0[xob]$re$)
), uncertain AS (
    -- a quote or a comment without its end, comments or tags inside others, backslashes of the old kind
    SELECT DISTINCT key
    FROM cut
    WHERE token IN ('''', '"') OR token = '/' AND behind LIKE '*%' OR token LIKE '/*%/*%'
       OR token = '$' AND coalesce(behind !~ '^[0-9]', true)
       OR substring(token from '^\$[[:alnum:]_]*\$') <> substring(token from '\$[[:alnum:]_]*\$$')
       OR token LIKE '''%\\''%' AND EXISTS (
              SELECT FROM pg_catalog.pg_settings WHERE name = 'standard_conforming_strings' AND reset_val = 'off'
              UNION ALL
              SELECT FROM pg_catalog.pg_db_role_setting WHERE setconfig @> '{standard_conforming_strings=off}'
              UNION ALL
              SELECT FROM pg_catalog.pg_proc WHERE proconfig @> '{standard_conforming_strings=off}')
), strings AS (
    SELECT *, CASE WHEN token LIKE '''%''' THEN substr(token, 2, length(token) - 2)
                   WHEN token LIKE '_''%''' THEN substr(token, 3, length(token) - 3)
                   WHEN token LIKE '$%$' THEN substring(token from '^\$[[:alnum:]_]*\$(.*)\$[[:alnum:]_]*\$$')
              END AS inside
    FROM cut
), kinds AS (
    -- which strings are SQL themselves, as EXECUTE and format() take it
    SELECT *, CASE WHEN token ~ '^(--|/\*)' THEN false
                   WHEN inside IS NULL THEN statement
                   ELSE coalesce(before ~* '\mformat\s*\(\s*$', false) OR inside ~* $re$(?x)^[\s(]*(?:
                       select|insert\s+into|update|delete\s+from|merge\s+into|create|alter|drop|grant|revoke
                       |truncate|copy|call|do|execute|with|set|begin|declare)\M$re$
              END AS sql
    FROM strings
), pieces AS (
    SELECT key, place, 0::bigint AS part, false AS deep, false AS quoted, token, inside, before, behind
    FROM kinds
    WHERE NOT sql
    UNION ALL
    -- those are cut once more, into words
    SELECT k.key, k.place, t.part, true, k.inside IS NOT NULL, t.found[1],
           CASE WHEN t.found[1] LIKE '''%''' THEN substr(t.found[1], 2, length(t.found[1]) - 2)
                WHEN t.found[1] LIKE '_''%''' THEN substr(t.found[1], 3, length(t.found[1]) - 3)
                WHEN t.found[1] LIKE '$$%$$' THEN substr(t.found[1], 3, length(t.found[1]) - 4) END, '', ''
    FROM kinds AS k
    CROSS JOIN LATERAL regexp_matches(
        CASE WHEN k.inside IS NULL THEN k.token
             WHEN k.token LIKE '$%' THEN k.inside
             WHEN k.token LIKE '''%' THEN replace(k.inside, '''''', '''')
             ELSE replace(replace(replace(k.inside, '''''', ''''), '\''', ''''), '\n', ' ') END,
        $re$(?x)(
          '(?:[^']|'')*' | [eE]'(?:[^'\\]|\\.|'')*' | "(?:[^"]|"")*"
        | --[^\n\r]* | /\*(?:[^*]|\*+[^*/])*\*+/
        | \$\$(?:[^$]|\$[^$])*\$\$
        | %%|%[-0-9$]*[sIL]
        | [^\u0001-\u002f\u003a-\u0040\u005b-\u005e\u0060\u007b-\u007f]+
        | .)$re$, 'g') WITH ORDINALITY AS t (found, part)
    WHERE k.sql
), hidden AS (
    SELECT key, place, part, deep, quoted, CASE
        -- comments go; what stays is their line ends, and that a password stands in one
        WHEN token LIKE '--%' OR token LIKE '/*%' THEN
            '/*' || CASE WHEN token ~* $re$(?x)
            (?: password|passwd|passphrase|pwd|mot[ _]de[ _]passe|mdp|contrase.a|kennwort|passwort|secret|token
              | api[ _-]?key | (?:encryption|secret|private)[ _-]key | cl.[ _](?:secr.te|priv.e|api|de[ _]chiffrement) )
            [[:alnum:] _()'"-]{0,25} (?: := | [:=] | \s(?:is|est|es|ist)\s | \s(?=['"]) ) \s*
            (?: ['"`]+ [^'"`\s<>*{}$]{3,} ['"`] | (?=\S*[0-9!@\u0023&]) [^\s<>*{}()$'"`]{4,} )
          | :// [^/@:\s]* : [^/@:\s<>*{}$%]+ @ $re$ THEN '***password***' ELSE '' END
            || regexp_replace(token, '[^\n]+', '', 'g') || '*/'

        -- between strings: names stay, numbers of four digits and more go
        WHEN inside IS NULL AND NOT deep THEN CASE
            WHEN token LIKE '"%' THEN CASE
                WHEN token ~ '^"[[:alpha:]_ ]*"$'
                  OR replace(substr(token, 2, greatest(length(token), 2) - 2), '""', '"') IN (SELECT word FROM known)
                    THEN token
                ELSE '"_"' END
            WHEN token ~ '[0-9]{4}|0[xXoObB]'
                THEN regexp_replace(token, '\m(?:[0-9][0-9A-Za-z_]{3,}|0[xXoObB][0-9A-Za-z_]+)', '999999999', 'g')
            ELSE token END

        -- inside of a string that is SQL: known words, single digits, punctuation
        WHEN inside IS NULL THEN CASE
            WHEN token ~ '^[0-9]{2,}$' THEN '999999999'
            WHEN token ~ '^(?:[0-9]|[\u0001-\u002f\u003a-\u0040\u005b-\u005e\u0060\u007b-\u007f]|%[-0-9$]*[sIL])$'
              OR lower(token) IN (SELECT word FROM known) THEN token
            WHEN token LIKE '"%"'
             AND replace(substr(token, 2, length(token) - 2), '""', '"') IN (SELECT word FROM known) THEN token
            WHEN token LIKE '"%' THEN '"_"'
            ELSE '_' END

        -- Strings. What cannot be a secret stays: punctuation, switches, encodings,
        WHEN length(inside) <= 3 AND inside ~ '^(?:[*]|[\s,;:.()|/_%<>=+-]*)$' THEN '''' || inside || ''''
        WHEN length(inside) <= 6 AND lower(inside) IN (
            '0', '1', '-1', 'true', 'false', 't', 'f', 'on', 'off', 'yes', 'no', 'utf8', 'utf-8', 'latin1',
            'hex', 'base64', 'escape', 'g', 'i', 'gi') THEN '''' || inside || ''''
        -- patterns of letters and digits at large,
        WHEN inside LIKE '%[%' AND inside ~ $re$(?x)
            ^ \^? (?: \[ \^? (?:a-z|A-Z|0-9|_|-)+ \] (?:[+*?]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})? )+ \$? $$re$
            THEN '''' || inside || ''''
        -- the names of primitives, and pgcrypto's options,
        WHEN length(inside) < 20 AND lower(inside) ~ $re$(?x)^(?:
            md5|sha-?(?:1|224|256|384|512)|x?des|3des|bf|blowfish|aes(?:128|192|256)?|cast5)
            (?:-(?:ecb|cbc))?(?:/pad:(?:pkcs|none))?$$re$ THEN '''' || inside || ''''
        WHEN inside LIKE '%=%' AND inside ~ $re$(?x)^\s*(?:(?:
            cipher-algo|compress-algo|compress-level|convert-crlf|disable-mdc|sess-key|s2k-mode|s2k-count
            |s2k-digest-algo|s2k-cipher-algo|unicode-mode)\s*=\s*(?:[0-9]{1,8}
            |aes(?:128|192|256)?|bf|blowfish|3des|cast5|twofish|md5|ripemd160|sha-?[0-9]{1,3})\s*,?\s*)+$$re$
            THEN '''' || inside || ''''
        -- the name of a parameter, and of an object: app.tenant, lab.patient.
        WHEN inside ~ '^[a-z_]+(?:[.][a-z_]+)+$' AND before ~* '\m(?:current_setting|set_config)\s*\(\s*$'
            THEN '''' || inside || ''''
        WHEN (inside LIKE '%.%' OR behind ~ '^\s*::\s*reg')
         AND inside ~ '^[a-z_][a-z0-9_]*(?:[.][a-z_][a-z0-9_]*)*$'
         AND NOT EXISTS (SELECT FROM regexp_split_to_table(inside, '[.]') AS name (part)
                         WHERE name.part NOT IN (SELECT word FROM known)) THEN '''' || inside || ''''
        -- Of all others it is said what they are: something to be replaced,
        WHEN length(inside) < 40 AND inside ~* $re$(?x)^(?:
            <[^<>]*> | [$]?\{.*\} | %[a-z_]+% | x{3,} | \*+ | [.]{3,}
          | (?:to_?be_?)?(?:change|replace|fill|set)[ _-]?(?:me|it|this|in)\M.* | (?:your|mon|votre)[ _-].*
          | \[[^]]*\] | todo|tbd|example|placeholder|dummy|redacted|masked|masqu.|hidden|none|null|n/a|undefined
          | unknown )$$re$ THEN '''***placeholder***'''
        -- a connection string or an address with a password, a key of a known form,
        WHEN inside ~ '[=:]' AND inside ~* $re$(?x)
            # the keywords of a connection string before or after its password
            (?:host|hostaddr|user|username|uid|dbname|database|port|service|server|sslmode|data[ ]source)\s*=
            .* (?:password|passwd|pwd)\s*=\s*["']{0,2}[^\s;&'"<>$%{*]
          | (?:password|passwd|pwd)\s*=\s*["']{0,2}[^\s;&'"<>$%{*] [^;&]* [\s;]
            (?:host|hostaddr|user|username|uid|dbname|database|port|service|server|sslmode|data[ ]source)\s*=
          | \m(?:pg)?(?:password|passwd|pwd|passphrase|secret|token|api_?key)=
            ["']{0,2}[^\s;&'"<>$%{*(][^\s;&'"(]* (?:[\s;&'"]|$)
            # JSON
          | ["'](?:password|passwd|pwd|passphrase|secret|token|api_?key|mdp|mot_de_passe)["']
            \s*:\s* ["'][^"'<>$%{*]
            # curl -u name:password
          | \s (?:-u|--(?:proxy-)?user) [\s=]* ["']? [^\s:"'<>$%{*-][^\s:"'<>$%{*]* : [^\s/:"'<>$%{*]
          | [a-z]:// [^/@:\s]* : [^/@:\s<>*{$%]+ @ $re$ THEN '''***password***'''
        WHEN length(inside) > 12 AND inside ~ $re$(?x)
            ^(?: (?:AKIA|ASIA)[0-9A-Z]{12,} | eyJ[A-Za-z0-9_-]+[.]eyJ | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_
               | glpat-[A-Za-z0-9_-]{10,} | xox[abeoprs]-[A-Za-z0-9-]{10,} | [sr]k_(?:live|test)_[A-Za-z0-9]{10,}
               | sk-[A-Za-z0-9_-]{20,} | AIza[0-9A-Za-z_-]{30,} | SG[.][A-Za-z0-9_-]{16,}[.]
               | (?:Authorization:\s*)?(?:Bearer|Basic|Token|ApiKey)\s+[A-Za-z0-9._~+/=-]{8,}$ )
          | -----BEGIN\s[A-Z ]*PRIVATE\sKEY $re$ THEN '''***key***'''
        -- a word for a secret, a template of format() with its places,
        WHEN length(inside) < 40 AND inside ~* $re$(?x)^(?:(?:x|api|app|auth|client|db|proxy|smtp|user)[_-])*(?:
            password|passwd|passphrase|pwd|mot_de_passe|mdp|secret|(?:access|api|auth|bearer)?[_-]?token|api[_-]?key
            |(?:encryption|secret|private|access)[_-]?key|authorization)$$re$ THEN '''***label***'''
        WHEN inside LIKE '%\%%' THEN
            '''***' || (SELECT coalesce(string_agg(m[1] || '***', ''), '')
                        FROM regexp_matches(inside, '%%|%[-0-9$]*[sIL]', 'g') AS m) || ''''
        -- or just a string.
        ELSE '''***''' END AS token
    FROM pieces
), shown AS (
    SELECT key, string_agg(token, '' ORDER BY place) AS text
    FROM (SELECT key, place, token FROM hidden WHERE NOT deep
          UNION ALL
          SELECT key, place, CASE WHEN quoted
                                  THEN '''' || replace(string_agg(token, '' ORDER BY part), '''', '''''') || ''''
                                  ELSE string_agg(token, '' ORDER BY part) END
          FROM hidden WHERE deep GROUP BY key, place, quoted) AS pieces
    GROUP BY key
), masked AS (
    SELECT s.*, CASE
        WHEN s.prose THEN CASE WHEN s.text ~* $re$(?x)
            (?: password|passwd|passphrase|pwd|mot[ _]de[ _]passe|mdp|contrase.a|kennwort|passwort|secret|token
              | api[ _-]?key | (?:encryption|secret|private)[ _-]key | cl.[ _](?:secr.te|priv.e|api|de[ _]chiffrement) )
            [[:alnum:] _()'"-]{0,25} (?: := | [:=] | \s(?:is|est|es|ist)\s | \s(?=['"]) ) \s*
            (?: ['"`]+ [^'"`\s<>*{}$]{3,} ['"`] | (?=\S*[0-9!@\u0023&]) [^\s<>*{}()$'"`]{4,} )
          | :// [^/@:\s]* : [^/@:\s<>*{}$%]+ @ $re$ THEN '***password***' ELSE '' END
        WHEN s.key IN (SELECT key FROM uncertain) THEN '***'
        -- a word may be a value too: SET app.key TO word
        WHEN coalesce(t.text, s.text) ~* '\mset\s+(?:(?:local|session)\s+)?["\w]+[.]["\w.]+\s*(?:=|to\M)\s*\w' THEN
            regexp_replace(coalesce(t.text, s.text),
                '(\mset\s+(?:(?:local|session)\s+)?["\w]+[.]["\w.]+\s*(?:=|\mto\M)\s*)\w+', '\1_', 'gi')
        ELSE coalesce(t.text, s.text, '') END AS shown
    FROM stored AS s
    LEFT JOIN shown AS t ON t.key = s.key
)
-- =====================================================================================================
SELECT json_build_array(k.kind, k.oid::bigint, k.number, k.catalog, k.language, m.shown)::text
FROM kept AS k
JOIN masked AS m ON m.text = k.text AND m.prose = k.prose
WHERE NOT k.prose OR m.shown <> ''
ORDER BY k.kind, k.oid, k.number, k.catalog COLLATE "C";
