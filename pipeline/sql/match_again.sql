-- Reads:  core.shared_values, match_keys.
-- Writes: the temporary table `match_again`.
-- One row per value that was found to identify nobody and may identify somebody again.
-- Why:    the holder that left is among the changed records, but the value it held is no longer to be seen there.
CREATE OR REPLACE TEMP TABLE match_again AS
WITH stored AS (
    SELECT CASE field WHEN 'vat' THEN 4 WHEN 'email' THEN 2 ELSE 1 END AS bit, value, why, holders FROM core.shared_values
),
present AS (
    SELECT bit, value, sum(holders) AS holders, max(holders) AS most
    FROM (SELECT bit, value, system, count(*) AS holders FROM match_keys SEMI JOIN stored USING (bit, value) GROUP BY bit, value, system)
    GROUP BY bit, value
)
SELECT bit, value
FROM stored LEFT JOIN present USING (bit, value)
WHERE coalesce(present.holders, 0) <> stored.holders OR (stored.why = 'crowded' AND coalesce(present.most, 0) <= $shared_after)
