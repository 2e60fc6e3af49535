-- Reads:  match_front, match_ask, match_seen, match_keys, core.links, core.reviews, core.held, match_decided, match_referred.
-- Writes: the temporary table `match_next`.
-- One row per record next to the present front that was not reached yet.
-- Why:    what a component may depend on: holders of a shared value, members of the customer, partners in reviews and decisions.
CREATE OR REPLACE TEMP TABLE match_next AS
WITH open_reviews AS (
    SELECT DISTINCT review_id FROM (
        SELECT r.review_id FROM core.reviews AS r SEMI JOIN match_front AS f ON f.system = r.left_system AND f.record_id = r.left_record_id
        UNION ALL
        SELECT r.review_id FROM core.reviews AS r SEMI JOIN match_front AS f ON f.system = r.right_system AND f.record_id = r.right_record_id
        UNION ALL
        SELECT h.review_id FROM core.held AS h SEMI JOIN match_front AS f ON f.system = h.system AND f.record_id = h.record_id
        UNION ALL
        SELECT r.review_id FROM core.reviews AS r
        SEMI JOIN (
            SELECT CASE bit WHEN 4 THEN 'vat:' WHEN 2 THEN 'email:' ELSE 'mobile:' END || value AS key FROM match_ask
        ) AS asked ON asked.key = r.key
    )
)
SELECT system, record_id FROM (
    SELECT k.system, k.record_id FROM match_keys AS k
    SEMI JOIN (SELECT bit, value FROM match_ask SEMI JOIN (FROM match_seen WHERE why IS NULL) USING (bit, value)) USING (bit, value)
    UNION
    SELECT system, record_id FROM core.links
    WHERE customer_id IN (
        SELECT l.customer_id FROM core.links AS l SEMI JOIN match_front USING (system, record_id)
        UNION ALL
        SELECT customer_id FROM match_referred SEMI JOIN match_front USING (system, record_id)
    )
    UNION
    SELECT left_system, left_record_id FROM core.reviews SEMI JOIN open_reviews USING (review_id)
    UNION
    SELECT right_system, right_record_id FROM core.reviews SEMI JOIN open_reviews USING (review_id)
    UNION
    SELECT system, record_id FROM core.held SEMI JOIN open_reviews USING (review_id)
    UNION
    SELECT d.right_system, d.right_record_id FROM match_decided AS d
    SEMI JOIN match_front AS f ON f.system = d.left_system AND f.record_id = d.left_record_id
    UNION
    SELECT d.left_system, d.left_record_id FROM match_decided AS d
    SEMI JOIN match_front AS f ON f.system = d.right_system AND f.record_id = d.right_record_id
    UNION
    SELECT r.system, r.record_id FROM match_referred AS r
    WHERE r.customer_id IN (SELECT customer_id FROM match_referred SEMI JOIN match_front USING (system, record_id))
) AS near
ANTI JOIN match_work USING (system, record_id)
