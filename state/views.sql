-- The public views (contract, section 4): all that `query`, the dashboard and other readers of the snapshot may rely on.
-- reads: the tables of schema core; writes: nothing; one row per what the contract says.
-- Columns stand in the contract's order. Made again whenever this text changes (state/migrations.py).

CREATE OR REPLACE VIEW customers AS
SELECT
    c.customer_id,
    c.full_name, c.given_name, c.middle_name, c.family_name, c.company, c.is_business, c.email, c.phone, c.mobile,
    c.vat_number, c.birth_date, c.gender, c.street, c.address_extra, c.postal_code, c.city, c.state, c.country,
    c.marketing_consent, c.is_vip, c.is_favourite, c.is_blocked, c.note,
    coalesce(held.systems, []) AS systems, coalesce(held.records, 0) AS records,
    c.created_at, c.updated_at
FROM core.customers AS c
LEFT JOIN (
    SELECT l.customer_id, list(DISTINCT l.system ORDER BY l.system) AS systems, count(*) AS records
    FROM core.links AS l
    JOIN core.records AS r ON r.system = l.system AND r.record_id = l.record_id AND r.deleted_at IS NULL
    GROUP BY l.customer_id
) AS held ON held.customer_id = c.customer_id;

-- A quiet walk rewrites nothing, so when a present record was last seen follows from the last full scan of its system.
CREATE OR REPLACE VIEW records AS
SELECT
    r.system, r.record_id, l.customer_id,
    n.full_name, n.given_name, n.middle_name, n.family_name, n.company, n.is_business, n.email, n.phone, n.mobile,
    n.vat_number, n.birth_date, n.gender, n.street, n.address_extra, n.postal_code, n.city, n.state, n.country,
    n.marketing_consent, n.is_vip, n.is_favourite, n.is_blocked, n.note,
    r.payload, r.content_hash, r.source_created_at, r.source_updated_at, r.first_seen_at,
    CASE WHEN r.missing_since IS NULL AND r.deleted_at IS NULL THEN greatest(r.seen_at, s.last_full_scan_at) ELSE r.seen_at END
        AS last_seen_at,
    r.deleted_at
FROM core.records AS r
LEFT JOIN core.links AS l ON l.system = r.system AND l.record_id = r.record_id
LEFT JOIN core.normalised AS n ON n.system = r.system AND n.record_id = r.record_id
LEFT JOIN core.systems AS s ON s.system = r.system;

CREATE OR REPLACE VIEW links AS
SELECT system, record_id, customer_id, is_primary, matched_on, linked_at FROM core.links;

-- Values that are there, with the record they came from. Columns of one group (name, address, phone) share their source.
CREATE OR REPLACE VIEW provenance AS
SELECT
    v.customer_id, v.field, v.value,
    json_extract_string(v.sources, '$.' || f.unit || '[0]') AS system,
    json_extract_string(v.sources, '$.' || f.unit || '[1]') AS record_id,
    TRY_CAST(json_extract_string(v.sources, '$.' || f.unit || '[2]') AS TIMESTAMPTZ) AS since
FROM (
    UNPIVOT (
        SELECT customer_id, sources, COLUMNS(* EXCLUDE (customer_id, merged, sources, settled, created_at, updated_at))::VARCHAR
        FROM core.customers
    ) ON COLUMNS(* EXCLUDE (customer_id, sources)) INTO NAME field VALUE value
) AS v
JOIN (
    VALUES
        ('full_name', 'name'), ('given_name', 'name'), ('middle_name', 'name'), ('family_name', 'name'),
        ('company', 'company'), ('is_business', 'is_business'), ('email', 'email'), ('phone', 'phone'),
        ('mobile', 'phone'), ('vat_number', 'vat_number'), ('birth_date', 'birth_date'), ('gender', 'gender'),
        ('street', 'address'), ('address_extra', 'address'), ('postal_code', 'address'), ('city', 'address'),
        ('state', 'address'), ('country', 'address'), ('marketing_consent', 'marketing_consent'),
        ('is_vip', 'is_vip'), ('is_favourite', 'is_favourite'), ('is_blocked', 'is_blocked'), ('note', 'note')
) AS f (field, unit) ON f.field = v.field;

CREATE OR REPLACE VIEW run_systems AS
SELECT
    run_id, system,
    records_read, records_new, records_changed, records_unchanged, records_rejected,
    created, updated, deleted, unchanged, excluded, held, failed
FROM core.run_systems;

CREATE OR REPLACE VIEW runs AS
SELECT
    r.run_id, r.command, r.started_at, r.finished_at, r.exit_code, r.outcome,
    coalesce(sum(s.records_read), 0)::BIGINT AS records_read,
    coalesce(sum(s.records_new), 0)::BIGINT AS records_new,
    coalesce(sum(s.records_changed), 0)::BIGINT AS records_changed,
    coalesce(sum(s.records_unchanged), 0)::BIGINT AS records_unchanged,
    coalesce(sum(s.records_rejected), 0)::BIGINT AS records_rejected,
    coalesce(sum(s.created), 0)::BIGINT AS created,
    coalesce(sum(s.updated), 0)::BIGINT AS updated,
    coalesce(sum(s.deleted), 0)::BIGINT AS deleted,
    coalesce(sum(s.unchanged), 0)::BIGINT AS unchanged,
    coalesce(sum(s.excluded), 0)::BIGINT AS excluded,
    coalesce(sum(s.held), 0)::BIGINT AS held,
    coalesce(sum(s.failed), 0)::BIGINT AS failed
FROM core.runs AS r
LEFT JOIN core.run_systems AS s ON s.run_id = r.run_id
GROUP BY ALL;

CREATE OR REPLACE VIEW exclusions AS
SELECT customer_id, system, reason, detail, since FROM core.exclusions;

-- `sending` was in flight when its process died: nobody knows yet. Putting a deleted record back is a change of that record.
CREATE OR REPLACE VIEW writes AS
SELECT
    run_id, system, record_id, customer_id,
    CASE operation WHEN 'restore' THEN 'update' ELSE operation END AS operation,
    fields,
    CASE status WHEN 'sending' THEN 'unknown' WHEN 'unsent' THEN 'failed' ELSE status END AS status,
    http_status, coalesce(nullif(error, ''), nullif(reason, '')) AS error, attempts, sent_at, finished_at
FROM core.intents;

CREATE OR REPLACE VIEW rejects AS
SELECT system, record_id, run_id, stage, reason, payload, since FROM core.rejects;

CREATE OR REPLACE VIEW conflicts AS
SELECT customer_id, field, candidates, chosen_system, policy, run_id, "at" FROM core.conflicts;

CREATE OR REPLACE VIEW reviews AS
SELECT review_id, left_system, left_record_id, right_system, right_record_id, agree, differ, decision, since FROM core.reviews;

CREATE OR REPLACE VIEW cursors AS
SELECT
    s.system, s.watermark, s.last_complete_at, s.last_full_scan_at,
    (SELECT count(*) FROM core.records AS r WHERE r.system = s.system AND r.deleted_at IS NULL) AS records
FROM core.systems AS s;

CREATE OR REPLACE VIEW history AS
SELECT system, record_id, seen_at, run_id, content_hash, payload FROM core.history;
