-- Reads:  core.bases, core.normalised, core.records, core.links, match_work.
-- Writes: nothing.
-- One row per record whose name and one of whose keys are not what its base says, with another live record of its customer.
-- Why:    only these few can have been given to somebody else; whether the names are two people's is for Python to say.
WITH moved AS (
    SELECT
        n.*, b.units, l.customer_id,
        json_extract(b.units, '$.name.seen[1]') AS old_name, json_extract_string(b.units, '$.company.seen[1]') AS old_company
    FROM core.normalised AS n
    SEMI JOIN match_work AS w ON w.system = n.system AND w.record_id = n.record_id
    JOIN core.links AS l ON l.system = n.system AND l.record_id = n.record_id
    JOIN core.bases AS b ON b.system = n.system AND b.record_id = n.record_id AND b.customer_id = l.customer_id
    WHERE n.email IS NOT NULL AND n.email <> json_extract_string(b.units, '$.email.seen[1]')
       OR n.phone IS NOT NULL AND n.phone <> json_extract_string(b.units, '$.phone.seen[1]')
       OR n.vat_number IS NOT NULL AND n.vat_number <> json_extract_string(b.units, '$.vat_number.seen[1]')
)
SELECT
    m.system, m.record_id, o.system, o.record_id, epoch_us(r.seen_at),
    m.given_name, m.middle_name, m.family_name, m.full_name, m.company, m.is_business,
    m.old_name ->> '$.given', m.old_name ->> '$.middle', m.old_name ->> '$.family', m.old_name ->> '$.full', m.old_company, NULL
FROM moved AS m
JOIN core.records AS r ON r.system = m.system AND r.record_id = m.record_id
JOIN core.links AS o ON o.customer_id = m.customer_id AND (o.system, o.record_id) <> (m.system, m.record_id)
SEMI JOIN core.normalised AS live ON live.system = o.system AND live.record_id = o.record_id
WHERE (m.old_name ->> '$.full') IS DISTINCT FROM m.full_name OR m.old_company IS DISTINCT FROM m.company
QUALIFY row_number() OVER (PARTITION BY m.system, m.record_id ORDER BY o.system, o.record_id) = 1
ORDER BY m.system, m.record_id
