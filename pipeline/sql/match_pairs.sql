-- Reads:  match_shares, match_compared (faces that are not equal, as compared in Python), match_sides.
-- Writes: the temporary table `match_pairs`.
-- One row per pair of records that share a value: the keys that agree as bits, those of them that leave open who is meant, and
-- whether the names agree.
-- Why:    a value that clearly different people hold joins only those whose names tell which of them they are.
CREATE OR REPLACE TEMP TABLE match_pairs AS
WITH judged AS (
    SELECT
        s.left_nid, s.right_nid, s.bit,
        CASE WHEN s.left_name = s.right_name THEN s.left_name <> 0 ELSE coalesce(c.agrees, FALSE) END AS agrees,
        one.side IS NOT NULL AND (one.side <> other.side OR s.left_name = 0 OR s.right_name = 0) AS is_contested
    FROM match_shares AS s
    LEFT JOIN match_compared AS c ON c.low = least(s.left_name, s.right_name) AND c.high = greatest(s.left_name, s.right_name)
    LEFT JOIN match_sides AS one ON one.key = s.key AND one.name = s.left_name
    LEFT JOIN match_sides AS other ON other.key = s.key AND other.name = s.right_name
)
SELECT
    left_nid, right_nid, sum(bit)::INTEGER AS shared,
    coalesce(sum(bit) FILTER (WHERE agrees OR NOT is_contested), 0)::INTEGER AS bits,
    bool_or(agrees) AS agrees
FROM judged
GROUP BY left_nid, right_nid
