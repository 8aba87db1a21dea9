-- Of the comments of relations and of their columns the words that tell what a column holds, in order. Only words
-- of this list leave the server: a comment may hold a password, a name or an example of a value.
WITH known AS (
    SELECT unnest(string_to_array(
        'patient patients person persons personne personnes paciente pacientes persona personas people individual'
        ' beneficiary beneficiaire beneficiario assure asegurado insured subject sujet name names nom noms prenom prenoms'
        ' nombre apellido apellidos surname forename first last given family birth naissance nacimiento geburt'
        ' geburtsdatum born dob age edad alter death deces fallecimiento tod deceased sex sexe sexo gender geschlecht'
        ' address adresse direccion anschrift street rue calle strasse city ville ciudad ort postal postcode zip phone'
        ' telephone telefono telefon mobile email mail courriel correo contact contacto national social security'
        ' securite seguridad nir ins ipp nhs ssn nss dni nie curp mrn insurance assurance seguro versicherung mutuelle'
        ' policy police poliza number numero nummer identifier identifiant identificador record dossier historia'
        ' medical medicale medico clinical clinique clinico diagnosis diagnostic diagnostico diagnose disease maladie'
        ' enfermedad krankheit icd cim cie symptom symptome sintoma finding befund result resultat resultado ergebnis'
        ' test analyse analysis analisis exam examen laboratory laboratoire laboratorio labor sample echantillon'
        ' muestra probe specimen value valeur valor wert measurement mesure measure medida blood sang sangre blut group'
        ' groupe grupo allergy allergie alergia drug drugs medicament medicamento medication dose dosis posologie'
        ' prescription ordonnance receta treatment traitement tratamiento therapy behandlung procedure acte procedimiento'
        ' surgery chirurgie cirugia operation vaccine vaccin vacuna vaccination immunization admission entree ingreso'
        ' aufnahme discharge sortie alta entlassung stay sejour estancia visit visite visita consultation consulta'
        ' encounter appointment rendezvous cita hospital hopital hospitalisation ward service bed lit cama emergency'
        ' urgences urgencias note notes comment commentaire comentario remark remarque observation observations text'
        ' texte texto free libre summary resume report rapport informe compterendu religion ethnic ethnicity ethnie race'
        ' raza nationality nationalite nacionalidad language langue idioma marital civil occupation profession'
        ' profesion education income revenu smoking tabac tabaco alcohol alcool pregnancy grossesse embarazo weight poids'
        ' peso height taille pressure tension temperature pulse pouls genetic genetique genetico gene genotype variant'
        ' mutation allele dna adn doctor docteur physician medecin arzt nurse infirmier enfermera practitioner'
        ' praticien provider prescriber prescripteur professional professionnel user utilisateur usuario login'
        ' account compte cuenta bank iban card carte tarjeta payment paiement pago amount montant importe claim'
        ' date dates fecha datum time heure hora year annee year month mois code codes type types status statut estado'
        ' unit unite unidad einheit flag indicateur category categorie created updated modified cree modifie id key cle'
        ' clave reference table list liste lista file fichier version of de du des la le les el los las der die das the'
        ' place lieu lugar country pays pais mother mere madre father pere padre guardian tuteur tutor parent parents',
        ' ')) AS word
), spoken AS (
    SELECT d.objoid, d.objsubid,
           regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(lower(left(d.description, 2000)),
               CASE e.utf8 WHEN true THEN '[\u00e0-\u00e5]' ELSE '$^' END, 'a', 'g'),
               CASE e.utf8 WHEN true THEN '[\u00e8-\u00eb]' ELSE '$^' END, 'e', 'g'),
               CASE e.utf8 WHEN true THEN '[\u00ec-\u00ef]' ELSE '$^' END, 'i', 'g'),
               CASE e.utf8 WHEN true THEN '[\u00f2-\u00f6]' ELSE '$^' END, 'o', 'g'),
               CASE e.utf8 WHEN true THEN '[\u00f9-\u00fc]' ELSE '$^' END, 'u', 'g'),
               CASE e.utf8 WHEN true THEN '[\u00e7]' ELSE '$^' END, 'c', 'g'),
               CASE e.utf8 WHEN true THEN '[\u00f1]' ELSE '$^' END, 'n', 'g') AS said
    FROM pg_catalog.pg_description AS d
    CROSS JOIN (SELECT getdatabaseencoding() = 'UTF8' AS utf8) AS e
    JOIN pg_catalog.pg_class AS c ON c.oid = d.objoid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND c.oid >= 16384 AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
)
SELECT json_build_array(s.objoid::bigint, s.objsubid, left(string_agg(w.word, ' ' ORDER BY w.at), 200))::text
FROM spoken AS s
CROSS JOIN LATERAL regexp_split_to_table(s.said, '[^a-z]+') WITH ORDINALITY AS w (word, at)
WHERE w.word IN (SELECT k.word FROM known AS k)
GROUP BY s.objoid, s.objsubid
ORDER BY s.objoid, s.objsubid;
