"""Which customer or record a person means: by customer_id, e-mail, phone, VAT number or `system:record_id`.

Reads: the snapshot. A customer_id that was retired leads to the customer it was merged into; e-mails, phones and VAT numbers may be
typed in any spelling.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import UserError

if TYPE_CHECKING:
    import duckdb

    from pipeline.config import Config
    from pipeline.model import RecordKey

_FORMS = "a key is a customer_id, an e-mail, a phone like +4915112345678, a VAT number or system:record_id"


def record_key(text: str, systems: Collection[str]) -> tuple[str, str] | None:
    """`berlin:1204` → its key, when the part before the first colon is a system."""
    system, colon, record_id = text.partition(":")
    return (system, record_id) if colon and record_id and system in systems else None


def regions_of(config: Config) -> tuple[str, ...]:
    """The countries that a phone or VAT number without one may belong to: the workspace's first, then the systems'."""
    named = (config.region, *(system.region for system in config.systems.values()))
    return tuple(dict.fromkeys(region for region in named if region))


def find_customer(
    con: duckdb.DuckDBPyConnection, key: str, systems: Collection[str], regions: Sequence[str] = ()
) -> str:
    """The one customer that `key` names. Raises UserError when there is none, or more than one."""
    text = key.strip()
    found = sorted(set(_customers(con, text, systems, regions)))
    if not found:
        raise UserError("No customer has this key as of the last run.", [_FORMS])
    if len(found) > 1:
        raise UserError(f"{len(found)} customers have this key; name one by its id.", [", ".join(found)])
    return found[0]


def find_record(
    con: duckdb.DuckDBPyConnection, key: str, systems: Collection[str], regions: Sequence[str] = ()
) -> RecordKey:
    """The one record that `key` names: `system:record_id`, or an e-mail, phone or VAT number that one live record has. Raises UserError."""
    text = key.strip()
    if record := record_key(text, systems):
        rows = con.execute(
            "SELECT system, record_id FROM records WHERE system = ? AND record_id = ?", [*record]
        ).fetchall()
        if not rows:
            raise UserError(f"{record[0]} has no record {record[1]!r} as of the last run.")
        return record
    having = "SELECT system, record_id FROM records WHERE {} = ? AND deleted_at IS NULL"
    found = sorted(
        {
            row
            for column, value in _values(text, regions)
            for row in con.execute(having.format(column), [value]).fetchall()
        }
    )
    if not found:
        raise UserError(f"No record has the key {text!r} as of the last run.", ["a record is named system:record_id"])
    if len(found) > 1:
        names = ", ".join(f"{system}:{record_id}" for system, record_id in found)
        raise UserError(f"{len(found)} records have the key {text!r}; name one of them.", [names])
    return str(found[0][0]), str(found[0][1])


def _customers(
    con: duckdb.DuckDBPyConnection, text: str, systems: Collection[str], regions: Sequence[str]
) -> Iterable[str]:
    if record := record_key(text, systems):
        rows = con.execute("SELECT customer_id FROM links WHERE system = ? AND record_id = ?", [*record]).fetchall()
        return [customer_id for (customer_id,) in rows]
    if known := _present_id(con, text):
        return [known]
    return [
        customer_id
        for column, value in _values(text, regions)
        for (customer_id,) in con.execute(
            f"SELECT customer_id FROM customers WHERE {column} = $value UNION"  # noqa: S608  our own column names
            f" SELECT customer_id FROM records WHERE {column} = $value AND customer_id IS NOT NULL",
            {"value": value},
        ).fetchall()
    ]


def _present_id(con: duckdb.DuckDBPyConnection, text: str) -> str | None:
    """The customer that an id stands for today: it, or the one it was merged into."""
    customer_id, seen = text.lower(), set[str]()
    while customer_id not in seen:
        seen.add(customer_id)
        row = con.execute("SELECT merged_into FROM core.identities WHERE customer_id = ?", [customer_id]).fetchone()
        if row is None:
            return None
        if row[0] is None:
            return customer_id
        customer_id = str(row[0])
    return None


def _values(text: str, regions: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(column, value in normal form) that the text may be. The libraries behind are loaded only when it comes to them."""
    if "@" in text:
        from mappings.transforms.emails import parse_email

        if address := parse_email(text).address:
            yield "email", address
        return
    if sum(character.isdigit() for character in text) < 4:
        return
    from mappings.transforms.phones import parse_phone
    from mappings.transforms.vat import parse_vat

    places: list[tuple[str, ...]] = [(region,) for region in regions] or [()]
    yield from sorted({("phone", p.e164) for place in places if (p := parse_phone(text, regions=place)).e164})
    yield from sorted(
        {("vat_number", v.number) for region in regions or [""] if (v := parse_vat(text, country=region)).number}
    )
