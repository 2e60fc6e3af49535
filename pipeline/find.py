"""Which customer a person means: by customer_id, e-mail, phone, VAT number or `system:record_id`."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from pipeline.errors import UserError

if TYPE_CHECKING:
    import duckdb

_SEPARATORS = re.compile(r"[\s./()-]+")


def record_key(text: str, systems: Collection[str]) -> tuple[str, str] | None:
    """`berlin:1204` → its key, when the part before the first colon is a system."""
    system, colon, record_id = text.partition(":")
    return (system, record_id) if colon and record_id and system in systems else None


def find_customer(con: duckdb.DuckDBPyConnection, key: str, systems: Collection[str]) -> str:
    """The one customer that `key` names. Raises UserError when there is none, or more than one."""
    text = key.strip()
    if record := record_key(text, systems):
        rows = con.execute(
            "SELECT DISTINCT customer_id FROM links WHERE system = ? AND record_id = ?", list(record)
        ).fetchall()
    else:
        packed = _SEPARATORS.sub("", text)
        phone = "+" + packed[2:] if packed.startswith("00") else packed
        rows = con.execute(
            "SELECT customer_id FROM customers WHERE customer_id = $key OR email = lower($key) OR phone = $phone"
            " OR vat_number = upper($packed) ORDER BY customer_id",
            {"key": text, "phone": phone, "packed": packed},
        ).fetchall()
    if not rows:
        raise UserError(
            "No customer has this key as of the last run.",
            ["a key is a customer_id, an e-mail, a phone like +4915112345678, a VAT number or system:record_id"],
        )
    if len(rows) > 1:
        ids = ", ".join(str(row[0]) for row in rows)
        raise UserError(f"{len(rows)} customers have this key; name one by its id.", [ids])
    return str(rows[0][0])
