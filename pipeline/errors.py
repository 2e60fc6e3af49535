"""The engine's errors and exit codes (contract, section 2), sorted by what happens next.

UserError      configuration, mapping or usage: fix and run again; exit 2, nothing was read or written
SafetyStop     a limit was passed: nothing was written; exit 4
Busy           another run holds the workspace; exit 6
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class Exit(IntEnum):
    """Process exit codes. Where several apply, the first of USAGE, BUSY, SAFETY, UNREACHABLE, REJECTED wins."""

    DONE = 0
    BUG = 1
    USAGE = 2
    REJECTED = 3
    SAFETY = 4
    UNREACHABLE = 5
    BUSY = 6


class UserError(Exception):
    """Input that a person can mend. `problems` lists all of them at once, each with where it is and what to do."""

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        self.message, self.problems = message, tuple(problems)
        super().__init__("\n".join([message, *(f"  {problem}" for problem in problems)]))


class SafetyStop(Exception):
    """A run stopped before its first write. `reasons` say the numbers, examples by id, and the option that lets it pass."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n".join(reasons))


class Busy(Exception):
    """Another process holds the workspace. The message names it and since when."""
