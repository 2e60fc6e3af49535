-- Reads:  core.landing of one pull, core.records of its system.
-- Writes: the temporary table `arrived`.
-- One row per record received, with the `seq` of its last version in this walk, and `kind`: new, changed or unchanged.
-- Why:    a record read twice in one walk counts once; content is compared by hash, never by the vendor's stamp (echoes, orders).
--         Payloads stay out of it: they are copied from the landing by `seq`, so that a million of them never meet in memory.
CREATE OR REPLACE TEMP TABLE arrived AS
SELECT
    landed.record_id,
    landed.seq,
    known.first_seen_at,
    CASE
        WHEN known.record_id IS NULL THEN 'new'
        WHEN known.content_hash IS DISTINCT FROM landed.content_hash
          OR known.deleted_at IS DISTINCT FROM landed.deleted_at THEN 'changed'
        ELSE 'unchanged'
    END AS kind
FROM (
    SELECT record_id, max(seq) AS seq FROM core.landing WHERE pull_id = $pull_id GROUP BY record_id
) AS latest
JOIN core.landing AS landed ON landed.pull_id = $pull_id AND landed.seq = latest.seq
LEFT JOIN core.records AS known ON known.system = $system AND known.record_id = landed.record_id
