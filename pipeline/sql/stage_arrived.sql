-- Reads:  core.landing of one pull, core.records of its system.
-- Writes: the temporary table `arrived`.
-- One row per record received, its last version in this walk, with `kind`: new, changed or unchanged.
-- Why:    a record read twice in one walk counts once; content is compared by hash, never by the vendor's stamp (echoes, orders).
CREATE OR REPLACE TEMP TABLE arrived AS
SELECT
    landed.* EXCLUDE (position),
    known.first_seen_at,
    known.missing_since,
    CASE
        WHEN known.record_id IS NULL THEN 'new'
        WHEN known.content_hash IS DISTINCT FROM landed.content_hash
          OR known.deleted_at IS DISTINCT FROM landed.deleted_at THEN 'changed'
        ELSE 'unchanged'
    END AS kind
FROM (
    SELECT *, row_number() OVER (PARTITION BY record_id ORDER BY seq DESC) AS position
    FROM core.landing
    WHERE pull_id = $pull_id
) AS landed
LEFT JOIN core.records AS known ON known.system = $system AND known.record_id = landed.record_id
WHERE landed.position = 1
