-- Reads:  match_nodes.
-- Writes: the temporary table `match_shares`.
-- One row per pair of records and value that they share, with the faces of both.
-- Why:    all pairs where few hold a value. Where many do (a high shared_after), records of one face and VAT number form a star
--         and every face is tried against the first few others: linear in records, and no ray hangs on one centre only.
CREATE OR REPLACE TEMP TABLE match_shares AS
WITH every AS (
    SELECT key, 4 AS bit, nid, name, vat_number FROM (SELECT vat AS key, nid, name, vat_number FROM match_nodes WHERE vat IS NOT NULL)
    UNION ALL
    SELECT key, 2 AS bit, nid, name, vat_number FROM (SELECT email AS key, nid, name, vat_number FROM match_nodes WHERE email IS NOT NULL)
    UNION ALL
    SELECT key, 1 AS bit, nid, name, vat_number FROM (SELECT mobile AS key, nid, name, vat_number FROM match_nodes WHERE mobile IS NOT NULL)
),
holds AS MATERIALIZED (
    SELECT *, count(*) OVER (PARTITION BY key) AS holders FROM every
),
few AS MATERIALIZED (
    FROM holds WHERE holders <= $few
),
star AS (
    SELECT key, bit, nid, min(nid) OVER (PARTITION BY key, name, vat_number) AS centre FROM holds WHERE holders > $few
),
centres AS (
    SELECT key, bit, centre, row_number() OVER (PARTITION BY key ORDER BY centre) AS place
    FROM (SELECT DISTINCT key, bit, centre FROM star)
),
found AS (
    SELECT a.nid AS left_nid, b.nid AS right_nid, a.key, a.bit
    FROM few AS a JOIN few AS b ON a.key = b.key AND a.nid < b.nid
    UNION ALL
    SELECT centre, nid, key, bit FROM star WHERE nid <> centre
    UNION ALL
    SELECT least(a.centre, b.centre), greatest(a.centre, b.centre), a.key, a.bit
    FROM centres AS a JOIN centres AS b ON a.key = b.key AND a.place <= 16 AND a.place < b.place
)
SELECT f.*, l.name AS left_name, r.name AS right_name
FROM (SELECT DISTINCT * FROM found) AS f
JOIN match_nodes AS l ON l.nid = f.left_nid
JOIN match_nodes AS r ON r.nid = f.right_nid
