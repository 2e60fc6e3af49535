"""What the engine sees of a system, and the words for it.

    RECORD      one customer as one system holds it, payload as received; its RECORD_ID is always text
    WALK        reading records page by page, whole (`full`) or from a cursor on; ends with an `End`, or raises
    CURSOR      an opaque JSON object of the connector's own making that says where the next incremental walk starts;
                built only from values received from the server, never from our clock
    WRITE       one create, update, delete or restore of one record; its KEY is the engine's intent id
    REFERENCE   our own customer id, where a system can carry one (Flow Retail's externalId)
    PATH        a field of a payload, dotted: `billing_address.city`, `phone`

A connector declares its CAPABILITIES as data and the engine branches on those, never on a name. A connector knows nothing of
matching, mapping or the store; the engine knows nothing of HTTP. Every connector passes `tests/conformance/`.
One connector object serves one account and may be used from several threads at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

Payload = dict[str, Any]
Operation = Literal["create", "update", "delete", "restore"]
Key = Literal["reference", "email", "phone", "vat_number"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a system can do. The conformance suite checks each flag against behaviour."""

    changes: Literal["cursor", "full"]
    """`cursor`: an incremental walk exists. `full`: changes are found only by a full walk and content hashes."""
    deletions: Literal["absence", "listed"]
    """`absence`: gone from full walks, then confirmed by `get`. `listed`: deleted records come in every walk with `deleted_at`."""
    stamps: bool
    """Whether records carry `updated_at`."""
    reference: bool
    """Whether a record can carry our customer id and be looked up by it."""
    find_by: frozenset[Key]
    """The keys `find` can look up by. Empty: a create needs a complete walk in the same run instead."""
    batch_size: int
    """How many writes one `write` call takes; 1: one at a time."""
    concurrency: int
    """How many `write` calls may run at once without harm to the request budget."""
    operations: frozenset[Operation]
    page_size: int
    requests_per_minute: int
    """The kind pace of the API reference; configuration overrides it."""
    unique: frozenset[Key] = frozenset()
    """Keys that only one record of the system may have: a customer whose value a relative's record holds is left out there."""
    balances: tuple[str, ...] = ()
    """Payload paths that hold money or points: a record where one is not zero is never deleted by us."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as received. `payload` is the decoded JSON object, complete and unchanged; `deleted_at` set: a soft-deleted one."""

    record_id: str
    payload: Payload
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not be understood: kept raw (text as received), with a reason code; the walk goes on."""

    record_id: str | None
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page, not seen before in this walk. `resume` continues the walk after this page in a later process, or None."""

    records: tuple[Record, ...]
    rejects: tuple[Reject, ...] = ()
    resume: dict[str, Any] | None = None
    total: int | None = None
    """How many records the system says there are (progress bars only)."""


@dataclass(frozen=True, slots=True)
class End:
    """The last item of a walk that was proved complete. `full`: every record of the system was seen, so absence means something
    (also when an incremental walk had to fall back)."""

    cursor: dict[str, Any] | None
    full: bool
    watermark: datetime | None = None
    """The cursor's time for people (`status`), where it has one."""


@dataclass(frozen=True, slots=True)
class Restart:
    """The walk had to begin again (rows moved under it): everything received so far in this walk is to be forgotten."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """`get` found that a record does not exist (any more)."""


@dataclass(frozen=True, slots=True)
class Write:
    """One change to make. `fields`: path → new value, only what differs. `present`: the payload the change was planned on.

    `watched`: the paths whose values the plan relied on; a connector that reads before it writes compares them with `present`
    and answers `moved` when one differs. `reference`: our customer id, for creates.
    """

    key: str
    operation: Operation
    record_id: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    present: Payload | None = None
    watched: frozenset[str] = frozenset()
    reference: str | None = None


Status = Literal["done", "refused", "unknown", "unsent", "moved", "gone"]


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one `Write`.

    done     the system holds it; `record` is what it returned (or what a read after it returned), where there is one
    refused  it said no (validation, duplicate, permission); `reason` is a short code such as `validation`, `phone_taken`,
             `phone_taken_deleted`, `permission`, `conflict`; `vendor_text` its own words
    unknown  it may or may not have happened (lost reply, timeout, 5xx, unreadable answer): to be looked up
    unsent   it was certainly not carried out (connection refused before sending, circuit open, 429 to the end): stays planned
    moved    not written: the record is no longer what the plan was based on; `record` is the fresh one
    gone     the record does not exist any more (404 on update or delete)
    """

    key: str
    status: Status
    record: Record | None = None
    reason: str = ""
    http_status: int | None = None
    vendor_text: str = ""
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Account:
    """Which account the credentials belong to: `identity` is stable text (tenant, business id), or None where unknowable."""

    identity: str | None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `check`. `level`: ok, warning or error. `records`: how many customers there are. No customer data, no secret."""

    level: Literal["ok", "warning", "error"]
    what: str
    hint: str = ""
    records: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a connector is made from; `auth` values are secret. `options` holds the connector's own keys (tenant, api_version)."""

    system: str
    base_url: str
    auth: Mapping[str, str]
    requests_per_minute: int | None = None
    page_size: int | None = None
    batch_size: int | None = None
    timeout_s: float = 30.0
    ca_bundle: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class TokenStore(Protocol):
    """Where rotated tokens live. `locked` is exclusive across threads and processes; `save` is durable when it returns."""

    def load(self, system: str, configured: Mapping[str, str]) -> dict[str, str]:
        """The newest tokens: the kept ones unless `configured` has changed since they were kept."""

    def save(self, system: str, configured: Mapping[str, str], tokens: Mapping[str, str]) -> None:
        """Keep `tokens` (access_token, refresh_token, expires_at …) durably, and the pair before them."""

    def locked(self, system: str) -> Any:
        """Context manager: one refresh at a time for this system, over all processes."""


class Connector(Protocol):
    """One system. Made by `connectors.open_connector`. Every method may raise `connectors.errors`."""

    capabilities: Capabilities
    volatile: frozenset[str]
    """Top-level payload keys that change without meaning anything (balances, counters, stamps): left out of content hashes."""
    documented: frozenset[str]
    """Top-level payload keys that the API reference names: others are kept, and told to people once."""

    def account(self) -> Account:
        """Who these credentials belong to; the cheapest authenticated request."""

    def check(self, *, need_write: bool, need_delete: bool) -> list[Finding]:
        """Address, credentials, permissions and API readings, without changing anything."""

    def walk(
        self, cursor: dict[str, Any] | None, *, full: bool, resume: dict[str, Any] | None = None
    ) -> Iterator[Page | Restart | End]:
        """All records (`full`, or no cursor), or those changed since `cursor`. Soft-deleted ones come too where `deletions` is
        `listed`. Ends with exactly one `End`, or raises `Incomplete`, `Unreachable`, `Refused`, `BadAnswer`."""

    def get(self, record_id: str) -> Record | Gone:
        """A fresh read of one record."""

    def find(self, key: Key, value: str) -> list[Record]:
        """Records whose field equals `value` (canonical form), verified locally; deleted ones included where readable."""

    def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out at most `batch_size` writes; exactly one result per write, correlated by key. Never raises for one write."""

    def close(self) -> None:
        """Release connections."""
