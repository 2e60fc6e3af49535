"""A plan as a file: what `plan --out` saves and `apply FILE` carries out.

    {"changes":[        one change per line, in canonical order, so that two plans can be compared with diff
    ...
    ],"format":"customer-sync plan 1","hash":"...","workspace":"acme"}

Reads: core.plan, or a file. Writes: a file, readable by its owner only (it holds personal data), or core.plan.
Guarantees: the same plan gives the same bytes (no time and no run in it); an edited or truncated file is refused.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from pipeline.errors import UserError
from pipeline.model import Change
from pipeline.plan import in_order
from state.store import Store, relation

FORMAT = "customer-sync plan 1"

_Pair = tuple[Any, Any]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    changes: list[Change]
    format: str
    hash: str
    workspace: str


def save(path: Path, workspace: str, changes: Iterable[Change]) -> None:
    """Write the plan, in place of any earlier one, whole or not at all."""
    digest = _digest(workspace)
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    except OSError as error:
        raise UserError(f"The plan cannot be written to {path}: {error.strerror}.") from None
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(b'{"changes":[')
            separator = b"\n"
            for change in in_order(changes):
                line = _line(change)
                digest.update(line)
                out.write(separator + line)
                separator = b",\n"
            tail = {"format": FORMAT, "hash": digest.hexdigest(), "workspace": workspace}
            out.write(b"\n]," + msgspec.json.encode(tail, order="sorted")[1:] + b"\n")
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def load(path: Path, workspace: str) -> list[Change]:
    """The plan in a file. Raises UserError when it is not one, is another workspace's, or is not as it was saved."""
    again = f"Make it again: customer-sync plan --out {path}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"The plan {path} cannot be read: {error.strerror}.") from None
    try:
        stated = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        wrong = f"{path} is not a plan that this version can apply"
        if msgspec.json.decode(stated.get("format", msgspec.Raw(b"null"))) != FORMAT:
            raise UserError(f"{wrong}: its format is not '{FORMAT}'. {again}")
        plan = msgspec.json.decode(content, type=_File)
    except msgspec.DecodeError as error:  # its words name a place in the file, and no value
        raise UserError(f"{path} is not a plan: {error}. {again}") from None
    if plan.workspace != workspace:
        raise UserError(f"{path} is a plan for the workspace '{plan.workspace}', and this is '{workspace}'.")
    digest = _digest(workspace)
    for change in plan.changes:
        digest.update(_line(change))
    if digest.hexdigest() != plan.hash:
        raise UserError(f"{path} was changed since it was saved. {again}")
    return plan.changes


def moved(planned: Iterable[Change], fresh: Iterable[Change]) -> list[tuple[Change, str]]:
    """The changes of a saved plan that a plan made now does not contain just so, each with what moved under it."""
    now = {(change.system, change.customer_id): change for change in fresh}
    dropped = []
    for change in planned:
        present = now.get((change.system, change.customer_id))
        if present is None:
            dropped.append((change, "it is no longer wanted, or no longer allowed"))
        elif present.operation != change.operation or present.record_id != change.record_id:
            dropped.append((change, f"it is now a case for {present.operation}"))
        elif present.based_on != change.based_on:
            dropped.append((change, f"the record was changed in {change.system} since"))
        elif _line(present) != _line(change):
            dropped.append((change, "the customer's values changed since"))
    return dropped


def changes(store: Store) -> Iterator[Change]:
    """core.plan as values, in its order."""
    for system, operation, customer_id, record_id, fields, paths, reason, based_on in store.rows(
        "SELECT system, operation, customer_id, record_id, fields, paths, reason, based_on"
        " FROM core.plan ORDER BY position"
    ):
        yield Change(system, operation, customer_id, record_id, _pairs(fields), _pairs(paths), reason or "", based_on)


def restrict(store: Store, planned: Sequence[Change], *, first: bool) -> list[str]:
    """Leave in core.plan exactly what the saved plan says; returns what of it moved and was dropped, a sentence each.

    In the first round only: later ones plan again what this run itself moved, and nothing that the file does not say is
    written then either. A customer left out stays planned (`not_selected`).
    """
    fresh = list(changes(store))
    dropped = moved(planned, fresh)
    lost = {_place(change) for change, _ in dropped}
    kept = {_place(change) for change in planned} - lost
    left_out = [(change.system, change.customer_id) for change in fresh if _place(change) not in kept]
    with store.transaction() as con, relation(con, "left_out", ("system", "customer_id"), left_out):
        con.execute("DELETE FROM core.plan WHERE (system, customer_id) IN (SELECT system, customer_id FROM left_out)")
        con.execute(
            "UPDATE core.verdicts SET outcome = 'held', reason = 'not_selected'"
            " WHERE outcome IN ('create', 'update', 'delete') AND pass = (SELECT max(pass) FROM core.verdicts)"
            " AND (system, customer_id) IN (SELECT system, customer_id FROM left_out)"
        )
    return [_sentence(change, why) for change, why in dropped] if first else []


def _sentence(change: Change, why: str) -> str:
    what = f"record {change.record_id}" if change.record_id else f"customer {change.customer_id}"
    return f"{change.operation} of {what} in {change.system}: {why}"


def _place(change: Change) -> tuple[str, str]:
    return change.system, change.customer_id


def _pairs(text: str) -> dict[str, _Pair]:
    pairs: Mapping[str, _Pair] = msgspec.json.decode(text, type=dict[str, _Pair])
    return dict(pairs)


def _line(change: Change) -> bytes:
    return msgspec.json.encode(change, order="sorted")


def _digest(workspace: str) -> Any:
    return hashlib.sha256(f"{FORMAT}\n{workspace}\n".encode())
