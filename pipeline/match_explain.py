"""Why two records are, or are not, one customer, in words: keys, names, vetoes, decisions, links and since when. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from pipeline.likeness import Likeness
from pipeline.match import MatchSettings
from pipeline.model import RecordKey
from pipeline.settled import moment, read_decisions
from pipeline.vetoes import KEY_BITS, Face, Verdict, compare, is_vetoed, read_face

FACE = ("given_name", "middle_name", "family_name", "full_name", "company", "is_business")
KEY_COLUMNS = {"vat": "vat_number", "email": "email", "mobile": "mobile"}

_LIKENESS = {
    Likeness.AGREE: "their names agree",
    Likeness.UNCLEAR: "their names neither agree nor differ",
    Likeness.SPELLING: "their given names are spelt differently, which two agreeing keys outweigh",
    Likeness.DIFFER: "their given names are clearly different",
}
_VETOES = {
    "given_name": "veto: clearly different given names",
    "spelling": "veto: differently spelt given names and fewer than two agreeing keys",
    "company": "veto: each company name has words of its own",
    "person_and_company": "veto: one is a person, the other a company, and no VAT number agrees",
    "vat_number": "veto: two different valid VAT numbers",
}


def explain_pair(
    con: duckdb.DuckDBPyConnection, left: RecordKey, right: RecordKey, settings: MatchSettings
) -> list[str]:
    """One sentence per reason, the outcome first. Reads the store's tables or a snapshot of them."""
    records = {key: _record(con, key) for key in (left, right)}
    missing = [
        f"{system}:{record_id} is not a live record" for (system, record_id), row in records.items() if row is None
    ]
    links = {key: _link(con, key) for key in (left, right)}
    lines = [_outcome(left, right, links)]
    one, other = records[left], records[right]
    if one is None or other is None:
        return lines + missing + _decisions(con, left, right) + _history(con, left, right)
    agreeing, sentences = _keys(con, one, other, settings.on)
    lines += sentences
    verdict = compare(_face(one), _face(other))
    lines.append(_LIKENESS[verdict.likeness])
    lines += _objections(verdict, one, other, agreeing)
    lines += _decisions(con, left, right) + _reviews(con, left, right) + _history(con, left, right)
    return lines


def contradiction(con: duckdb.DuckDBPyConnection, left: RecordKey, right: RecordKey) -> str | None:
    """Why a decision to merge these two cannot be carried out: a decision between others of their customers forbids it."""
    ours, theirs = _companions(con, left), _companions(con, right)
    for (one, other), decision in sorted(read_decisions(con).pairs.items()):
        across = (one in ours and other in theirs) or (other in ours and one in theirs)
        if across and decision.kind == "apart" and {one, other} != {left, right}:
            return (
                f"{_text(one)} and {_text(other)} were decided apart on {decision.at:%Y-%m-%d %H:%M} UTC; "
                "decide `merge` for them first"
            )
    return None


def _companions(con: duckdb.DuckDBPyConnection, key: RecordKey) -> set[RecordKey]:
    rows = con.execute(
        """SELECT system, record_id FROM core.links WHERE customer_id =
        (SELECT customer_id FROM core.links WHERE system = ? AND record_id = ?)""",
        [*key],
    ).fetchall()
    return {key, *((system, record_id) for system, record_id in rows)}


def _record(con: duckdb.DuckDBPyConnection, key: RecordKey) -> Mapping[str, Any] | None:
    columns = (*FACE, *KEY_COLUMNS.values())
    sql = f"SELECT {', '.join(columns)} FROM core.normalised WHERE system = ? AND record_id = ?"  # noqa: S608 (own names)
    row = con.execute(sql, [*key]).fetchone()
    return None if row is None else dict(zip(columns, row, strict=True))


def _link(con: duckdb.DuckDBPyConnection, key: RecordKey) -> tuple[str, list[str], int] | None:
    row = con.execute(
        "SELECT customer_id, matched_on, epoch_us(linked_at) FROM core.links WHERE system = ? AND record_id = ?", [*key]
    ).fetchone()
    return None if row is None else (row[0], row[1], row[2])


