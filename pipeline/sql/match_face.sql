-- Reads:  nothing.
-- Writes: the temporary macro `match_face`.
-- One number per face: what a record says of who it is, whatever the case, the accents and the umlaut spelling; 0 says nothing.
-- Why:    equal numbers are equal names to the comparison in Python too, so that most pairs never reach it.
CREATE OR REPLACE TEMP MACRO match_face(given, middle, family, whole, company, is_business) AS
CASE
    WHEN coalesce(given, middle, family, whole, company) IS NULL THEN 0
    ELSE (hash(
        match_folded(given), match_folded(middle), match_folded(family),
        CASE WHEN coalesce(given, middle) IS NULL THEN match_folded(whole) END, match_folded(company), coalesce(is_business, FALSE)
    ) >> 1)::BIGINT
END
