"""Decisions taken while a run may hold the store: one file each in `<store>.inbox/`, taken in when the next run starts.

A decision's id follows from what it says and when, so the same one put twice is one, and a run that died between
storing it and removing its file finds it stored already.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a person. `kind`: merge, apart, unlink, ignore, value; `subject` says what about."""

    decision_id: str
    kind: str
    subject: dict[str, Any]
    at: datetime


def inbox_path(store: Path) -> Path:
    """The folder of a store's inbox."""
    return store.with_name(store.name + ".inbox")


def put(store: Path, kind: str, subject: Mapping[str, Any], at: datetime) -> str:
    """Leave a decision for the next run, durably; returns its id."""
    content = {"kind": kind, "subject": dict(subject), "at": at.astimezone(UTC).isoformat()}
    text = json.dumps(content, sort_keys=True)
    decision_id = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    folder = inbox_path(store)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = folder / f"{decision_id}.{os.getpid()}.tmp"
    with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:  # noqa: PTH123
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    made.replace(folder / f"{decision_id}.json")
    _sync_folder(folder)
    return decision_id


def pending(store: Path) -> list[Decision]:
    """The decisions not yet taken in, oldest first. Files that are no decision are left where they are."""
    found = [decision for file in inbox_path(store).glob("*.json") if (decision := _read(file))]
    return sorted(found, key=lambda decision: (decision.at, decision.decision_id))


def taken(store: Path, decision_ids: Iterable[str]) -> None:
    """Remove decisions that are durable in the store now; unknown ids do no harm."""
    for decision_id in decision_ids:
        (inbox_path(store) / f"{decision_id}.json").unlink(missing_ok=True)


def _read(file: Path) -> Decision | None:
    try:
        content = json.loads(file.read_text("utf-8"))
        at = datetime.fromisoformat(content["at"])
        return Decision(file.stem, str(content["kind"]), dict(content["subject"]), at)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
