"""What `customer-sync init` writes: a commented config.yaml for the three vendors, and .env.example for its secrets."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.errors import UserError

FILES = {"config.yaml": "config.yaml", ".env.example": "env.example"}
"""Name in the new folder → name here."""


def write_starter(folder: Path) -> list[Path]:
    """Write the files into `folder`, made when needed. Raises UserError, writing nothing, when one exists."""
    present = [folder / name for name in FILES if os.path.lexists(folder / name)]
    if present:
        raise UserError("Nothing was written, so that nothing is lost.", [f"{file} exists already" for file in present])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, source in FILES.items():
            text = (Path(__file__).parent / source).read_text("utf-8")
            with (folder / name).open("x", encoding="utf-8") as handle:
                handle.write(text)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from None
    return [folder / name for name in FILES]
