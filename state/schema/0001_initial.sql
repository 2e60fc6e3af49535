-- The workspace's store. Internal tables live in schema `core`; the public views of views.sql are all that others may rely on.
-- No primary keys: rows are replaced by DELETE + INSERT in batches (an index made loading 5.7 times slower, see docs/decisions).
-- Times are UTC. JSON columns hold canonical JSON text (sorted keys, no spaces), so that equal content is equal text.
CREATE SCHEMA core;

CREATE TABLE core.meta (key VARCHAR, value VARCHAR);

-- One row per system of the workspace that was ever pulled.
CREATE TABLE core.systems (
    system VARCHAR,
    connector VARCHAR,
    account VARCHAR,                 -- identity of the account behind the credentials, where knowable
    cursor JSON,                     -- where the next incremental walk starts (the connector's own)
    watermark TIMESTAMPTZ,           -- the cursor's time, for people
    last_complete_at TIMESTAMPTZ,    -- end of the last complete walk
    last_walk_started_at TIMESTAMPTZ,-- start of the last complete walk: what it did not show had not happened by then
    last_full_scan_at TIMESTAMPTZ,
    full_scans BIGINT DEFAULT 0      -- complete full walks so far; absence is counted in these
);

-- A walk in progress: its rows land durably page by page, and are promoted in one transaction with the cursor.
CREATE TABLE core.pulls (
    pull_id VARCHAR, system VARCHAR, run_id VARCHAR, is_full BOOLEAN, started_at TIMESTAMPTZ, resume JSON, pages BIGINT
);
CREATE TABLE core.landing (
    pull_id VARCHAR, seq BIGINT, record_id VARCHAR, payload JSON, content_hash VARCHAR, reference VARCHAR,
    created_at TIMESTAMPTZ, updated_at TIMESTAMPTZ, deleted_at TIMESTAMPTZ
);
CREATE TABLE core.landing_rejects (pull_id VARCHAR, record_id VARCHAR, reason VARCHAR, raw VARCHAR);

-- One row per record ever seen; deleted ones stay, with deleted_at.
CREATE TABLE core.records (
    system VARCHAR, record_id VARCHAR, payload JSON, content_hash VARCHAR, reference VARCHAR,
    source_created_at TIMESTAMPTZ, source_updated_at TIMESTAMPTZ,
    first_seen_at TIMESTAMPTZ,
    seen_at TIMESTAMPTZ,             -- when this content was first seen (a quiet walk rewrites nothing)
    changed_after TIMESTAMPTZ,       -- the change to this content lies after this (start of the last walk that showed the old one)
    missing_since BIGINT,            -- systems.full_scans of the first complete full walk it was absent from; null: present
    missing_at TIMESTAMPTZ,
    deleted_at TIMESTAMPTZ,
    run_id VARCHAR
);
CREATE TABLE core.history (
    system VARCHAR, record_id VARCHAR, seen_at TIMESTAMPTZ, run_id VARCHAR, content_hash VARCHAR, payload JSON
);

-- One row per live record, as its mapping reads it. `readings`: unit -> [state, value].
CREATE TABLE core.normalised (
    system VARCHAR, record_id VARCHAR,
    full_name VARCHAR, given_name VARCHAR, middle_name VARCHAR, family_name VARCHAR, company VARCHAR, is_business BOOLEAN,
    email VARCHAR, phone VARCHAR, mobile VARCHAR, vat_number VARCHAR, birth_date DATE, gender VARCHAR,
    street VARCHAR, address_extra VARCHAR, postal_code VARCHAR, city VARCHAR, state VARCHAR, country VARCHAR,
    marketing_consent BOOLEAN, is_vip BOOLEAN, is_favourite BOOLEAN, is_blocked BOOLEAN, note VARCHAR,
    readings JSON, fingerprint VARCHAR, content_hash VARCHAR
);

-- Records whose match has to be looked at again; emptied by match in the transaction that writes links and touched.
CREATE TABLE core.changed (system VARCHAR, record_id VARCHAR, run_id VARCHAR);
-- Customers that a run has still to bring up to date; a mark falls only when every system was settled for it.
CREATE TABLE core.touched (customer_id VARCHAR, run_id VARCHAR, why VARCHAR);

-- Every customer id ever given out. Retired ones name what they were merged into, and are never reused.
CREATE TABLE core.identities (
    customer_id VARCHAR, created_at TIMESTAMPTZ, retired_at TIMESTAMPTZ, merged_into VARCHAR, cause VARCHAR, run_id VARCHAR
);
CREATE TABLE core.links (
    system VARCHAR, record_id VARCHAR, customer_id VARCHAR, is_primary BOOLEAN, matched_on VARCHAR[], linked_at TIMESTAMPTZ
);
-- Why links changed: one row per record that joined, left or moved.
CREATE TABLE core.link_log (
    "at" TIMESTAMPTZ, run_id VARCHAR, system VARCHAR, record_id VARCHAR, from_customer VARCHAR, to_customer VARCHAR, cause VARCHAR
);

CREATE TABLE core.customers (
    customer_id VARCHAR,
    full_name VARCHAR, given_name VARCHAR, middle_name VARCHAR, family_name VARCHAR, company VARCHAR, is_business BOOLEAN,
    email VARCHAR, phone VARCHAR, mobile VARCHAR, vat_number VARCHAR, birth_date DATE, gender VARCHAR,
    street VARCHAR, address_extra VARCHAR, postal_code VARCHAR, city VARCHAR, state VARCHAR, country VARCHAR,
    marketing_consent BOOLEAN, is_vip BOOLEAN, is_favourite BOOLEAN, is_blocked BOOLEAN, note VARCHAR,
    merged JSON,                     -- unit -> value as last merged (the columns above)
    sources JSON,                    -- unit -> [system, record_id, since]
    settled JSON,                    -- unit -> value as of the last applied run: what "nobody changed it" means
    created_at TIMESTAMPTZ, updated_at TIMESTAMPTZ
);

-- What each record's units were when it last agreed with its customer: unit -> {"raw": {path: value}, "seen": [state, value],
-- "agreed": value (where the customer's value is finer than `seen`), "differs": reason}; `differs` marks an agreed difference (cleared_there, undone …) that lasts until somebody changes the unit.
CREATE TABLE core.bases (system VARCHAR, record_id VARCHAR, customer_id VARCHAR, units JSON, fingerprint VARCHAR, run_id VARCHAR);

-- Bases as they will be once this run has been applied; becomes core.bases in the run's last step, and nothing before that.
CREATE TABLE core.pending_bases (system VARCHAR, record_id VARCHAR, customer_id VARCHAR, units JSON, fingerprint VARCHAR, run_id VARCHAR);

-- The plan of the latest run, one row per change, in canonical order.
CREATE TABLE core.plan (
    run_id VARCHAR, position BIGINT, system VARCHAR, record_id VARCHAR, customer_id VARCHAR, operation VARCHAR,
    fields JSON, paths JSON, units JSON, reason VARCHAR, based_on VARCHAR
);

-- What the latest run decided for each customer it touched, in each system; `pass` counts the rounds of one run.
CREATE TABLE core.verdicts (
    run_id VARCHAR, pass INTEGER, customer_id VARCHAR, system VARCHAR, outcome VARCHAR, reason VARCHAR, detail VARCHAR
);

-- The write-intent ledger. An intent is durable before its request leaves; status: sending, done, failed, unknown, unsent.
CREATE TABLE core.intents (
    intent_id VARCHAR, run_id VARCHAR, system VARCHAR, record_id VARCHAR, customer_id VARCHAR, operation VARCHAR,
    fields JSON,                     -- canonical column -> [before, after]
    paths JSON,                      -- system field -> [before, after], as sent
    units JSON,                      -- unit -> value that the write was to bring about
    status VARCHAR, reason VARCHAR, http_status INTEGER, error VARCHAR, attempts INTEGER,
    sent_at TIMESTAMPTZ, finished_at TIMESTAMPTZ
);

CREATE TABLE core.exclusions (customer_id VARCHAR, system VARCHAR, reason VARCHAR, detail VARCHAR, since TIMESTAMPTZ);
CREATE TABLE core.rejects (
    system VARCHAR, record_id VARCHAR, customer_id VARCHAR, run_id VARCHAR, stage VARCHAR, reason VARCHAR, payload VARCHAR,
    fingerprint VARCHAR,             -- what was refused: the same thing again is the same reject
    since TIMESTAMPTZ
);
CREATE TABLE core.conflicts (
    customer_id VARCHAR, field VARCHAR, candidates JSON, chosen_system VARCHAR, policy VARCHAR, run_id VARCHAR, "at" TIMESTAMPTZ
);
CREATE TABLE core.reviews (
    review_id VARCHAR, left_system VARCHAR, left_record_id VARCHAR, right_system VARCHAR, right_record_id VARCHAR,
    key VARCHAR,                     -- the shared key it is about: one review per shared key
    agree VARCHAR[], differ VARCHAR[], decision VARCHAR, since TIMESTAMPTZ
);
-- Records held back by an open review: created nowhere new.
CREATE TABLE core.held (system VARCHAR, record_id VARCHAR, review_id VARCHAR);
-- What people decided, in order; kind: merge, apart, unlink, ignore, value. Rows are never changed, a later one takes back an earlier.
CREATE TABLE core.decisions (decision_id VARCHAR, kind VARCHAR, subject JSON, "at" TIMESTAMPTZ, run_id VARCHAR);
-- Values that a person chose for a customer; each counts until the run that settles it.
CREATE TABLE core.overrides (customer_id VARCHAR, unit VARCHAR, value JSON);
-- What settled values changed to in the last runs, and whose it was: a unit that goes back and forth between two systems is frozen.
CREATE TABLE core.flips (customer_id VARCHAR, unit VARCHAR, run_no BIGINT, system VARCHAR, record_id VARCHAR, value JSON);
-- Key values found to identify nobody.
CREATE TABLE core.shared_values (field VARCHAR, value VARCHAR, why VARCHAR, holders BIGINT, run_id VARCHAR);

CREATE TABLE core.runs (
    run_id VARCHAR, command VARCHAR, started_at TIMESTAMPTZ, finished_at TIMESTAMPTZ, exit_code INTEGER, outcome VARCHAR
);
CREATE TABLE core.run_systems (
    run_id VARCHAR, system VARCHAR,
    records_read BIGINT, records_new BIGINT, records_changed BIGINT, records_unchanged BIGINT, records_rejected BIGINT,
    created BIGINT, updated BIGINT, deleted BIGINT, unchanged BIGINT, excluded BIGINT, held BIGINT, failed BIGINT,
    problem VARCHAR                  -- error code where the system was unreachable or refused
);
