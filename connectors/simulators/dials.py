"""Every point that an API reference leaves open, as a setting. The default is the reading that the reference assumes.

Each vendor's "variants to exercise in tests" section is covered, dial by dial; variants that are events and not
readings (a lost reply, rows that move during a walk, a slow answer) are faults and hooks instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Dials:
    """What every till has."""

    rate_limit: int | None = None
    """Requests let in per window before 429; None: no limit."""
    rate_window_s: float = 1.0
    """Seconds of the sliding window, in real time."""
    retry_after: str | None = None
    """The Retry-After of a 429 (seconds or an HTTP date); None: no such header."""
    clock_offset_s: float = 0.0
    """How far this till's clock is ahead of the others'."""


@dataclass(frozen=True, slots=True)
class InventorumDials(Dials):
    """Section numbers are those of the Inventorum reference."""

    create_status: Literal[200, 201] = 200
    """6.1: the status of a create."""
    empty_address_members: Literal["text", "null"] = "text"
    """7.2: an empty member of an address is `""` or null."""
    blank_billing: Literal["object", "null"] = "object"
    """7.2: a customer without address has a blank one (country DE, title Mr.) or null."""
    v9_code_key: Literal["county_code", "country_code"] = "county_code"
    """3: how version 9 spells the dial code in answers."""
    v9_refused_key: Literal["county_code", "country_code"] | None = None
    """3: a spelling that version 9 refuses in requests with 400; None: both are taken."""
    default_version: int = 9
    """3: the version of a request without X-Api-Version."""
    get_one: Literal["bare", "data_object", "envelope", "wrong_envelope"] = "bare"
    """6.4: bare object, `{"data": {}}`, the list envelope with the customer, or the list envelope with another."""
    limit_over_30: Literal["clamp", "refuse"] = "clamp"
    """5: a greater `limit` is cut to 30, or refused with 400."""
    page_past_end: Literal["empty", "not_found"] = "empty"
    """5: 200 with no rows, or 404."""
    row_order: Literal["id", "newest_first", "shuffled"] = "id"
    """5: the order is unspecified; `shuffled`: another one on every request."""
    expired_status: Literal[400, 401] = 401
    """2: the status for an expired access token."""
    old_refresh_token: Literal["dies", "lives"] = "dies"  # noqa: S105 - no secret
    """2: what becomes of a refresh token once it was used."""
    refresh_refused_status: Literal[400, 401] = 400
    """2: the status of `invalid_grant`."""
    token_lifetime_s: int = 36_000
    """2: `expires_in` of a refreshed access token (of the till's clock)."""
    birthday_form: Literal["local", "Z", "+01:00", "+02:00"] = "local"
    """7.1, 10: how a birthday's instant is written in answers; `local`: Berlin's offset on that day."""
    no_phone: Literal["text", "null", "absent"] = "text"
    """7.1: how version 10 shows that there is no phone."""
    phones_in_v10: Literal["string", "list"] = "string"
    """3: `list`: answers carry `phone_numbers` in spite of version 10."""
    v10_shows: Literal["first", "last"] = "first"
    """3: which of several version 9 phones version 10 shows."""
    billing_write: Literal["replace", "merge"] = "replace"
    """6.5: what a partial `billing_address` does."""
    shipping_write: Literal["replace", "append"] = "replace"
    """6.5: what a sent `shipping_address` array does."""
    name_rule: Literal["both", "one"] = "both"
    """9: without a company, both names are needed, or one is enough."""
    channel_in_update: Literal["ignore", "refuse"] = "ignore"
    """6.5, trap 16: `channel` in an update is ignored, or a 400."""
    error_body: Literal["fields", "detail", "empty", "html"] = "fields"
    """8: the customer page's shape, the general page's, no body, or a page for people."""
    info: Literal["answers", "not_found"] = "answers"
    """0: whether `GET /info/` exists."""
    scopes: tuple[str, ...] = ("customers",)
    """2: what the token may do; without `customers` every customer call is 403."""


@dataclass(frozen=True, slots=True)
class FlowRetailDials(Dials):
    """Section numbers are those of the Flow Retail reference."""

    first_page: Literal[0, 1] = 1
    """4: the number of the first page."""
    page_zero: Literal["refuse", "empty", "first"] = "refuse"
    """4: what `pageNumber=0` gives where the first page is 1."""
    page_number: Literal["obeyed", "ignored"] = "obeyed"
    """Trap 10: `ignored`: every page is the first."""
    page_past_end: Literal["empty", "not_found", "refuse"] = "empty"
    """4: 200 with no items, 404, or 400."""
    default_page_size: int = 50
    """4: where no `pageSize` is sent."""
    max_page_size: int = 100
    """4: a greater `pageSize` is clamped silently."""
    sort: Literal["honoured", "ignored", "refused"] = "honoured"
    """4: `sortBy` sorts, does nothing, or gives 400."""
    total_count: Literal["exact", "missing", "low", "high"] = "exact"
    """4: `paging.totalCount`; `low` and `high`: an estimate, a tenth off."""
    external_id_filter: Literal["exact", "substring", "ignored"] = "exact"
    """5.1: what `customerExternalId` matches; `ignored`: everybody comes back."""
    search_combines: Literal["and", "or"] = "and"
    """5.3: several fields of one search."""
    lookup_lag_s: float = 0.0
    """Trap 5: for so long (real seconds) filters and searches do not find a new customer."""
    duplicate_external_id: Literal["allowed", "conflict"] = "allowed"
    """7: a second customer with the same `externalId`: fine, or 409."""
    unique_fields: tuple[Literal["email", "mobile", "vatNumber", "loyaltyId", "ledgerNumber"], ...] = ()
    """7: fields whose repetition is a 409."""
    validation: Literal["strict", "none"] = "strict"
    """7: well-formed e-mail, mobile of digits and `+`, two-letter country."""
    validation_status: Literal[400, 422] = 400
    """7: the status of what validation refuses."""
    person_needs: tuple[Literal["firstname", "lastname", "countryCode"], ...] = ()
    """5.2: what a private person's create must carry (the back office wants all three)."""
    mobile_form: Literal["verbatim", "compact"] = "verbatim"
    """7: `compact`: spaces, hyphens and brackets are stripped before validation."""
    clears_with: Literal["text", "null"] = "text"
    """5.6: which of `""` and null empties a field; the other one is ignored."""
    empty_form: Literal["text", "null", "missing"] = "text"
    """6.1: how an absent text value is shown."""
    private_literal: str = "PRIVATE"
    """7: the customerType of a private person."""
    chosen_uid: Literal["ignored", "taken"] = "ignored"
    """5.2: `customerUid` in a create."""
    second_delete: Literal[404, 204] = 404
    """5.7: the status of deleting what was deleted."""
    get_deleted: Literal["not_found", "gone", "shell"] = "not_found"
    """10: a deleted customer's GET gives 404, 410, or 200 with an anonymised shell."""
    nested_moves_stamp: bool = False
    """5.12: whether a change to a nested address or contact moves `lastModifiedAt`."""
    batch_form: Literal["A", "B", "C", "D"] = "A"
    """5.10: lists per operation; one flat list; only failed items; no body."""
    batch_order: Literal["kept", "reversed"] = "kept"
    """5.10: the order of results."""
    batch_status: Literal["207", "always_200"] = "207"
    """5.10, trap 1: with failed items, 207 or still 200."""
    batch_item_status: bool = True
    """5.10: False: results carry no `status`, failed ones only `error`."""
    batch_max: int = 50
    """5.10: more items are refused as a whole."""
    batch_max_status: Literal[400, 413] = 413
    """5.10: the status of that refusal."""
    batch_delete_denied: Literal["whole", "item"] = "whole"
    """2: without TENANT.BACKOFFICE a batch with deletes is 403 as a whole, or per item."""
    upsert: Literal["matches", "inserts"] = "matches"
    """5.10: upsert matches on `externalId`, or inserts a copy."""
    error_body: Literal["message", "errors", "empty", "html"] = "message"
    """8."""
    permissions: tuple[str, ...] = ("TENANT.ACCESS", "TENANT.BACKOFFICE")
    """2: what the token may do; without BACKOFFICE nothing is deleted."""
    external_search: bool = False
    """5.4: whether the tenant has the extension EXTERNAL_CUSTOMER_SEARCH."""


ALL_SCOPES = (
    "customers.list",
    "customers.get",
    "customers.write",
    "admin.write",
    "admin.restore",
    "customers.accounts.read",
    "customers.accounts.write",
    "customers.loyalty.read",
    "customers.loyalty.write",
)


@dataclass(frozen=True, slots=True)
class FoodicsDials(Dials):
    """Section numbers are those of the Foodics reference."""

    rate_window_s: float = 60.0
    """3."""
    retry_after: str | None = "60"
    """3: whole seconds."""
    rate_headers: bool = True
    """3: `x-ratelimit-limit` and `-remaining` while there is a limit."""
    updated_after: Literal["exclusive", "inclusive"] = "exclusive"
    """4: whether rows of the very second come back."""
    sort: Literal["honoured", "ignored", "refused"] = "honoured"
    """4, 5: `sort` sorts, does nothing (newest first, as without it), or gives 400."""
    descending: Literal["honoured", "refused"] = "honoured"
    """5: the minus sign of `sort`."""
    ties: Literal["stable", "shuffled"] = "stable"
    """4: rows of one second; `shuffled`: in another order on every request."""
    ignored_filters: tuple[str, ...] = ()
    """4: filters that do nothing, by name; `*`: all of them."""
    text_filter: Literal["exact", "contains"] = "exact"
    """4: how `phone` and `email` match."""
    per_page_over_50: Literal["clamp", "honour"] = "clamp"
    """5."""
    page_cap: int | None = None
    """5: no rows beyond this page."""
    past_page_cap: Literal["empty", "refuse"] = "empty"
    """5: 200 with no rows, or 400."""
    meta: Literal["full", "absent"] = "full"
    """5: whether lists carry `links` and `meta`."""
    without_is_deleted: Literal["live", "both"] = "live"
    """4: what a list without `is_deleted` shows."""
    delete_moves_updated_at: bool = False
    """6.5: also for restore."""
    get_deleted: Literal["not_found", "found"] = "not_found"
    """6.2."""
    duplicate_phone: Literal["refuse", "allow"] = "refuse"
    """8."""
    deleted_holds_phone: bool = True
    """8: whether a soft-deleted customer still keeps others from its number."""
    partial_put: Literal["accepted", "refused", "resets"] = "accepted"
    """6.4: fields left out stay, give 422 when required, or fall back to nothing when optional."""
    ungranted_fields: Literal["ignored", "refused"] = "ignored"
    """6.3: fields behind a scope that is not granted: nothing happens, or 403."""
    booleans: Literal["sample", "true", "int", "string"] = "sample"
    """7: `sample`: true and false, but 1 and 0 for is_loyalty_enabled."""
    dial_code: Literal["int", "string"] = "int"
    """7."""
    trunk_zero: Literal["kept", "stripped"] = "kept"
    """8: a leading zero of a phone that is written."""
    includes: Literal["needed", "always"] = "needed"
    """6.1: tags and addresses come only when asked for, or always."""
    create_status: Literal[200, 201] = 200
    """6: the status of a create."""
    delete_status: Literal[200, 204] = 200
    """6.5: without body either way."""
    restore_answer: Literal["empty", "no_content", "data"] = "empty"
    """6.5."""
    issues_refresh_token: bool = True
    """2: whether tokens come with a refresh token."""
    old_refresh_token: Literal["dies", "lives"] = "dies"  # noqa: S105 - no secret
    """2."""
    token_lifetime_s: int | None = 1_209_600
    """2: `expires_in` of a new access token; None: not said, and long-lived."""
    scopes: tuple[str, ...] = ALL_SCOPES
    """2: what the token may do."""
