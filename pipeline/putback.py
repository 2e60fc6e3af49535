"""The reverse of what one run wrote: what was created goes, what was updated gets its previous values, where nobody touched it since.

Reads:      core.intents of that run, core.records, core.history, core.links
Writes:     nothing; returns changes like any plan's, and what is left as it is with the reason
Guarantees: what somebody changed after our write is left alone, group by group (a name is put back whole or not at all); what was
            deleted is not created again; the same state gives the same changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.canonical import ABSENT, UNITS, Reading, plain
from mappings.compiled_rule import value_at
from mappings.transforms.lens import MISSING
from pipeline.decide import has_balance
from pipeline.model import Change
from pipeline.plan import changed_columns, with_paths
from pipeline.relations import fill
from pipeline.workspace import System, Workspace

PAGE = 2000


@dataclass(frozen=True, slots=True)
class Left:
    """Something the run wrote that stays, and why. `units`: the fields in question; empty: the whole record."""

    system: str
    record_id: str
    customer_id: str
    units: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class PutBack:
    """One change of the plan, and the units it moves with their plain values."""

    change: Change
    units: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Wrote:
    """All that the run wrote to one record: `paths` from before its first write to after its last one.

    `payload`, `content_hash`: the record now. `ours`: its content right after our last write, as far as that is still known.
    """

    system: str
    record_id: str
    customer_id: str
    kind: str
    paths: Mapping[str, tuple[Any, Any]]
    payload: dict[str, Any] | None
    content_hash: str | None
    is_deleted: bool
    is_ignored: bool
    ours: dict[str, Any] | None
    is_as_we_left_it: bool


def reverse(ws: Workspace, run_id: str) -> tuple[list[PutBack], list[Left]]:
    """What would undo the run now, and what it leaves."""
    put_back: list[PutBack] = []
    left: list[Left] = []
    for wrote in _written(ws, run_id):
        why = _why_not(ws, wrote)
        if why:
            left.append(Left(wrote.system, wrote.record_id, wrote.customer_id, (), why))
        elif wrote.kind == "created":
            put_back.append(_removal(ws.systems[wrote.system], wrote, run_id))
        else:
            found, stays = _restoration(ws.systems[wrote.system], wrote, run_id)
            put_back += [found] if found else []
            left += stays
    unknown = ws.store.rows(
        "SELECT system, coalesce(record_id, ''), customer_id FROM core.intents"
        " WHERE run_id = ? AND status IN ('sending', 'unknown') ORDER BY ALL",
        [run_id],
    )
    why = "nobody knows yet whether this write was carried out"
    return put_back, left + [Left(system, record_id, customer, (), why) for system, record_id, customer in unknown]


def _written(ws: Workspace, run_id: str) -> Iterator[_Wrote]:
    """The records that the run wrote to, by system and id."""
    last = ("", "")
    while keys := ws.store.rows(
        "SELECT system, record_id, max(sent_at)::VARCHAR FROM core.intents"
        " WHERE run_id = ? AND status = 'done' AND record_id IS NOT NULL AND (system, record_id) > (?, ?)"
        " GROUP BY ALL ORDER BY 1, 2 LIMIT ?",
        [run_id, *last, PAGE],
    ):
        last = keys[-1][:2]
        with ws.store.transaction() as con:
            fill(con, "undo_keys", "system VARCHAR, record_id VARCHAR, sent_at TIMESTAMPTZ", keys)
            intents = con.execute(
                "SELECT system, record_id, operation, paths, customer_id FROM core.intents JOIN undo_keys AS k USING (system, record_id)"
                " WHERE run_id = ? AND status = 'done' ORDER BY system, record_id, core.intents.sent_at, intent_id",
                [run_id],
            ).fetchall()
            rows = con.execute(
                """
                SELECT system, record_id, r.payload, r.content_hash, r.deleted_at IS NOT NULL, l.customer_id, ours.payload,
                       ours.content_hash, versions.number, i.customer_id IS NOT NULL
                FROM undo_keys
                LEFT JOIN core.records AS r USING (system, record_id)
                LEFT JOIN core.links AS l USING (system, record_id)
                LEFT JOIN (
                    SELECT system, record_id, arg_min(payload, seen_at) AS payload, arg_min(content_hash, seen_at) AS content_hash
                    FROM core.history AS h JOIN undo_keys AS k USING (system, record_id)
                    WHERE h.run_id = $run_id AND h.seen_at >= k.sent_at GROUP BY ALL
                ) AS ours USING (system, record_id)
                LEFT JOIN (
                    SELECT system, record_id, count(*) AS number FROM core.history SEMI JOIN undo_keys USING (system, record_id)
                    GROUP BY ALL
                ) AS versions USING (system, record_id)
                LEFT JOIN (
                    SELECT DISTINCT json_extract_string(subject, '$.customer_id') AS customer_id FROM core.decisions WHERE kind = 'ignore'
                ) AS i ON i.customer_id = l.customer_id
                ORDER BY system, record_id
                """,
                {"run_id": run_id},
            ).fetchall()
            con.execute("DROP TABLE undo_keys")
        written: dict[tuple[str, str], list[Sequence[Any]]] = {}
        for system, record_id, *intent in intents:
            written.setdefault((system, record_id), []).append(intent)
        for row in rows:
            yield _wrote(row, written[row[0], row[1]])


def _wrote(row: Sequence[Any], intents: Sequence[Sequence[Any]]) -> _Wrote:
    system, record_id, payload, content_hash, is_deleted, customer_id, ours, our_hash, versions, is_ignored = row
    paths: dict[str, tuple[Any, Any]] = {}
    for _, sent, _ in intents:
        for path, (before, after) in json.loads(sent).items():
            paths[path] = (paths[path][0] if path in paths else before, after)
    operations = [operation for operation, *_ in intents]
    made = {"create", "restore"} & set(operations)
    kind = "deleted" if operations[-1] == "delete" else "created" if made else "updated"
    same = content_hash == our_hash if our_hash is not None else versions == 1
    return _Wrote(
        system, record_id, customer_id or intents[-1][2], kind, paths, None if payload is None else json.loads(payload), content_hash,
        is_deleted, is_ignored, None if ours is None else json.loads(ours), same,
    )  # fmt: skip


def _why_not(ws: Workspace, wrote: _Wrote) -> str:
    """Why nothing can be put back in this record, "" where something can. What a person did comes first."""
    system = ws.systems.get(wrote.system)
    if wrote.kind == "deleted":
        return "it was deleted, and undo creates nothing again"
    if wrote.payload is None or wrote.is_deleted:
        return "it is gone already"
    if wrote.is_ignored:
        return "its customer is left alone, by a person's decision"
    if system is None:
        return "its system is not in the configuration any more"
    if system.settings.paused:
        return "its system is paused"
    if wrote.system not in ws.active:
        return "its system was not selected"
    if system.settings.access == "read-only":
        return "its system is read-only now"
    if system.problem is not None or system.pulled is None:
        return "its system could not be read just now"
    return _why_not_removed(system, wrote) if wrote.kind == "created" else ""


def _why_not_removed(system: System, wrote: _Wrote) -> str:
    assert wrote.payload is not None
    if "delete" not in system.connector.capabilities.operations:
        return "this system cannot delete customers"
    if not wrote.is_as_we_left_it:
        return "it was changed since"
    return "there is money or points on it" if has_balance(system, wrote.payload) else ""


def _removal(system: System, wrote: _Wrote, run_id: str) -> PutBack:
    assert wrote.payload is not None
    fields = changed_columns(system.mapping.read(wrote.payload, system.context), {})
    change = Change(
        wrote.system, "delete", wrote.customer_id, wrote.record_id, fields, {}, f"created by {run_id}", wrote.content_hash
    )  # fmt: skip
    return PutBack(change, {})


def _restoration(system: System, wrote: _Wrote, run_id: str) -> tuple[PutBack | None, list[Left]]:
    """The previous values of what nobody changed since, and the units that stay."""
    assert wrote.payload is not None
    new: dict[str, Any] = {}
    stays: dict[str, set[str]] = {}
    for paths, units in _groups(system, wrote.paths):
        befores = {path: wrote.paths[path][0] for path in paths & wrote.paths.keys()}
        if any(_is_changed(wrote, path) for path in paths):
            stays.setdefault("changed since", set()).update(units)
        elif _is_demanded(system, wrote.payload, {**new, **befores}):
            stays.setdefault("this system demands a value there", set()).update(units)
        else:
            new.update((path, value) for path, value in befores.items() if value != _at(wrote.payload, path))
    before: Mapping[str, Reading] = system.mapping.read(wrote.payload, system.context)
    after: Mapping[str, Reading] = system.mapping.read(with_paths(wrote.payload, new), system.context)
    fields = changed_columns(before, after)
    key = wrote.system, wrote.record_id, wrote.customer_id
    left = [Left(*key, tuple(u for u in UNITS if u in units), why) for why, units in stays.items()]
    if not fields:
        return None, left or [Left(*key, (), "it is as it was before already")]
    moved = {u: plain(after[u].value) for u in UNITS if not after.get(u, ABSENT).same(before.get(u, ABSENT))}
    sent = {path: (_at(wrote.payload, path), value) for path, value in sorted(new.items())}
    change = Change(
        wrote.system, "update", wrote.customer_id, wrote.record_id, fields, sent, f"undoes {run_id}", wrote.content_hash
    )
    return PutBack(change, moved), left


def _is_demanded(system: System, payload: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the record would lack what its system demands of every record: it would refuse the whole write."""
    paths = {path for requirement in system.mapping.requirements for group in requirement.one_of for path in group}
    now = {path: _at(payload, path) for path in paths}
    return any(r.is_met_by(now) and not r.is_met_by({**now, **new}) for r in system.mapping.requirements)


