-- Reads:  core.normalised, match_work, match_wanted (numbers of faces).
-- Writes: nothing.
-- One row per wanted face, with the columns it is read from.
-- Why:    only faces that meet a different one have to be read at all.
SELECT name, first.given_name, first.middle_name, first.family_name, first.full_name, first.company, first.is_business
FROM (
    SELECT name, min({
        'given_name': given_name, 'middle_name': middle_name, 'family_name': family_name, 'full_name': full_name, 'company': company,
        'is_business': is_business
    }) AS first
    FROM (
        SELECT match_face(given_name, middle_name, family_name, full_name, company, is_business) AS name, *
        FROM core.normalised SEMI JOIN match_work USING (system, record_id)
    ) SEMI JOIN match_wanted USING (name)
    GROUP BY name
)
