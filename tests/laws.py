"""The laws of the architecture page as checks on a workshop, each against the tills themselves and not against our own books."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from mappings import Context, load_mappings
from mappings.canonical import State, revive
from state.store import open_store
from tests.engine import Workshop


def books(w: Workshop, sql: str) -> list[tuple[Any, ...]]:
    """Rows from the store itself, internal tables included."""
    store = open_store(w.config.store_path)
    try:
        return store.rows(sql)
    finally:
        store.close()


def disagreements(w: Workshop) -> list[str]:
    """Law 4: every primary record, as its till holds it now, says its customer's value of every field its system can hold,
    except where an agreed difference can be queried."""
    config = w.config
    mappings = load_mappings(config.mappings_folder)
    rows = books(
        w,
        "SELECT l.system, l.record_id, l.customer_id, c.merged, b.units FROM core.links l JOIN core.customers c USING (customer_id)"
        " JOIN core.records r USING (system, record_id) LEFT JOIN core.bases b USING (system, record_id)"
        " WHERE is_primary AND deleted_at IS NULL",
    )
    excluded = {(c, s) for c, s in books(w, "SELECT customer_id, system FROM core.exclusions")}
    found = []
    for system, record_id, customer_id, merged, units in rows:
        settings = config.systems[system]
        mapping = mappings[settings.connector]
        regions = tuple(r for r in (settings.region, config.region) if r)
        context = Context(settings.region, regions, settings.timezone or config.timezone)
        payload = w.shop.tills[system].customer(record_id)
        readings = mapping.read(payload, context)
        values, kept = json.loads(merged), json.loads(units or "{}")
        for unit in sorted(mapping.writable):
            reading = readings.get(unit)
            if reading is None or reading.state is State.ABSENT or kept.get(unit, {}).get("differs"):
                continue
            value = revive(unit, values.get(unit))
            if (customer_id, system) in excluded or (value is None and reading.state is State.DEFAULT):
                continue
            if not mapping.holds(unit, value, payload, context):
                found.append(f"{system}:{record_id} {unit}: {reading.value!r} instead of {value!r}")
    return found


def unaccounted(w: Workshop) -> list[str]:
    """Law 12: the two sums hold for every row of run_systems."""
    rows = w.query(
        "SELECT run_id, system, records_read, records_new + records_changed + records_unchanged + records_rejected FROM run_systems"
    )
    return [f"{run} {system}: {read} read, {parts} accounted for" for run, system, read, parts in rows if read != parts]


def creates_per_person(w: Workshop) -> dict[tuple[str, str], int]:
    """Law 5, by the tills' own ledgers: how often each (system, name, e-mail, phone) was created through the API."""
    counts: Counter[tuple[str, str]] = Counter()
    for name, till in w.shop.tills.items():
        for change in till.ledger.creates():
            row = change.payload or {}
            who = "|".join(str(row.get(key, "")) for key in ("first_name", "last_name", "firstname", "lastname", "name", "company",
                                                             "companyName", "email", "phone_number", "mobile", "phone"))  # fmt: skip
            counts[name, who] += 1
    return dict(counts)


def quiet(w: Workshop, runs: int = 2) -> int:
    """Law 3: the write requests of so many further syncs, with nobody else writing."""
    before = w.shop.writes()
    for _ in range(runs):
        w.sync()
    return w.shop.writes() - before
