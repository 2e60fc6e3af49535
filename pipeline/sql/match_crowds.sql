-- Reads:  match_seen, match_keys, core.normalised.
-- Writes: nothing.
-- One row per e-mail or mobile with at least $people faces, and face, in the order of the values.
-- Why:    only values with as many faces as it takes people can be held by that many people.
WITH many AS (
    SELECT bit, value FROM match_seen WHERE why IS NULL AND bit < 4 AND holders >= $people
),
held AS (
    SELECT
        k.bit, k.value, n.given_name, n.middle_name, n.family_name, n.full_name, n.company, n.is_business,
        match_face(n.given_name, n.middle_name, n.family_name, n.full_name, n.company, n.is_business) AS name
    FROM (FROM match_keys SEMI JOIN many USING (bit, value)) AS k
    JOIN core.normalised AS n ON n.system = k.system AND n.record_id = k.record_id
)
SELECT DISTINCT held.* EXCLUDE (name)
FROM held
SEMI JOIN (SELECT bit, value FROM held GROUP BY bit, value HAVING count(DISTINCT name) >= $people) USING (bit, value)
ORDER BY ALL
