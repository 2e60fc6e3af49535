"""From components to customers: which id each keeps, who came and left, what is touched by it.

Reads:      match_found, match_nodes, match_pairs, core.links, core.identities, core.records
Writes:     core.identities, core.links, core.link_log, core.touched, core.customers of merged ones, core.bases of moved records
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import duckdb

from pipeline.relations import count, fill
from pipeline.sql import query


def find_homes(con: duckdb.DuckDBPyConnection, run_id: str, now: datetime, new_id: Callable[[], str]) -> int:
    """Give every component its customer id; retire ids that were merged into another. Returns how many ids are new."""
    con.execute(query("match_homes"))
    homeless = con.execute("""
        SELECT DISTINCT component FROM match_found ANTI JOIN (FROM match_claims WHERE place = 1) USING (component) ORDER BY 1""").fetchall()
    fill(
        con,
        "match_new",
        "component BIGINT, customer_id VARCHAR",
        [(component, new_id()) for (component,) in homeless],
    )
    con.execute("""
        CREATE OR REPLACE TEMP TABLE match_home AS
        SELECT component, customer_id FROM match_claims WHERE place = 1 UNION ALL FROM match_new""")
    con.execute(
        """INSERT INTO core.identities
        SELECT customer_id, $now, NULL, NULL, CASE WHEN is_split THEN 'split' ELSE 'new' END, $run_id
        FROM match_new JOIN (
            SELECT f.component, bool_or(n.customer_id IS NOT NULL) AS is_split
            FROM match_found AS f JOIN match_nodes AS n USING (rid) GROUP BY f.component
        ) USING (component)
        UNION ALL
        -- An id of ours that the store had lost: it comes back, and so do those that are now another's.
        SELECT c.customer_id, $now, CASE WHEN c.place > 1 THEN $now END, CASE WHEN c.place > 1 THEN h.customer_id END,
            'external_id', $run_id
        FROM match_claims AS c JOIN match_home AS h USING (component) WHERE NOT c.is_known""",
        {"now": now, "run_id": run_id},
    )
    con.execute(
        """UPDATE core.identities AS i SET retired_at = $now, merged_into = h.customer_id, cause = 'merged', run_id = $run_id
        FROM match_claims AS c JOIN match_home AS h USING (component)
        WHERE c.place > 1 AND c.is_known AND i.customer_id = c.customer_id""",
        {"now": now, "run_id": run_id},
    )
    return count(
        con,
        "SELECT (SELECT count(*) FROM match_new) + (SELECT count(*) FROM match_claims WHERE place = 1 AND NOT is_known)",
    )


def store_links(con: duckdb.DuckDBPyConnection, run_id: str, now: datetime) -> tuple[int, int]:
    """Replace the links of what was looked at; log every record that came, moved or left; mark the customers that differ now."""
    con.execute("""
        CREATE OR REPLACE TEMP TABLE match_moved AS
        SELECT t.*, count(*) OVER (PARTITION BY customer_id) AS company_size,
            CASE WHEN from_customer IS NULL AND len(matched_on) = 0 THEN 'new'
                 WHEN from_customer IS NOT NULL AND NOT stayed THEN 'split'
                 WHEN from_customer IS NOT NULL THEN 'merged' ELSE 'joined' END AS what
        FROM match_links AS t""")
    con.execute("DELETE FROM match_moved WHERE from_customer IS NOT DISTINCT FROM customer_id")
    con.execute(
        """INSERT INTO core.link_log
        SELECT $now, $run_id, system, record_id, from_customer, customer_id,
            what || CASE WHEN len(matched_on) > 0 THEN ': ' || array_to_string(matched_on, '+') ELSE '' END
        FROM match_moved ORDER BY system, record_id""",
        {"now": now, "run_id": run_id},
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE match_touched AS
        SELECT customer_id, min(why) AS why FROM (
            SELECT customer_id, what AS why FROM match_moved
            UNION ALL SELECT from_customer, what FROM match_moved WHERE from_customer IS NOT NULL
            UNION ALL SELECT t.customer_id, 'record changed' FROM match_links AS t SEMI JOIN core.changed USING (system, record_id)
            UNION ALL SELECT customer_id, 'primary' FROM match_links WHERE was_primary IS NOT NULL AND was_primary <> is_primary
        ) GROUP BY customer_id"""
    )
    con.execute("DELETE FROM core.links WHERE (system, record_id) IN (SELECT (system, record_id) FROM match_links)")
    con.execute("""
        INSERT INTO core.links SELECT system, record_id, customer_id, is_primary, matched_on, linked_at FROM match_links
        ORDER BY system, record_id""")
    con.execute(
        """DELETE FROM core.bases AS b USING match_moved AS m
        WHERE b.system = m.system AND b.record_id = m.record_id AND b.customer_id <> m.customer_id"""
    )
    touch(con, run_id)
    _retire_customers(con)
    joined = count(con, "SELECT count(*) FROM match_moved WHERE what IN ('joined', 'merged')")
    return joined, count(con, "SELECT count(*) FROM match_moved WHERE what = 'split'")


def touch(con: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Add match_touched to the marks that are still there; a customer is marked once, a retired one not at all."""
    con.execute(
        "INSERT INTO core.touched SELECT customer_id, ?, why FROM match_touched ANTI JOIN core.touched USING (customer_id) ORDER BY ALL",
        [run_id],
    )
    con.execute(
        "DELETE FROM core.touched WHERE customer_id IN (SELECT customer_id FROM core.identities WHERE retired_at IS NOT NULL)"
    )


def _retire_customers(con: duckdb.DuckDBPyConnection) -> None:
    """A retired customer's row goes; where the kept id has none, the oldest of them becomes its row."""
    con.execute("""
        CREATE OR REPLACE TEMP TABLE match_inherits AS
        SELECT c.customer_id AS retired_id, h.customer_id AS kept_id,
            row_number() OVER (PARTITION BY h.customer_id ORDER BY c.place) = 1
                AND h.customer_id NOT IN (SELECT customer_id FROM core.customers) AS is_heir
        FROM match_claims AS c JOIN match_home AS h USING (component) JOIN core.customers AS row ON row.customer_id = c.customer_id
        WHERE c.place > 1""")
    con.execute(
        "UPDATE core.customers AS c SET customer_id = i.kept_id FROM match_inherits AS i WHERE c.customer_id = i.retired_id AND i.is_heir"
    )
    con.execute("DELETE FROM core.customers WHERE customer_id IN (SELECT retired_id FROM match_inherits)")
