INSERT INTO pgguard.migration (plan, number, slug, phase, sha256, action, state, message)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
