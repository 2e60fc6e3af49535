"""What people decided about who is who, as it stands now: a later decision takes back an earlier one.

Reads:  core.decisions
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import duckdb

from pipeline.model import RecordKey


@dataclass(frozen=True, slots=True)
class Decision:
    """What holds for one pair of records, since when."""

    kind: Literal["merge", "apart"]
    left: RecordKey
    right: RecordKey
    at: datetime
    review_id: str | None = None


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions in force. `unlinked`: records taken out of their customer, and when."""

    pairs: dict[tuple[RecordKey, RecordKey], Decision]
    unlinked: dict[RecordKey, datetime]


def read_decisions(con: duckdb.DuckDBPyConnection) -> Decisions:
    """Every merge, apart and unlink that was not taken back."""
    rows = con.execute(
        """SELECT d.kind, d.subject::VARCHAR, epoch_us(d.at) FROM core.decisions AS d
        WHERE d.kind IN ('merge', 'apart', 'unlink') ORDER BY d.at, d.decision_id"""
    ).fetchall()
    return in_force((kind, json.loads(subject), moment(at)) for kind, subject, at in rows)


def in_force(rows: Iterable[tuple[str, dict[str, Any], datetime]]) -> Decisions:
    """Decisions in order of time → what holds in the end. A merge also takes back that its records were unlinked before."""
    standing = Decisions({}, {})
    for kind, subject, at in rows:
        if kind == "unlink":
            standing.unlinked[(subject["system"], str(subject["record_id"]))] = at
            continue
        left, right = sorted((str(subject[side][0]), str(subject[side][1])) for side in ("left", "right"))
        standing.pairs[left, right] = Decision(
            "merge" if kind == "merge" else "apart", left, right, at, subject.get("review_id")
        )
        if kind == "merge":
            standing.unlinked.pop(left, None)
            standing.unlinked.pop(right, None)
    return standing


def moment(epoch_us: int) -> datetime:
    """A time that was read as microseconds: DuckDB's own conversion of TIMESTAMPTZ needs pytz, which nothing else does."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=epoch_us)
