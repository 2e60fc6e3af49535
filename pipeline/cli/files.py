"""Where a command may put its output: never onto the workspace's own files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UserError

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.run import RunReport


def refuse_own_files(config: Config, target: Path | None) -> None:
    """Raises UserError when writing `target` would harm the workspace, or cannot work."""
    if target is None:
        return
    place = target.resolve()
    store = config.store_path.resolve()
    is_ours = place.parent == store.parent and place.name.startswith(store.stem + ".")
    if is_ours or place in {config.file.resolve(), (config.file.parent / ".env").resolve()} or store in place.parents:
        raise UserError(f"{target} belongs to the workspace itself; choose another file.")
    if not place.parent.is_dir():
        raise UserError(f"{target} cannot be written: the folder {place.parent} does not exist.")
    if place.exists() and not place.is_file():
        raise UserError(f"{target} exists and is no ordinary file.")


def save_plan(config: Config, found: RunReport, target: Path | None) -> None:
    """The plan for `apply`, at `target`."""
    if target is not None:
        from pipeline import planfile

        planfile.save(target, config.workspace, found.plan)


def save_report(config: Config, found: RunReport, target: Path | None) -> None:
    """The plan for people, at `target`."""
    if target is not None:
        from pipeline import report
        from pipeline.explain import LeftOut
        from pipeline.query import open_snapshot

        exclusions = "SELECT system, 'excluded', reason, count(*) FROM exclusions GROUP BY ALL ORDER BY ALL"
        with open_snapshot(config.store_path) as con:
            left_out = [LeftOut(*row) for row in con.execute(exclusions).fetchall()]
        report.save(target, config.workspace, found.plan, left_out, found.problems)
