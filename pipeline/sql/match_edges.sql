-- Reads:  match_pairs.
-- Writes: nothing.
-- One row per pair, strongest first: names that agree, then number of agreeing keys, then VAT before e-mail before mobile, then
-- the record keys. `bits` 0: the pair shares only values that leave open who is meant.
-- Why:    the order decides who is joined when not all can be; it is spelled out in full so that nothing depends on arrival.
SELECT left_nid, right_nid, bits, shared
FROM match_pairs
ORDER BY agrees DESC, bit_count(bits) DESC, bits DESC, left_nid, right_nid
