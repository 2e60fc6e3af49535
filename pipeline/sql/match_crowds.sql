-- Reads:  match_seen, match_keys, core.normalised.
-- Writes: nothing.
-- One row per e-mail or mobile with several faces, and face, in the order of the values.
-- Why:    only values with as many faces as it takes people can be held by that many people.
WITH many AS (SELECT bit, value FROM match_seen WHERE why IS NULL AND bit < 4 AND holders >= $people)
SELECT DISTINCT k.bit, k.value, n.given_name, n.middle_name, n.family_name, n.full_name, n.company, n.is_business
FROM match_keys AS k
SEMI JOIN many USING (bit, value)
JOIN core.normalised AS n ON n.system = k.system AND n.record_id = k.record_id
ORDER BY ALL
