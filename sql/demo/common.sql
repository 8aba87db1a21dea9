-- The laboratory that both demos share: tables of a small medical laboratory, with made-up people.
-- No value here belongs to anybody: names are drawn from a list of plants, numbers are counted up.

CREATE SCHEMA lab;

CREATE TABLE lab.patient (
    patient_id     integer PRIMARY KEY,
    nir            text NOT NULL,
    nom            text NOT NULL,
    prenom         text NOT NULL,
    date_naissance date NOT NULL,
    telephone      text,
    medecin        text
);

CREATE TABLE lab.demande (
    demande_id integer PRIMARY KEY,
    patient_id integer NOT NULL REFERENCES lab.patient,
    recue_le   timestamptz NOT NULL,
    urgent     boolean NOT NULL
);

CREATE TABLE lab.resultat (
    resultat_id integer PRIMARY KEY,
    demande_id  integer NOT NULL REFERENCES lab.demande,
    code_loinc  text NOT NULL,
    valeur      numeric,
    commentaire text
);

CREATE TABLE lab.genotype (
    patient_id integer NOT NULL REFERENCES lab.patient,
    hgvs       text NOT NULL
);

CREATE TABLE lab.code_postal (
    code    text PRIMARY KEY,
    commune text NOT NULL
);

INSERT INTO lab.patient
SELECT n,
       to_char(n, 'FM0000000000000'),
       (ARRAY['Aubepine', 'Bleuet', 'Capucine', 'Dahlia', 'Eglantine'])[1 + n % 5],
       (ARRAY['Rose', 'Jasmin', 'Iris', 'Violette'])[1 + n % 4],
       date '1940-01-01' + n * 37,
       '+33 0 00 00 ' || to_char(n, 'FM0000'),
       'Dr Fougere'
FROM generate_series(1, 500) AS n;

INSERT INTO lab.demande
SELECT n, 1 + n % 500, timestamptz '2020-01-01 00:00+00' + n * interval '3 hours', n % 7 = 0
FROM generate_series(1, 1500) AS n;

INSERT INTO lab.resultat
SELECT n, 1 + n % 1500, '718-7', 120 + n % 50, NULL
FROM generate_series(1, 3000) AS n;

INSERT INTO lab.genotype
SELECT n, 'made up ' || n
FROM generate_series(1, 50) AS n;

INSERT INTO lab.code_postal VALUES ('00000', 'Nullepart');
