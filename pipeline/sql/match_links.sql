-- Reads:  match_nodes, match_found, match_home, match_claims, match_joined, match_pairs, match_decided, match_work, core.links, core.records.
-- Writes: the temporary table `match_links`.
-- One row per record that is looked at and linked now, live or gone, as it shall stand in core.links.
-- Why:    a record that is gone goes where its customer went; per customer and system the primary stays, else the oldest record is it.
CREATE OR REPLACE TEMP TABLE match_links AS
WITH placed AS MATERIALIZED (
    SELECT p.left_nid, p.right_nid, p.shared, j.component FROM match_pairs AS p JOIN match_joined AS j ON j.nid = p.left_nid
),
together AS MATERIALIZED (  -- in two steps: a join on the component alone would be quadratic in a long chain
    SELECT p.left_nid, p.right_nid, p.shared FROM placed AS p JOIN match_joined AS j ON j.nid = p.right_nid AND j.component = p.component
),
agreeing AS (
    SELECT nid, bit_or(shared) AS bits
    FROM (SELECT left_nid AS nid, shared FROM together UNION ALL SELECT right_nid, shared FROM together)
    GROUP BY nid
),
manual AS (
    SELECT DISTINCT unnest([a.rid, b.rid]) AS rid
    FROM match_decided AS d
    JOIN match_nodes AS a ON a.system = d.left_system AND a.record_id = d.left_record_id
    JOIN match_nodes AS b ON b.system = d.right_system AND b.record_id = d.right_record_id
    JOIN match_found AS f ON f.rid = a.rid
    JOIN match_found AS g ON g.rid = b.rid AND g.component = f.component
    WHERE d.kind = 'merge'
),
live AS (
    SELECT
        n.system, n.record_id, h.customer_id, n.customer_id AS from_customer, TRUE AS is_live, n.linked_at, n.rid, f.component,
        coalesce(c.component = f.component AND NOT n.is_cut, FALSE) AS stayed,
        list_filter(
            ['email', 'mobile', 'vat', 'created', 'external_id', 'manual'],
            lambda why: (stayed AND list_contains(coalesce(n.matched_on, []), why))
                OR (why = 'email' AND coalesce(a.bits, 0) & 2 > 0)
                OR (why = 'mobile' AND coalesce(a.bits, 0) & 1 > 0)
                OR (why = 'vat' AND coalesce(a.bits, 0) & 4 > 0)
                OR (why = 'external_id' AND n.reference IS NOT NULL)
                OR (why = 'manual' AND manual.rid IS NOT NULL)
        ) AS matched_on,
        n.cut_at
    FROM match_nodes AS n
    JOIN match_found AS f USING (rid)
    JOIN match_home AS h USING (component)
    LEFT JOIN match_claims AS c ON c.customer_id = n.customer_id
    LEFT JOIN agreeing AS a ON a.nid = n.nid
    LEFT JOIN manual ON manual.rid = n.rid
),
gone AS (
    SELECT
        l.system, l.record_id, coalesce(into_home.customer_id, l.customer_id) AS customer_id, l.customer_id AS from_customer,
        FALSE AS is_live, l.linked_at, NULL AS rid, NULL AS component, TRUE AS stayed, l.matched_on, NULL AS cut_at
    FROM core.links AS l
    SEMI JOIN match_work AS w ON w.system = l.system AND w.record_id = l.record_id
    ANTI JOIN match_nodes AS n ON n.system = l.system AND n.record_id = l.record_id
    LEFT JOIN match_claims AS c ON c.customer_id = l.customer_id
    LEFT JOIN match_home AS into_home ON into_home.component = c.component
)
SELECT
    t.* EXCLUDE (linked_at, cut_at),
    row_number() OVER (
        PARTITION BY t.customer_id, t.system
        ORDER BY t.is_live DESC, coalesce(old.is_primary, FALSE) DESC, r.source_created_at NULLS LAST, length(t.record_id), t.record_id
    ) = 1 AS is_primary,
    CASE WHEN t.from_customer = t.customer_id THEN t.linked_at ELSE greatest($now, t.cut_at + INTERVAL 1 MICROSECOND) END AS linked_at,
    old.is_primary AS was_primary
FROM (SELECT * FROM live UNION ALL SELECT * FROM gone) AS t
LEFT JOIN core.links AS old ON old.system = t.system AND old.record_id = t.record_id
LEFT JOIN core.records AS r ON r.system = t.system AND r.record_id = t.record_id
