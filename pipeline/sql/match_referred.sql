-- Reads:  core.records, core.normalised, core.links, core.identities.
-- Writes: the temporary table `match_referred`.
-- One row per live record without a link that names one of our ids as its own reference: the id in force, or one we lost.
-- Why:    that is how links are found again after the store was lost; a link that exists is newer than the reference beside it.
CREATE OR REPLACE TEMP TABLE match_referred AS
WITH RECURSIVE ours AS (
    SELECT r.system, r.record_id, r.reference, r.payload
    FROM core.records AS r
    SEMI JOIN core.normalised AS n ON n.system = r.system AND n.record_id = r.record_id
    ANTI JOIN core.links AS l ON l.system = r.system AND l.record_id = r.record_id
    WHERE r.reference IS NOT NULL
),
followed(reference, customer_id) AS (
    SELECT DISTINCT o.reference, i.customer_id FROM ours AS o JOIN core.identities AS i ON i.customer_id = o.reference
    UNION
    SELECT f.reference, i.merged_into FROM followed AS f JOIN core.identities AS i USING (customer_id) WHERE i.merged_into IS NOT NULL
)
SELECT o.system, o.record_id, o.reference, coalesce(f.customer_id, o.reference) AS customer_id, f.customer_id IS NOT NULL AS is_known
FROM ours AS o
LEFT JOIN (
    SELECT followed.* FROM followed JOIN core.identities AS i USING (customer_id) WHERE i.merged_into IS NULL
) AS f USING (reference)
WHERE f.customer_id IS NOT NULL
   OR (regexp_full_match(o.reference, '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}')
       AND json_extract_string(o.payload, '$.origin') = 'customer-sync'
       AND o.reference NOT IN (SELECT customer_id FROM core.identities WHERE customer_id IS NOT NULL))
