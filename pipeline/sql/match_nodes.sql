-- Reads:  core.normalised, match_work, match_seen, core.links, match_referred, match_decided, match_unlinked.
-- Writes: the temporary table `match_nodes`.
-- One row per live record that is looked at. `rid` numbers them in key order; `nid` numbers those that could be joined or parted.
-- Why:    most records of a big list share nothing with anybody; only the others are worth carrying into Python.
CREATE OR REPLACE TEMP TABLE match_nodes AS
WITH shared AS (
    SELECT bit, value, row_number() OVER (ORDER BY bit, value) AS key FROM match_seen WHERE why IS NULL
),
live AS (
    SELECT
        n.system, n.record_id,
        match_face(n.given_name, n.middle_name, n.family_name, n.full_name, n.company, n.is_business) AS name,
        CASE WHEN n.vat_number IS NULL THEN -1 ELSE (hash(n.vat_number) >> 1)::BIGINT END AS vat_number,
        v.key AS vat, e.key AS email, m.key AS mobile,
        u.since IS NOT NULL AS is_cut, u.since AS cut_at,
        CASE WHEN u.since IS NULL THEN coalesce(l.customer_id, r.customer_id) END AS bound,
        l.customer_id, l.linked_at, l.matched_on, r.reference, r.is_known
    FROM core.normalised AS n
    SEMI JOIN match_work AS w ON w.system = n.system AND w.record_id = n.record_id
    LEFT JOIN shared AS v ON v.bit = 4 AND v.value = n.vat_number
    LEFT JOIN shared AS e ON e.bit = 2 AND e.value = n.email
    LEFT JOIN shared AS m ON m.bit = 1 AND m.value = n.mobile
    LEFT JOIN core.links AS l ON l.system = n.system AND l.record_id = n.record_id
    LEFT JOIN match_referred AS r ON r.system = n.system AND r.record_id = n.record_id
    LEFT JOIN match_unlinked AS u ON u.system = n.system AND u.record_id = n.record_id
),
numbered AS (
    SELECT
        live.*,
        row_number() OVER (ORDER BY system, record_id) - 1 AS rid,
        vat IS NOT NULL OR email IS NOT NULL OR mobile IS NOT NULL
            OR bound IN (SELECT bound FROM live WHERE bound IS NOT NULL GROUP BY bound HAVING count(*) > 1)
            OR (system, record_id) IN (
                SELECT (left_system, left_record_id) FROM match_decided
                UNION ALL SELECT (right_system, right_record_id) FROM match_decided
            ) AS is_busy
    FROM live
)
SELECT * EXCLUDE (is_busy), CASE WHEN is_busy THEN row_number() OVER (PARTITION BY is_busy ORDER BY rid) - 1 END AS nid
FROM numbered
