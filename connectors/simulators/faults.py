"""What can go wrong between a till and its caller, chosen by script or by chance, the same for the same seed.

A script says: on the n-th request whose method and path match, do this. Chance is drawn per request from the seed, the
request line and how often that line was seen, so that it does not depend on the order in which concurrent requests
happen to arrive.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal["status", "reset", "hang_up", "slow", "truncated", "cut_json", "not_json", "empty"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with one request.

    status      answers `status` instead (an HTML page), with `Retry-After: retry_after` where given
    reset       the connection is reset (RST) without an answer
    hang_up     the connection is closed properly, without an answer
    slow        the answer comes `latency_s` late
    truncated   the answer breaks off in the middle: fewer bytes than its Content-Length
    cut_json    a whole HTTP answer whose JSON breaks off in the middle
    not_json    200 with an HTML page
    empty       200 with nothing in it

    `when`: `before` the till has done what was asked (which it then never does, except that `slow` does it late), or
    `after`.
    """

    kind: FaultKind
    when: Literal["before", "after"] = "before"
    status: int = 503
    retry_after: str | None = None
    latency_s: float = 0.0

    @property
    def label(self) -> str:
        """How the ledger names it: `reset:after`, `429:before`."""
        return f"{self.status if self.kind == 'status' else self.kind}:{self.when}"


TOO_MANY = Fault("status", status=429)
"""429 that does not say when to come back."""
TOO_MANY_WAIT = Fault("status", status=429, retry_after="1")
SERVER_ERROR = Fault("status", status=500)
SERVER_ERROR_AFTER = Fault("status", when="after", status=500)
UNAVAILABLE = Fault("status", status=503, retry_after="1")
RESET = Fault("reset")
RESET_AFTER = Fault("reset", when="after")
LOST_REPLY = Fault("hang_up", when="after")
TRUNCATED = Fault("truncated", when="after")
CUT_JSON = Fault("cut_json", when="after")
NOT_JSON = Fault("not_json")
NOT_JSON_AFTER = Fault("not_json", when="after")

MIXED: tuple[Fault, ...] = (
    TOO_MANY,
    SERVER_ERROR,
    SERVER_ERROR_AFTER,
    UNAVAILABLE,
    RESET,
    RESET_AFTER,
    LOST_REPLY,
    TRUNCATED,
    CUT_JSON,
    NOT_JSON,
    NOT_JSON_AFTER,
)
"""One of everything that is quick."""


@dataclass(slots=True)
class _Rule:
    fault: Fault
    method: re.Pattern[str]
    path: re.Pattern[str]
    first: int
    times: int | None
    seen: int = 0

    def hit(self, method: str, path: str) -> bool:
        if not (self.method.fullmatch(method) and self.path.search(path)):
            return False
        self.seen += 1
        return self.seen >= self.first and (self.times is None or self.seen < self.first + self.times)


@dataclass(slots=True)
class Faults:
    """The faults of one till. Changed at run time; takes effect with the next request."""

    latency_s: float = 0.0
    """Added to every answer."""
    probability: float = 0.0
    seed: int = 0
    mix: Sequence[Fault] = MIXED
    matching: str = ""
    """Chance strikes only requests whose `METHOD path` this regular expression finds."""
    _rules: list[_Rule] = field(default_factory=list)
    _met: Counter[str] = field(default_factory=Counter)

    def on(self, n: int, fault: Fault, *, method: str = ".*", path: str = "", times: int | None = 1) -> None:
        """On the `n`-th request from now (1: the next) that matches, do `fault`, and on `times - 1` more after it.

        `method` must match wholly, `path` (relative to the base URL, with `?query`) anywhere; `times=None`: for ever.
        """
        self._rules.append(_Rule(fault, re.compile(method), re.compile(path), n, times))

    def by_chance(self, probability: float, *, seed: int = 0, mix: Sequence[Fault] = MIXED, matching: str = "") -> None:
        """Let each request suffer one of `mix` with `probability`."""
        self.probability, self.seed, self.mix, self.matching = probability, seed, tuple(mix), matching
        self._met.clear()

    def clear(self) -> None:
        """Everything works again, at once."""
        self.latency_s = self.probability = 0.0
        self.matching = ""
        self._rules.clear()
        self._met.clear()

    def pick(self, method: str, path: str) -> Fault | None:
        """What goes wrong with this request: the first rule that matches, else chance."""
        # Every rule counts every request that it matches, also when an earlier rule strikes.
        hits = [rule.fault for rule in self._rules if rule.hit(method, path)]
        if hits:
            return hits[0]
        line = f"{method} {path}"
        if not self.probability or (self.matching and not re.search(self.matching, line)):
            return None
        self._met[line] += 1
        # Not for secrets: the same seed must give the same faults.
        draw = random.Random(f"{self.seed}|{line}|{self._met[line]}")  # noqa: S311
        return draw.choice(self.mix) if draw.random() < self.probability else None
