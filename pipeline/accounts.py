"""Each system is one account, and stays it: a token of another one must not write into somebody else's till.

Reads:      each system's `account()`, when its credentials are new to this store
Writes:     core.systems.account, core.meta
"""

from __future__ import annotations

from connectors.errors import ConnectorError
from pipeline.errors import UserError
from pipeline.workspace import System, Workspace, digest


def verify(ws: Workspace) -> None:
    """Raises UserError when a system's credentials belong to another account than before, or two systems share one."""
    for system in ws.working():
        if _is_known(ws, system):
            continue
        try:
            account = system.connector.account()
        except ConnectorError as error:
            system.problem = error
            continue
        if account.identity is not None:
            _remember(ws, system, account.identity)


def _mark(system: System) -> tuple[str, str]:
    """A key and a hash that change with the credentials and the address."""
    return f"credentials:{system.name}", digest(
        [system.settings.base_url, system.settings.tenant, system.settings.auth.values()]
    )


def _is_known(ws: Workspace, system: System) -> bool:
    key, mark = _mark(system)
    known: bool = ws.store.value("SELECT value FROM core.meta WHERE key = ?", [key]) == mark
    return known


def _remember(ws: Workspace, system: System, identity: str) -> None:
    rows = ws.store.rows("SELECT system, account FROM core.systems WHERE account IS NOT NULL")
    before = dict(rows).get(system.name)
    if before is not None and before != identity:
        raise UserError(
            f"{system.name}: these credentials belong to another account than before. Nothing was read or written.",
            [
                f"systems.{system.name}.auth: put the right credentials back, or give the other account a system name of its own."
            ],
        )
    twins = [
        name for name, account in rows
        if account == identity and name != system.name and name in ws.systems
        and ws.systems[name].settings.connector == system.settings.connector
    ]  # fmt: skip
    if twins:
        raise UserError(
            f"{system.name} and {twins[0]} are the same account. Nothing was read or written.",
            [f"systems.{system.name}: one account is one system; remove one of the two."],
        )
    key, mark = _mark(system)
    with ws.store.transaction() as con:
        con.execute("DELETE FROM core.meta WHERE key = ?", [key])
        con.execute("INSERT INTO core.meta VALUES (?, ?)", [key, mark])
        con.execute(
            "INSERT INTO core.systems (system, connector) SELECT $system, $connector"
            " WHERE NOT EXISTS (SELECT 1 FROM core.systems WHERE system = $system)",
            {"system": system.name, "connector": system.settings.connector},
        )
        con.execute("UPDATE core.systems SET account = ? WHERE system = ?", [identity, system.name])
