-- Reads:  core.normalised; match_on, match_ignored, match_roles (the settings as tables).
-- Writes: the temporary view `match_keys`.
-- One row per record and key value that may identify somebody, before anything is known of how many hold it.
-- Why:    one place says what a key is; ignored values, role addresses (option) and numbers like 0000000 fall here.
CREATE OR REPLACE TEMP VIEW match_keys AS
SELECT keyed.system, keyed.record_id, keyed.bit, keyed.value
FROM (
    SELECT system, record_id, 4 AS bit, vat_number AS value FROM core.normalised WHERE vat_number IS NOT NULL
    UNION ALL
    SELECT system, record_id, 2 AS bit, email AS value FROM core.normalised
    WHERE email IS NOT NULL AND split_part(email, '@', 1) NOT IN (SELECT local_part FROM match_roles)
    UNION ALL
    SELECT system, record_id, 1 AS bit, mobile AS value FROM core.normalised
    WHERE mobile IS NOT NULL AND replace(right(mobile, 7), right(mobile, 1), '') <> ''
) AS keyed
WHERE keyed.bit IN (SELECT bit FROM match_on) AND keyed.value NOT IN (SELECT value FROM match_ignored)
