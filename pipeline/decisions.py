"""What people decided between runs is taken from the inbox into the store, once, when a run starts.

Reads:      the inbox beside the store
Writes:     core.decisions, core.overrides, core.reviews.decision, core.changed, core.touched
"""

from __future__ import annotations

from pipeline.workspace import Workspace, canonical_json
from state import inbox


def take(ws: Workspace) -> None:
    """Take in every waiting decision, oldest first; a decision already taken in changes nothing."""
    waiting = inbox.pending(ws.store.path)
    if not waiting:
        return
    with ws.store.transaction() as con:
        for decision in waiting:
            known = con.execute("SELECT 1 FROM core.decisions WHERE decision_id = ?", [decision.decision_id]).fetchall()
            if known:
                continue
            subject = decision.subject
            con.execute(
                "INSERT INTO core.decisions VALUES (?, ?, ?, ?, ?)",
                [decision.decision_id, decision.kind, canonical_json(subject), decision.at, ws.run_id],
            )
            if decision.kind == "value":
                con.execute(
                    "DELETE FROM core.overrides WHERE customer_id = ? AND unit = ?",
                    [subject["customer_id"], subject["unit"]],
                )
                value = [subject["customer_id"], subject["unit"], canonical_json(subject["value"])]
                con.execute("INSERT INTO core.overrides VALUES (?, ?, ?)", value)
            if "review_id" in subject:
                con.execute(
                    "UPDATE core.reviews SET decision = ? WHERE review_id = ?", [decision.kind, subject["review_id"]]
                )
            for side in ("left", "right"):
                if side in subject:
                    con.execute("INSERT INTO core.changed VALUES (?, ?, ?)", [*subject[side], ws.run_id])
            if "record_id" in subject:
                con.execute(
                    "INSERT INTO core.changed VALUES (?, ?, ?)", [subject["system"], subject["record_id"], ws.run_id]
                )
            if "customer_id" in subject:
                con.execute(
                    "INSERT INTO core.touched VALUES (?, ?, ?)", [subject["customer_id"], ws.run_id, decision.kind]
                )
    inbox.taken(ws.store.path, [decision.decision_id for decision in waiting])
