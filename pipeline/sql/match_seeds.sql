-- Reads:  core.changed, match_decided, match_unlinked, core.links, core.reviews, core.held, match_again, match_keys.
-- Writes: the temporary table `match_front`.
-- One row per record whose match has to be looked at because of itself, a decision, or a value that identifies again.
-- Why:    a decision counts until it is carried out; what a changed record shared before the change, its reviews still tell.
CREATE OR REPLACE TEMP TABLE match_front AS
WITH decided AS (
    SELECT d.* FROM match_decided AS d
    LEFT JOIN core.links AS l ON l.system = d.left_system AND l.record_id = d.left_record_id
    LEFT JOIN core.links AS r ON r.system = d.right_system AND r.record_id = d.right_record_id
    WHERE (d.kind = 'apart') = (l.customer_id IS NOT DISTINCT FROM r.customer_id)
)
SELECT system, record_id FROM core.changed
UNION SELECT left_system, left_record_id FROM decided
UNION SELECT right_system, right_record_id FROM decided
UNION SELECT system, record_id FROM match_unlinked
UNION SELECT k.system, k.record_id FROM match_keys AS k SEMI JOIN match_again USING (bit, value)
UNION
SELECT side.system, side.record_id
FROM core.reviews AS r JOIN match_decided AS d
  ON (r.left_system, r.left_record_id, r.right_system, r.right_record_id)
   = (d.left_system, d.left_record_id, d.right_system, d.right_record_id),
  LATERAL (VALUES (r.left_system, r.left_record_id), (r.right_system, r.right_record_id)) AS side(system, record_id)
WHERE r.decision IS DISTINCT FROM d.kind OR r.review_id IN (SELECT review_id FROM core.held)
