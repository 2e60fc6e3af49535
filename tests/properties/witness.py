"""An independent witness of a history: it knows what staff did and what the tills hold, and little else.

It looks at the tills before and after each run, and keeps a naive per-field model: who edited what since the last run that went well.
From the engine's books it takes only who belongs to whom (links), what is said to be left out (exclusions), and the counts to be checked.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb

from tests.properties.history import Add, Decide, Delete, Edit, Key, Remap, Restore, Step, World, shown
from tests.quick import books, opened

PLAIN = ("email", "city", "note")
"""Fields that every till which has them holds in the same form: the naive model is about these."""
KEEPS_OUT = (
    "held_for_review",
    "conflict_review",
    "suspected_anonymisation",
    "ignored",
    "frozen",
    "unreachable",
    "unknown",
)
"""Exclusions of a customer as a whole: it is not brought up to date anywhere for now."""
STAYS_LOCAL = ("email", "phone", "vat")
"""Emptied in one till, these are left there as they are and elsewhere as they were."""

Rows = dict[Key, dict[str, Any]]


@dataclass
class Witness:
    """What is known so far."""

    world: World
    entered: dict[Key, str] = field(default_factory=dict)
    """Given name as staff first entered it."""
    renamed: set[Key] = field(default_factory=set)
    cleared: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    merged_by_hand: bool = False
    edits: dict[Key, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """Since the last run that went well: record → field → value as staff last left it."""
    unsettled: set[Key] = field(default_factory=set)
    """Records that came, went, were restored or unlinked since then."""
    calm: bool = False
    """Whether everything between the last clean run and the coming one is staff's plain edits."""
    groups: dict[str, set[Key]] = field(default_factory=dict)
    """Customers as of the last clean run."""
    at_start: Rows = field(default_factory=dict)
    """The tills after the last clean run."""
    deletions: bool = False
    """Whether staff ever deleted somebody: that takes two walks to notice."""
    _con: duckdb.DuckDBPyConnection | None = None

    def rows(self) -> Rows:
        """Every live record of every till, as it is now."""
        tills = self.world.w.shop.tills
        return {(name, record_id): row for name, till in tills.items() for record_id, row in till.customers().items()}

    def saw(self, step: Step, key: Key | None, before: Mapping[str, Any] | None) -> None:
        """Staff did something; `before`: the record as it was."""
        if isinstance(step, Remap):
            self.calm = False
        if key is None:
            return
        match step:
            case Add(_, person):
                self.entered[key] = person.given
                self.unsettled.add(key)
            case Edit(till, _, name, value):
                if before is not None and shown(till, dict(before), name) == value:
                    return
                self.edits[key][name] = value
                if name == "given":
                    self.renamed.add(key)
                if not value:
                    self.cleared[key].add(name)
            case Delete() | Restore():
                self.deletions = True
                self.unsettled.add(key)
            case Decide(_, kind):
                self.unsettled.add(key)
                self.merged_by_hand |= kind == "merge"
                self.calm = False

    def customers(self) -> dict[str, set[Key]]:
        """customer_id → its live records, by the books."""
        links = self._books(
            "SELECT customer_id, l.system, l.record_id FROM core.links l JOIN core.records r"
            " ON r.system = l.system AND r.record_id = l.record_id WHERE deleted_at IS NULL"
        )
        found: dict[str, set[Key]] = defaultdict(set)
        for customer_id, system, record_id in links:
            found[customer_id].add((system, record_id))
        return found

    def after_run(self, before: Rows, *, clean: bool) -> list[str]:
        """What is wrong after a run that began with the tills as in `before`; empty when nothing is."""
        with self._open():
            return self._look(before, clean=clean)

    def _look(self, before: Rows, *, clean: bool) -> list[str]:
        after, customers = self.rows(), self.customers()
        wrong = [*self._blanked(before, after, customers), *self._strangers(customers), *self._doubles(), *self._sums()]
        if clean:
            if self.calm:
                wrong += self._lost_updates(after, customers)
            self.groups, self.at_start, self.calm = customers, after, True
            self.edits.clear()
            self.unsettled.clear()
        else:
            self.calm = False
        return wrong

    @contextmanager
    def _open(self) -> Iterator[None]:
        with opened(self.world.store) as con:
            self._con = con
            yield
        self._con = None

    def _books(self, sql: str) -> list[tuple[Any, ...]]:
        if self._con is None:
            return books(self.world.store, sql)
        return self._con.execute(sql).fetchall()

    def _blanked(self, before: Rows, after: Rows, customers: Mapping[str, set[Key]]) -> Iterator[str]:
        """Law 7: a till's value goes only when somebody emptied that field of that customer; having no field is no opinion."""
        members = self._all_members()
        owner = {key: customer_id for customer_id, keys in members.items() for key in keys}
        for key, row in before.items():
            for name in (*PLAIN, "phone", "vat"):
                was = shown(key[0], row, name)
                if not was or key not in after or shown(key[0], after[key], name):
                    continue
                family = members.get(owner.get(key, ""), {key})
                if not any(name in self.cleared[other] for other in family):
                    yield f"law 7: {key} lost its {name} {was!r}, which nobody emptied"

    def _all_members(self) -> dict[str, set[Key]]:
        """customer_id → every record that ever belonged to it."""
        found: dict[str, set[Key]] = defaultdict(set)
        for customer_id, system, record_id in self._books(
            "SELECT to_customer, system, record_id FROM core.link_log UNION SELECT customer_id, system, record_id FROM core.links"
        ):
            found[customer_id].add((system, record_id))
        return found

    def _strangers(self, customers: Mapping[str, set[Key]]) -> Iterator[str]:
        """Law 8: records entered under clearly different given names are never one customer, whatever key they share."""
        if self.merged_by_hand:
            return
        for customer_id, keys in customers.items():
            if keys & self.renamed:
                continue
            names = {self.entered[key] for key in keys if key in self.entered}
            if len(names) > 1:
                yield f"law 8: {', '.join(sorted(names))} became one customer {customer_id}: {sorted(keys)}"

    def _doubles(self) -> Iterator[str]:
        """Law 5: by the tills' own ledgers, no customer was created twice in one till (unless it was two customers then)."""
        absorbed = {
            row[0] for row in self._books("SELECT merged_into FROM core.identities WHERE merged_into IS NOT NULL")
        }
        owner = {
            (system, record_id): customer_id
            for customer_id, system, record_id in self._books("SELECT customer_id, system, record_id FROM core.links")
        }
        counts: dict[tuple[str, str], list[str]] = defaultdict(list)
        for name, till in self.world.w.shop.tills.items():
            for change in till.ledger.creates():
                customer_id = owner.get((name, change.record_id))
                if customer_id is not None and customer_id not in absorbed:
                    counts[customer_id, name].append(change.record_id)
        for (customer_id, name), ids in counts.items():
            if len(ids) > 1:
                yield f"law 5: {customer_id} was created {len(ids)} times in {name}: {ids}"

    def _sums(self) -> Iterator[str]:
        """Law 12: both sums, and exactly one outcome per touched customer and system."""
        for run_id, system, read, parts in self._books(
            "SELECT run_id, system, records_read, records_new + records_changed + records_unchanged + records_rejected"
            " FROM core.run_systems"
        ):
            if read != parts:
                yield f"law 12: {run_id} {system}: {read} read, {parts} accounted for"
        for run_id, system, total, touched in self._books(
            "SELECT s.run_id, s.system, created + updated + deleted + unchanged + excluded + held + failed,"
            " (SELECT count(DISTINCT customer_id) FROM core.verdicts v WHERE v.run_id = s.run_id) FROM core.run_systems s"
            " WHERE s.run_id = (SELECT max(run_id) FROM core.run_systems)"
        ):
            if total != touched:
                yield f"law 12: {run_id} {system}: {touched} customers touched, {total} outcomes"
        for customer_id, system, verdicts in self._books(
            "SELECT customer_id, system, count(*) FROM core.verdicts GROUP BY customer_id, system, pass HAVING count(*) <> 1"
        ):
            yield f"law 12: {customer_id} has {verdicts} verdicts in {system} in one round"

    def _lost_updates(self, after: Rows, customers: Mapping[str, set[Key]]) -> Iterator[str]:
        """Law 6: what one person typed in is what every till says; of several different values, one of them is; nothing else moves."""
        left_out = {
            (customer_id, system)
            for customer_id, system in self._books("SELECT customer_id, system FROM core.exclusions")
        }
        aside = {
            row[0]
            for row in self._books(
                "SELECT customer_id FROM core.exclusions WHERE reason IN ('" + "', '".join(KEEPS_OUT) + "')"
                " UNION SELECT l.customer_id FROM core.held h JOIN core.links l ON l.system = h.system AND l.record_id = h.record_id"
            )
        }
        primary = {(s, r) for s, r in self._books("SELECT system, record_id FROM core.links WHERE is_primary")}
        ours = {(name, c.record_id) for name, till in self.world.w.shop.tills.items() for c in till.ledger.creates()}
        for customer_id, keys in customers.items():
            old = keys - (ours - self.at_start.keys())
            if customer_id in aside or keys & self.unsettled or old != self.groups.get(customer_id):
                continue
            for name in PLAIN:
                typed = {
                    key: self.edits[key][name] for key in keys
                    if name in self.edits.get(key, {}) and key in self.at_start
                    and self.edits[key][name] != shown(key[0], self.at_start[key], name)
                }  # fmt: skip
                held = {
                    key: value for key in keys & primary
                    if (value := shown(key[0], after[key], name)) is not None and (customer_id, key[0]) not in left_out
                    and not (name in STAYS_LOCAL and name in self.cleared[key])
                }  # fmt: skip
                yield from self._judge(customer_id, name, typed, held)

    def _judge(self, customer_id: str, name: str, typed: Mapping[Key, str], held: Mapping[Key, str]) -> Iterator[str]:
        wanted = set(typed.values())
        if name in STAYS_LOCAL:
            wanted -= {""}
        if wanted:
            wrong = {key: value for key, value in held.items() if value not in wanted}
            if wrong or len(set(held.values())) > 1:
                yield f"law 6: {name} of {customer_id} was typed in as {dict(typed)}, and now is {dict(held)}"
        elif not typed:
            moved = {
                key: value for key, value in held.items()
                if key in self.at_start and (was := shown(key[0], self.at_start[key], name)) and value != was
            }  # fmt: skip
            if moved:
                yield f"law 6: nobody edited the {name} of {customer_id}, and now is {moved}"

    def missing(self) -> list[str]:
        """Every customer is in every till, or the books say why not."""
        with self._open():
            return list(self._missing())

    def _missing(self) -> Iterator[str]:
        for system, record_id, units in self._books("SELECT system, record_id, units FROM core.bases"):
            refused = {unit for unit, base in json.loads(units).items() if base.get("differs") == "not_taken"}
            if refused - (
                {"address"} if system == "berlin" else set()
            ):  # a country there can be changed, but not emptied
                yield f"{system}:{record_id} is said not to take {refused}, and takes everything"
        known = self._books("SELECT customer_id FROM core.customers")
        excused = {(c, s) for c, s in self._books("SELECT customer_id, system FROM core.exclusions")}
        customers = self.customers()
        for (customer_id,) in known:
            for name in self.world.w.shop.tills:
                there = name in {system for system, _ in customers.get(customer_id, ())}
                if not there and (customer_id, name) not in excused:
                    yield f"{customer_id} is not in {name}, and nothing says why"
