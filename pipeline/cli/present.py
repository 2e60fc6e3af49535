"""What a run says at its end: a table that adds up, problems, and what to look at next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline import explain
from pipeline.cli.terms import remark, say, say_json
from pipeline.output import shown, text_table

if TYPE_CHECKING:
    from pipeline.run import RunReport

HEADS = {
    "records_read": "read",
    "records_new": "new",
    "records_changed": "changed",
    "records_unchanged": "same",
    "records_rejected": "rejected",
    "created": "created",
    "updated": "updated",
    "deleted": "deleted",
    "unchanged": "unchanged",
    "excluded": "excluded",
    "held": "held",
    "failed": "failed",
}
"""The counts of `run_systems` and their headings: records (read = new + changed + same + rejected), then customers."""


def report(found: RunReport, *, as_json: bool, with_plan: bool) -> None:
    """Print the report for people, or as one JSON document."""
    if as_json:
        say_json(document(found, with_plan=with_plan))
        for problem in found.problems:
            remark(problem)
        return
    if with_plan:
        say(explain.text(found.plan))
    rows = [[system.system, *(str(system.counts.get(key, 0)) for key in HEADS)] for system in found.systems]
    say()
    say(text_table(["", *HEADS.values()], rows, right=set(range(1, len(HEADS) + 1))).rstrip())
    say("read = new + changed + same + rejected; the rest counts this run's customers.")
    say()
    say(f"{found.command} {found.run_id}: {found.outcome}.")
    for line in found.problems:
        remark(shown(line))
    for line in found.dropped:
        remark(f"not applied: {shown(line)}")
    if found.look_at_next:
        say("Look at next:")
        for line in found.look_at_next:
            say(f"  {shown(line)}")


def document(found: RunReport, *, with_plan: bool) -> dict[str, Any]:
    """The report as JSON types. The plan's changes are in it when nothing else shows them (`plan`, `--dry-run`)."""
    return {
        "run_id": found.run_id,
        "command": found.command,
        "exit_code": int(found.exit_code),
        "outcome": found.outcome,
        "systems": [{"system": s.system, **s.counts, "problem": s.problem or None} for s in found.systems],
        "planned": len(found.plan),
        **({"plan": [explain.as_json(change) for change in found.plan]} if with_plan else {}),
        "problems": list(found.problems),
        "dropped": list(found.dropped),
        "look_at_next": list(found.look_at_next),
    }
