-- Counts of values that look like something, from "sampled": number (of the column), path (inside a document),
-- v (the value as text, cut). Nothing but counts comes out. Every CASE asks for the shape before it
-- computes, so that no value can raise an error.
, shaped AS (
    SELECT s.number, s.path, s.v,
           upper(regexp_replace(s.v, '[[:space:].-]', '', 'g')) AS t
    FROM sampled AS s
), looked AS (
    SELECT s.number, s.path, s.v,
           -- the number of the French register (NIR): sex, year, month, place of birth, order, and perhaps its key
           s.t ~ '^[123478][0-9]{2}(0[1-9]|1[0-2]|20|3[0-9]|4[0-2]|[5-9][0-9])([0-9]{2}|2[AB])[0-9]{6}([0-9]{2})?$' AS nir,
           CASE WHEN s.t ~ '^[123478][0-9]{2}(0[1-9]|1[0-2]|20|3[0-9]|4[0-2]|[5-9][0-9])([0-9]{2}|2[AB])[0-9]{8}$'
                THEN 97 - (replace(replace(left(s.t, 13), '2A', '19'), '2B', '18'))::bigint % 97
                     = right(s.t, 2)::int
                ELSE false END AS nir_valid,
           CASE WHEN s.t ~ '^[18][0-9]{10}$' THEN luhn.sum % 10 = 0 ELSE false END AS rpps,
           CASE WHEN s.t ~ '^[0-9]{13,19}$'
                 AND s.t ~ '^(4|5[1-5]|2(22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)|3[47]|6011|65|64[4-9]|35|36|30[0-5]|38|62)'
                THEN luhn.sum % 10 = 0 ELSE false END AS card,
           s.v ~ '^[[:space:]]*(00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])-(0[1-9]|[1-9][0-9])-([0-9]{3}[1-9]|[0-9]{2}[1-9][0-9]|[0-9][1-9][0-9]{2}|[1-9][0-9]{3})[[:space:]]*$' AS ssn,
           CASE WHEN s.t ~ '^[0-9]{10}$'
                THEN (11 - weighted.sum % 11) % 11 = right(s.t, 1)::int
                ELSE false END AS nhs_number,
           CASE WHEN s.t ~ '^[0-9]{8}[A-Z]$'
                THEN substr('TRWAGMYFPDXBNJZSQVHLCKE', (left(s.t, 8)::int % 23) + 1, 1) = right(s.t, 1)
                WHEN s.t ~ '^[XYZ][0-9]{7}[A-Z]$'
                THEN substr('TRWAGMYFPDXBNJZSQVHLCKE',
                            (translate(left(s.t, 8), 'XYZ', '012')::int % 23) + 1, 1) = right(s.t, 1)
                ELSE false END AS dni,
           CASE WHEN s.t ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$' THEN remainder.of_97 = 1 ELSE false END AS iban,
           s.v ~* '^[[:space:]]*[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}[[:space:]]*$' AS email,
           translate(s.v, ' .-()/', '') ~ '^(\+[1-9][0-9]{7,14}|00[1-9][0-9]{7,14}|0[1-9][0-9]{8,9}|[6789][0-9]{8})$'
               AND s.v ~ '[0-9]' AS phone,
           s.v ~ '^[A-TV-Z][0-9][0-9AB](\.?[0-9A-Z]{1,4})?$' AS icd10,
           CASE WHEN s.v ~ '^[0-9]{1,5}-[0-9]$' THEN loinc.sum % 10 = 0 ELSE false END AS loinc,
           s.v ~ '^[A-DGHJ-NPRSV][0-9]{2}[A-Z]{2}[0-9]{2}$' AS atc,
           s.v ~ '^[A-Z]{4}[0-9]{3}$' AS ccam,
           s.v ~* '^[[:space:]]*(a|b|ab|o|0)[[:space:]]*(\+|-|pos|neg|rh ?\+|rh ?-|rhd? ?(pos|neg)).*$' AND length(s.v) <= 20 AS blood_group,
           s.v ~ '(^|[:( ])([cgmnr]\.[A-Za-z0-9_*()?+-]+(>|del|dup|ins|inv|=)|p\.\(?[A-Z][a-z]{2}[0-9]+([A-Z][a-z]{2}|del|dup|fs|=|\*))' AS hgvs,
           s.v ~ '^rs[0-9]{3,12}$' AS rsid,
           s.v ~ '^([0-9]{1,3}\.){3}[0-9]{1,3}(/[0-9]{1,2})?$'
               OR s.v ~* '^[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}(/[0-9]{1,3})?$' AS ip_address,
           s.v ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' AS uuid,
           s.v ~ '^(\$2[abxy]?\$|\$argon2|\$6\$|\$5\$|\$1\$|SCRAM-SHA-256\$|md5[0-9a-f]{32}$|pbkdf2|\{SSHA\})' AS password_hash,
           s.v ~ '^(\\x(c30d04|8c0d04|c1c[01]4|8501|8401|c3)|-----BEGIN PGP MESSAGE)' AS pgp_message,
           s.v ~ '^\\x' AS bytes,
           s.v ~ '^(1[89][0-9]{2}|20[0-9]{2})-(0[1-9]|1[0-2])-[0-3][0-9]([ T]|$)' AS date,
           s.v ~ '^(1[89][0-9]{2}|20[0-9]{2})-(0[1-9]|1[0-2])-[0-3][0-9]([ T]|$)'
               AND left(s.v, 10) COLLATE "C" <= to_char(now(), 'YYYY-MM-DD') COLLATE "C"
               AND left(s.v, 4) COLLATE "C" >= '1900' AS past_date,
           s.v ~* '^[[:space:]]*(m|f|h|w|male|female|homme|femme|hombre|mujer|masculin|feminin|masculino|femenino|maennlich|weiblich|u|x)[[:space:]]*$' AS sex,
           length(s.v) > 60 AND length(s.v) - length(replace(s.v, ' ', '')) > 6 AS prose
    FROM shaped AS s
    LEFT JOIN LATERAL (
        -- the sum of Luhn: every second digit from the right doubled
        SELECT sum(CASE WHEN (length(s.t) - d.at) % 2 = 0 THEN d.digit
                        WHEN d.digit > 4 THEN d.digit * 2 - 9 ELSE d.digit * 2 END) AS sum
        FROM (SELECT g.at, substr(s.t, g.at, 1)::int AS digit
              FROM generate_series(1, CASE WHEN s.t ~ '^[0-9]{11,19}$' THEN length(s.t) ELSE 0 END) AS g (at)) AS d
    ) AS luhn ON true
    LEFT JOIN LATERAL (
        SELECT sum(substr(s.t, g.at, 1)::int * (11 - g.at)) AS sum
        FROM generate_series(1, CASE WHEN s.t ~ '^[0-9]{10}$' THEN 9 ELSE 0 END) AS g (at)
    ) AS weighted ON true
    LEFT JOIN LATERAL (
        -- LOINC: Luhn over the digits without the hyphen
        SELECT sum(CASE WHEN (length(n.t) - d.at) % 2 = 0 THEN d.digit
                        WHEN d.digit > 4 THEN d.digit * 2 - 9 ELSE d.digit * 2 END) AS sum
        FROM (SELECT replace(s.v, '-', '') AS t) AS n,
             LATERAL (SELECT g.at, substr(n.t, g.at, 1)::int AS digit
                      FROM generate_series(1, CASE WHEN s.v ~ '^[0-9]{1,5}-[0-9]$' THEN length(n.t) ELSE 0 END)
                           AS g (at)) AS d
    ) AS loinc ON true
    LEFT JOIN LATERAL (
        -- ISO 13616: the first four characters go to the end, letters become two digits
        SELECT string_agg(CASE WHEN c.one ~ '[0-9]' THEN c.one ELSE (ascii(c.one) - 55)::text END, '' ORDER BY c.at)::numeric % 97 AS of_97
        FROM (SELECT g.at, substr(substr(s.t, 5) || left(s.t, 4), g.at, 1) AS one
              FROM generate_series(1, CASE WHEN s.t ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$' THEN length(s.t) ELSE 0 END)
                   AS g (at)) AS c
    ) AS remainder ON true
)
SELECT json_build_array(
    number, path, count(*), count(v), count(DISTINCT left(v, 64)), count(DISTINCT left(v, 4)) FILTER (WHERE past_date),
    json_build_array(
        json_build_array('nir', count(*) FILTER (WHERE nir)),
        json_build_array('nir_valid', count(*) FILTER (WHERE nir_valid)),
        json_build_array('rpps', count(*) FILTER (WHERE rpps)),
        json_build_array('card', count(*) FILTER (WHERE card)),
        json_build_array('ssn', count(*) FILTER (WHERE ssn)),
        json_build_array('nhs_number', count(*) FILTER (WHERE nhs_number)),
        json_build_array('dni', count(*) FILTER (WHERE dni)),
        json_build_array('iban', count(*) FILTER (WHERE iban)),
        json_build_array('email', count(*) FILTER (WHERE email)),
        json_build_array('phone', count(*) FILTER (WHERE phone)),
        json_build_array('icd10', count(*) FILTER (WHERE icd10)),
        json_build_array('loinc', count(*) FILTER (WHERE loinc)),
        json_build_array('atc', count(*) FILTER (WHERE atc)),
        json_build_array('ccam', count(*) FILTER (WHERE ccam)),
        json_build_array('blood_group', count(*) FILTER (WHERE blood_group)),
        json_build_array('hgvs', count(*) FILTER (WHERE hgvs)),
        json_build_array('rsid', count(*) FILTER (WHERE rsid)),
        json_build_array('ip_address', count(*) FILTER (WHERE ip_address)),
        json_build_array('uuid', count(*) FILTER (WHERE uuid)),
        json_build_array('password_hash', count(*) FILTER (WHERE password_hash)),
        json_build_array('pgp_message', count(*) FILTER (WHERE pgp_message)),
        json_build_array('bytes', count(*) FILTER (WHERE bytes)),
        json_build_array('date', count(*) FILTER (WHERE date)),
        json_build_array('past_date', count(*) FILTER (WHERE past_date)),
        json_build_array('sex', count(*) FILTER (WHERE sex)),
        json_build_array('prose', count(*) FILTER (WHERE prose))
    )
)::text
FROM looked
GROUP BY number, path
ORDER BY number, path;
