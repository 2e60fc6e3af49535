-- Reads:  match_found (record number -> component), match_nodes, core.identities.
-- Writes: the temporary table `match_claims`.
-- One row per component and customer id that it may keep; `place` 1 is the one it keeps, the others are merged into it.
-- Why:    a split leaves the id with the larger part (the older on a tie), a merge keeps the older id; ties by the first record.
CREATE OR REPLACE TEMP TABLE match_claims AS
WITH parts AS (
    SELECT
        f.component, n.bound AS customer_id, count(*) AS members, min(n.linked_at) AS linked_at, min(n.rid) AS first_rid,
        bool_or(n.customer_id IS NOT NULL OR n.is_known) AS is_known
    FROM match_nodes AS n JOIN match_found AS f USING (rid)
    WHERE n.bound IS NOT NULL
    GROUP BY f.component, n.bound
),
won AS (
    SELECT * FROM parts
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY members DESC, linked_at NULLS LAST, first_rid) = 1
)
SELECT
    w.component, w.customer_id, w.is_known, i.created_at,
    row_number() OVER (PARTITION BY w.component ORDER BY w.is_known DESC, i.created_at NULLS LAST, w.first_rid, w.customer_id) AS place
FROM won AS w LEFT JOIN core.identities AS i ON i.customer_id = w.customer_id AND w.is_known
