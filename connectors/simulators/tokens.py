"""Access and refresh tokens as a vendor keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.simulators.clock import Clock


@dataclass(frozen=True, slots=True)
class Pair:
    """What a successful refresh hands out."""

    access: str
    refresh: str | None


class Tokens:
    """One account's tokens. Deterministic: the n-th pair of an account is always the same text."""

    def __init__(self, account: str, clock: Clock, *, access: str, refresh: str | None) -> None:
        self._account, self._clock = account, clock
        self._access: dict[str, datetime | None] = {access: None}
        self._refresh: set[str] = {refresh} if refresh else set()
        self.issued = 0

    def accepts(self, access: str) -> bool:
        """Whether this access token is known and not expired."""
        if access not in self._access:
            return False
        expires = self._access[access]
        return expires is None or self._clock.now() < expires

    def knows_refresh(self, refresh: str) -> bool:
        """Whether this refresh token would be taken."""
        return refresh in self._refresh

    def issue(self, ttl_s: int | None, *, with_refresh: bool = True) -> Pair:
        """A new pair, beside those that are there."""
        self.issued += 1
        pair = Pair(
            f"{self._account}-access-{self.issued}", f"{self._account}-refresh-{self.issued}" if with_refresh else None
        )
        self._access[pair.access] = None if ttl_s is None else self._clock.now() + timedelta(seconds=ttl_s)
        if pair.refresh:
            self._refresh.add(pair.refresh)
        return pair

    def rotate(self, refresh: str, ttl_s: int | None, *, old_dies: bool) -> Pair | None:
        """A new pair for a live refresh token, which then dies; None when it is not (or no longer) known."""
        if refresh not in self._refresh:
            return None
        if old_dies:
            self._refresh.discard(refresh)
        return self.issue(ttl_s)

    def expire_access(self) -> None:
        """Every access token handed out so far stops working."""
        self._access = {}

    def revoke(self) -> None:
        """The merchant took the permission away: nothing works until a person makes new tokens."""
        self._access, self._refresh = {}, set()
