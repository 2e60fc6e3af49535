"""Decisions of people: checked against the snapshot, then left in the inbox, where the next run takes them in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.errors import UserError
from pipeline.find import find_customer, record_key
from pipeline.query import open_snapshot
from state import inbox

if TYPE_CHECKING:
    from pipeline.config import Config

NEXT_RUN = "The next run takes it in."


def open_reviews(config: Config) -> list[dict[str, Any]]:
    """The reviews that nobody has decided, oldest first. `decided`: a decision that waits for the next run."""
    store = config.store_path
    waiting = {d.subject["review_id"]: d.kind for d in inbox.pending(store) if "review_id" in d.subject}
    with open_snapshot(store) as con:
        rows = con.execute(
            """
            SELECT v.review_id, v.left_system, v.left_record_id, coalesce(l.full_name, l.company),
                   v.right_system, v.right_record_id, coalesce(r.full_name, r.company), v.agree, v.differ
            FROM reviews AS v
            LEFT JOIN records AS l ON l.system = v.left_system AND l.record_id = v.left_record_id
            LEFT JOIN records AS r ON r.system = v.right_system AND r.record_id = v.right_record_id
            WHERE v.decision IS NULL
            ORDER BY v.since, v.review_id
            """
        ).fetchall()
    return [
        {
            "review_id": review_id,
            "left": {"system": left, "record_id": left_id, "name": left_name},
            "right": {"system": right, "record_id": right_id, "name": right_name},
            "agree": agree,
            "differ": differ,
            "decided": waiting.get(review_id),
        }
        for review_id, left, left_id, left_name, right, right_id, right_name, agree, differ in rows
    ]


def reviews_text(found: list[dict[str, Any]]) -> str:
    """The open reviews for people."""
    from pipeline.output import shown

    lines = []
    for review in found:
        sides = (
            f"{side['system']}:{side['record_id']} ({side['name'] or 'no name'})"
            for side in (review["left"], review["right"])
        )
        state = f"  [{review['decided']}: waits for the next run]" if review["decided"] else ""
        lines.append(shown(f"{review['review_id']}  {' | '.join(sides)}{state}"))
        lines.append(
            shown(f"    agree: {', '.join(review['agree'] or [])}; differ: {', '.join(review['differ'] or [])}")
        )
    if not lines:
        return "Nothing to decide."
    return "\n".join([*lines, "", "Decide with `customer-sync review merge ID` or `customer-sync review apart ID`."])


def decide_review(config: Config, review_id: str, kind: str) -> str:
    """Leave a decision about one review, named by its id or its beginning. Raises UserError when there is none."""
    with open_snapshot(config.store_path) as con:
        rows = con.execute(
            "SELECT review_id, left_system, left_record_id, right_system, right_record_id FROM reviews"
            " WHERE starts_with(review_id, ?) ORDER BY review_id",
            [review_id],
        ).fetchall()
    exact = [row for row in rows if row[0] == review_id] or rows
    if not exact:
        raise UserError(f"There is no review {review_id!r}.", ["`customer-sync review list` shows the open ones"])
    if len(exact) > 1:
        raise UserError(f"{review_id!r} is the beginning of {len(exact)} reviews.", [str(row[0]) for row in exact])
    found, left, left_id, right, right_id = exact[0]
    subject = {"review_id": found, "left": [left, left_id], "right": [right, right_id]}
    inbox.put(config.store_path, kind, subject, datetime.now(UTC))
    return f"Review {found}: {kind}. {NEXT_RUN}"


def unlink(config: Config, text: str) -> str:
    """Leave the wish to take one record out of its customer. Raises UserError when there is no such record."""
    key = record_key(text, config.systems)
    if key is None:
        raise UserError(
            f"{text!r} is no record.", [f"write system:record_id; the systems are {', '.join(config.systems)}"]
        )
    with open_snapshot(config.store_path) as con:
        row = con.execute("SELECT 1 FROM records WHERE system = ? AND record_id = ?", list(key)).fetchone()
    if row is None:
        raise UserError(f"{key[0]} has no record {key[1]!r} as of the last run.")
    inbox.put(config.store_path, "unlink", {"system": key[0], "record_id": key[1]}, datetime.now(UTC))
    return f"{key[0]}:{key[1]} leaves its customer for good. {NEXT_RUN}"


def ignore(config: Config, key: str) -> str:
    """Leave the wish to leave one customer alone from now on. Raises UserError when there is no such customer."""
    with open_snapshot(config.store_path) as con:
        customer_id = find_customer(con, key, config.systems)
    inbox.put(config.store_path, "ignore", {"customer_id": customer_id}, datetime.now(UTC))
    return f"Customer {customer_id} is left alone in all systems from now on. {NEXT_RUN}"
