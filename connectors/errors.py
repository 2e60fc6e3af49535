"""What a connector may raise, sorted by what the caller does next.

    ConnectorError
    ├── Unreachable      this system is left for this run (no answer, 5xx to the end, circuit open); the others go on
    ├── Refused          credentials or permission: a person must act; never retried in a loop
    ├── Incomplete       a walk could not be proved complete: nothing is promoted, the cursor stays
    └── BadAnswer        the answer could not be understood as a whole page or object

A single bad record never raises: it is a `Reject` in the page. Every error carries fields, not prose, and no vendor text:
a vendor's own words may quote a customer, so they travel in `vendor_text`, which goes to the store and never to a log.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """Something between us and one system failed.

    `code` is a stable machine name ("unreachable", "token_refused"), `what` says what was tried, `endpoint` is method and path
    without query values, `hint` is the next step for a person. `str()` holds no customer data and no secret.
    """

    def __init__(
        self,
        what: str,
        *,
        code: str,
        endpoint: str = "",
        status: int | None = None,
        hint: str = "",
        vendor_text: str = "",
    ) -> None:
        self.what, self.code, self.endpoint, self.status, self.hint = what, code, endpoint, status, hint
        self.vendor_text = vendor_text
        where = f" ({endpoint}{f', HTTP {status}' if status else ''})" if endpoint else ""
        super().__init__(f"{what}{where}" + (f". {hint}" if hint else ""))


class Unreachable(ConnectorError):
    """No usable answer after all retries; try again in a later run."""


class Refused(ConnectorError):
    """The system refused our credentials or permission (401, 403, revoked refresh token)."""


class Incomplete(ConnectorError):
    """The walk ended without proof that every record was seen."""


class BadAnswer(ConnectorError):
    """The answer was not what the API reference describes, and no single record can be blamed."""