def _outcome(left: RecordKey, right: RecordKey, links: Mapping[RecordKey, tuple[str, list[str], int] | None]) -> str:
    one, other = links[left], links[right]
    if one is None or other is None:
        unlinked = " and ".join(_text(key) for key in (left, right) if links[key] is None)
        return f"{unlinked}: no customer yet"
    if one[0] != other[0]:
        return f"two customers: {_text(left)} is {one[0]}, {_text(right)} is {other[0]}"
    since = moment(max(one[2], other[2]))
    return f"one customer, {one[0]}, since {since:%Y-%m-%d %H:%M} UTC (links stay when a key changes later)"


def _keys(
    con: duckdb.DuckDBPyConnection, one: Mapping[str, Any], other: Mapping[str, Any], on: Sequence[str]
) -> tuple[int, list[str]]:
    bits, lines = 0, []
    for name in on:
        column = KEY_COLUMNS[name]
        if one[column] is None or one[column] != other[column]:
            continue
        shared = con.execute(
            "SELECT why, holders FROM core.shared_values WHERE field = ? AND value = ?", [name, one[column]]
        ).fetchone()
        if shared is None:
            bits |= KEY_BITS[name]
            lines.append(f"the same {name}: {one[column]}")
        else:
            reason = "too many records of one system" if shared[0] == "crowded" else "many clearly different people"
            lines.append(f"the same {name} {one[column]} identifies nobody: {reason} hold it ({shared[1]} records)")
    return bits, lines or ["no key agrees"]


def _objections(verdict: Verdict, one: Mapping[str, Any], other: Mapping[str, Any], agreeing: int) -> list[str]:
    vats = one["vat_number"], other["vat_number"]
    lines = [_VETOES["vat_number"]] if None not in vats and vats[0] != vats[1] else []
    if is_vetoed(verdict, agreeing, None not in vats and vats[0] == vats[1]):
        lines.append(_VETOES[verdict.reason])
    return lines


def _decisions(con: duckdb.DuckDBPyConnection, left: RecordKey, right: RecordKey) -> list[str]:
    standing = read_decisions(con)
    decision = standing.pairs.get((min(left, right), max(left, right)))
    lines = [f"decided: {decision.kind}, on {decision.at:%Y-%m-%d %H:%M} UTC"] if decision else []
    lines += [
        f"{_text(key)} was unlinked on {standing.unlinked[key]:%Y-%m-%d %H:%M} UTC: no key joins it to anybody"
        for key in (left, right)
        if key in standing.unlinked
    ]
    if decision and decision.kind == "merge":
        refused = contradiction(con, left, right)
        lines += [f"the merge is refused: {refused}"] if refused else []
    return lines


def _reviews(con: duckdb.DuckDBPyConnection, left: RecordKey, right: RecordKey) -> list[str]:
    rows = con.execute(
        """SELECT review_id FROM core.reviews
        WHERE decision IS NULL AND (left_system, left_record_id) IN ((?, ?), (?, ?)) AND (right_system, right_record_id) IN ((?, ?), (?, ?))
        ORDER BY 1""",
        [*left, *right, *left, *right],
    ).fetchall()
    return [f"waiting for a decision: customer-sync review merge {review} (or apart)" for (review,) in rows]


def _history(con: duckdb.DuckDBPyConnection, left: RecordKey, right: RecordKey) -> list[str]:
    rows = con.execute(
        """SELECT epoch_us(l.at), l.system, l.record_id, l.from_customer, l.to_customer, l.cause FROM core.link_log AS l
        WHERE (l.system, l.record_id) IN ((?, ?), (?, ?)) ORDER BY l.at, l.system, l.record_id""",
        [*left, *right],
    ).fetchall()
    return [
        f"{moment(at):%Y-%m-%d %H:%M} UTC: {system}:{record_id} {cause} → {to}"
        + (f" (from {before})" if before else "")
        for at, system, record_id, before, to, cause in rows
    ]


def _face(record: Mapping[str, Any]) -> Face:
    return read_face(*(record[name] for name in FACE))


def _text(key: RecordKey) -> str:
    return ":".join(key)
