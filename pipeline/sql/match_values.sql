-- Reads:  match_keys, match_ask (the key values to count; all of them when $everything).
-- Writes: rows of the temporary table `match_seen`.
-- One row per key value held by more than one record, with how many hold it, anywhere and in the fullest system.
-- Why:    counting per system only where the total is above the limit saves most of the work at a million records.
INSERT INTO match_seen
WITH held AS (
    SELECT bit, value, count(*) AS holders
    FROM match_keys
    WHERE $everything OR (bit, value) IN (SELECT (bit, value) FROM match_ask)
    GROUP BY bit, value
    HAVING count(*) > 1
),
fullest AS (
    SELECT bit, value, max(holders) AS most
    FROM (
        SELECT bit, value, system, count(*) AS holders
        FROM match_keys SEMI JOIN (SELECT bit, value FROM held WHERE holders > $shared_after) USING (bit, value)
        GROUP BY bit, value, system
    )
    GROUP BY bit, value
)
SELECT bit, value, holders, CASE WHEN most > $shared_after THEN 'crowded' END AS why
FROM held LEFT JOIN fullest USING (bit, value)
