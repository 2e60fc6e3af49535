"""How two stories of the same tills compare: what they hold in the end, and who was created how often."""

from __future__ import annotations

from collections import Counter
from typing import Any

from connectors.simulators.ledger import Change
from tests.simulators import Shop

CHANCE = frozenset({
    "id", "account_scoped_id", "customerUid", "externalId", "createdAt", "lastModifiedAt", "created_at", "updated_at", "deleted_at",
})  # fmt: skip
"""Ids, stamps and our own references differ from story to story."""
NAMES = ("first_name", "last_name", "company", "firstname", "lastname", "companyName", "name")


def end_state(shop: Shop) -> dict[str, list[str]]:
    """Every till's live customers, in an order of their own."""
    return {name: sorted(str(_kept(row)) for row in till.customers().values()) for name, till in shop.tills.items()}


def creates(shop: Shop) -> Counter[tuple[str, str]]:
    """By the tills' own ledgers: (system, the record as it was created) → how often."""
    return Counter((name, _who(change)) for name, till in shop.tills.items() for change in till.ledger.creates())


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _kept(inner) for key, inner in sorted(value.items()) if key not in CHANCE}
    return [_kept(inner) for inner in value] if isinstance(value, list) else value


def _who(change: Change) -> str:
    row = change.payload or {}
    name = " ".join(str(row[key]) for key in NAMES if row.get(key))
    return "|".join(
        (name, str(row.get("email") or ""), str(row.get("phone_number") or row.get("mobile") or row.get("phone") or ""))
    )
