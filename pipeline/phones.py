"""Systems in which a phone number can belong to one record only (Foodics): who has it, and who goes without.

Reads:      core.normalised, core.links, core.plan, core.exclusions
Writes:     core.plan, core.verdicts, core.touched
Guarantees: a number that a relative's record holds is never sent (the vendor would refuse it, and altering a number to get past that is
            no option); the customer is `phone_taken` there, and looked at again when the number is free.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from mappings.canonical import Value
from pipeline.workspace import Workspace
from state.store import relation


def _systems(ws: Workspace) -> list[tuple[str]]:
    return [(name,) for name, system in ws.systems.items() if "phone" in system.connector.capabilities.unique]


def taken(con: duckdb.DuckDBPyConnection, ws: Workspace, wanted: Mapping[str, Value]) -> set[tuple[str, str]]:
    """(system, customer_id) of those whose phone another customer's live record holds there. `wanted`: customer_id → phone."""
    rows = [(customer_id, phone) for customer_id, phone in wanted.items() if phone is not None]
    systems = _systems(ws)
    if not systems or not rows:
        return set()
    with relation(con, "wanted", ("customer_id", "phone"), rows), relation(con, "exclusive", ("system",), systems):
        return set(
            con.execute(
                "SELECT DISTINCT n.system, w.customer_id FROM wanted w JOIN core.normalised n ON n.phone = w.phone"
                " SEMI JOIN exclusive x ON x.system = n.system"
                " JOIN core.links l ON l.system = n.system AND l.record_id = n.record_id WHERE l.customer_id <> w.customer_id"
            ).fetchall()
        )


def one_create_each(con: duckdb.DuckDBPyConnection, ws: Workspace) -> None:
    """Of several customers to be created with one number, the one with the first record (by system and id) gets it; none does where an
    update of this plan brings the number to a record that is there.

    Records that we created count last: a crash may have left only some of them behind.
    """
    with relation(con, "exclusive", ("system",), _systems(ws)):
        con.execute(
            """
            CREATE OR REPLACE TEMP TABLE without AS
            SELECT system, customer_id FROM (
                SELECT p.system, p.customer_id, p.operation, row_number() OVER (
                    PARTITION BY p.system, json_extract_string(p.units, '$.phone')
                    ORDER BY p.operation = 'create', f.first_key, p.customer_id
                ) AS place
                FROM core.plan p SEMI JOIN exclusive x ON x.system = p.system
                JOIN (
                    SELECT customer_id, min((list_contains(matched_on, 'created'), system, record_id)) AS first_key
                    FROM core.links GROUP BY customer_id
                ) f USING (customer_id)
                WHERE json_extract_string(p.units, '$.phone') IS NOT NULL
            ) WHERE place > 1 AND operation = 'create'
            """
        )
    con.execute(
        "DELETE FROM core.plan WHERE operation = 'create' AND (system, customer_id) IN (SELECT system, customer_id FROM without)"
    )
    con.execute(
        "UPDATE core.verdicts SET outcome = 'excluded', reason = 'phone_taken'"
        " WHERE run_id = ? AND pass = ? AND (system, customer_id) IN (SELECT system, customer_id FROM without)",
        [ws.run_id, ws.round],
    )
    con.execute("DROP TABLE without")


def touch_freed(ws: Workspace) -> None:
    """Customers that went without their number are looked at again once nobody else's record holds it."""
    with ws.store.transaction() as con:
        con.execute(
            """
            INSERT INTO core.touched
            SELECT c.customer_id, ?, 'phone_free' FROM core.exclusions e JOIN core.customers c USING (customer_id)
            WHERE e.reason = 'phone_taken' AND NOT EXISTS (
                SELECT 1 FROM core.normalised n JOIN core.links l USING (system, record_id)
                WHERE n.system = e.system AND n.phone = c.phone AND l.customer_id <> c.customer_id
            )
            """,
            [ws.run_id],
        )