def _groups(system: System, written: Mapping[str, Any]) -> list[tuple[set[str], set[str]]]:
    """(paths, units) that belong together: what one rule reads moves as one, and so do rules that share a written field."""
    groups: list[tuple[set[str], set[str]]] = []
    rules = [
        ({p for p in rule.paths if p} | {f for group in rule.followers for _, f in group}, set(rule.units))
        for rule in system.mapping.rules
    ]
    for paths, units in [*rules, *(({path}, set[str]()) for path in written)]:
        if not paths & written.keys():
            continue
        for group in [group for group in groups if group[0] & paths & written.keys()]:
            groups.remove(group)
            paths, units = paths | group[0], units | group[1]  # noqa: PLW2901  the group grows
        groups.append((paths, units))
    return groups


def _is_changed(wrote: _Wrote, path: str) -> bool:
    """Whether somebody changed this field after our write. A system's own form of what we sent is no change."""
    now = _at(wrote.payload, path)
    if wrote.ours is not None and now == _at(wrote.ours, path):
        return False
    if path in wrote.paths:  # what is as it was before needs nothing, whoever saw to that
        return now not in wrote.paths[path]
    return wrote.ours is not None


def _at(payload: Mapping[str, Any] | None, path: str) -> Any:
    value = value_at(payload or {}, path)
    return None if value is MISSING else value
