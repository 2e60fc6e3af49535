-- Reads:  nothing.
-- Writes: the temporary macro `match_folded`.
-- One text per name: lower case, no accents, and of ü and ue (ö, oe; ä, ae; å, aa; ø; æ) one spelling.
-- Why:    a coarser key than the text, never coarser than `pipeline.spelling.fold`: a test compares the two.
CREATE OR REPLACE TEMP MACRO match_folded(written) AS
CASE
    WHEN regexp_matches(written, '(^|\W)\w{1,3}(\W|$)') THEN lower(written)  -- a short word may be Sue, not Sü
    ELSE regexp_replace(strip_accents(translate(lower(written), 'øåæ', 'oaa')), '(a|o|u)e', '\1', 'g')
END
