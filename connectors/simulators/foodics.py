"""Foodics v5: filtered pages of 50, whole-second stamps, soft delete and restore, scopes, and phones that are taken."""

# ruff: noqa: ARG002 - every handler takes the request and its body, whether or not it looks at them

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.simulators.foodics_rows import BEHIND_SCOPE, BOOLEANS, OPTIONAL, REQUIRED, STAMP, WRITABLE, FoodicsRows
from connectors.simulators.rows import SortedRows
from connectors.simulators.till import Payload, decode, encode, html, json
from connectors.simulators.tokens import Pair

PAGE_SIZE = 50
FILTERS = (
    "name",
    "email",
    "phone",
    "dial_code",
    "tags.id",
    "is_blacklisted",
    "is_house_account_enabled",
    "is_loyalty_enabled",
    "has_orders",
    "updated_after",
    "is_deleted",
)


class InvalidError(Exception):
    """A 422 with messages per field."""

    def __init__(self, **errors: str) -> None:
        super().__init__(", ".join(errors))
        self.errors = {name: [message] for name, message in errors.items()}


class FoodicsTill(FoodicsRows):
    """One Foodics business."""

    @property
    def routes(self) -> list[BaseRoute]:
        customers, one = "/v5/customers", "/v5/customers/{id}"
        table: list[tuple[str, str, Callable[[Request, Any], Response], Any, str]] = [
            ("POST", "/oauth/token", self._token, "auth", ""),
            ("GET", "/authorize", self._consent, "auth", ""),
            ("GET", "/v5/whoami", self._whoami, "other", "any"),
            ("GET", "/v5/settings", self._settings, "other", "any"),
            ("GET", "/v5/tags", self._list_tags, "other", "any"),
            ("GET", customers, self._list, "list", "customers.list"),
            ("POST", customers, self._post, "write", "customers.write"),
            ("GET", one, self._get, "read", "customers.get"),
            ("PUT", one, self._put, "write", "customers.write"),
            ("DELETE", one, self._delete_one, "write", "admin.write"),
            ("PUT", f"{one}/restore", self._restore, "write", "admin.restore"),
        ]
        routes: list[BaseRoute] = [
            Route(path, self._endpoint(handler, kind, scope), methods=[method])
            for method, path, handler, kind, scope in table
        ]
        methods = ["GET", "POST", "PUT", "DELETE"]
        routes.append(Route("/{path:path}", self._endpoint(self._nothing_here, "other", ""), methods=methods))
        return routes

    def refusal(self, status: int) -> Response:
        messages = {
            400: "Bad request.",
            401: "Unauthenticated.",
            403: "This action is unauthorized.",
            404: "Not found.",
            429: "Too Many Attempts.",
        }
        return json({"message": messages[status]}, status)

    def _admit(self, request: Request, scope: str) -> Response | None:
        if not scope:
            return None
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        # The word is case-sensitive here (1).
        if kind != "Bearer" or not self.tokens.accepts(token):
            return self._as_wanted(request, self.refusal(401))
        if scope != "any" and scope not in self.dials.scopes:
            return self._as_wanted(request, self.refusal(403))
        return None

    def _as_wanted(self, request: Request, response: Response) -> Response:
        """An error as a page for callers that do not ask for JSON (1)."""
        if "json" in request.headers.get("accept", ""):
            return response
        return html(response.status_code, "Error")

    def _add_limit_headers(self, response: Response) -> None:
        if self.dials.rate_limit is not None and self.dials.rate_headers:
            response.headers["x-ratelimit-limit"] = str(self.dials.rate_limit)
            response.headers["x-ratelimit-remaining"] = str(max(self.dials.rate_limit - self._used(), 0))

    def _nothing_here(self, request: Request, body: Any) -> Response:
        return self._as_wanted(request, self.refusal(404))

    def _token(self, request: Request, body: Any) -> Response:
        oauth, dials = self.oauth_credentials, self.dials
        if not isinstance(body, dict):
            return self.refusal(400)
        if (body.get("client_id"), body.get("client_secret")) != (oauth["client_id"], oauth["client_secret"]):
            return json({"error": "invalid_client", "message": "Client authentication failed"}, 401)
        pair: Pair | None = None
        if body.get("grant_type") == "authorization_code" and body.get("code") in self._codes:
            self._codes.discard(body["code"])
            pair = self.tokens.issue(dials.token_lifetime_s, with_refresh=dials.issues_refresh_token)
        elif body.get("grant_type") == "refresh_token" and dials.issues_refresh_token:
            old_dies = dials.old_refresh_token != "lives"  # noqa: S105 - a dial
            pair = self.tokens.rotate(str(body.get("refresh_token", "")), dials.token_lifetime_s, old_dies=old_dies)
        if pair is None:
            return json({"error": "invalid_grant", "message": "The provided authorization grant is invalid."}, 400)
        answer: Payload = {"token_type": "Bearer", "access_token": pair.access}
        if dials.token_lifetime_s is not None:
            answer["expires_in"] = dials.token_lifetime_s
        if pair.refresh is not None:
            answer["refresh_token"] = pair.refresh
        return json(answer)

    def _consent(self, request: Request, body: Any) -> Response:
        """The consent page, with a merchant who always says yes."""
        asked = request.query_params
        if asked.get("client_id") != self.oauth_credentials["client_id"] or "redirect_uri" not in asked:
            return html(400, "Unknown application")
        self._codes.add(self.consent_code)
        return RedirectResponse(
            f"{asked['redirect_uri']}?{urlencode({'code': self.consent_code, 'state': asked.get('state', '')})}", 302
        )

    def _whoami(self, request: Request, body: Any) -> Response:
        business = {
            "id": f"business-{self.account}",
            "name": f"Demo restaurant {self.account}",
            "reference": self._number("ref", 900_000),
        }
        user = {"id": f"user-{self.account}", "name": "Demo integration", "email": "integration@example.com"}
        return json({"data": {"business": business, "user": user, "scopes": list(self.dials.scopes)}})

    def _settings(self, request: Request, body: Any) -> Response:
        return json({"data": {"business_timezone": "Asia/Riyadh", "business_currency": "SAR"}})

    def _list_tags(self, request: Request, body: Any) -> Response:
        return json({"data": [{"id": tag, "name": name} for tag, name in self.tag_names.items()]})

    def _list(self, request: Request, body: Any) -> Response:
        dials, asked = self.dials, request.query_params
        filters = {
            name: asked[f"filter[{name}]"]
            for name in FILTERS
            if f"filter[{name}]" in asked and name not in dials.ignored_filters and "*" not in dials.ignored_filters
        }
        try:
            size = int(asked.get("per_page", PAGE_SIZE))
            page = int(asked.get("page", 1))
            sort_by, down = self._sorting(asked.get("sort"))
            if size < 1 or page < 1:
                raise InvalidError(page="The page must be at least 1.")
            size = size if size <= PAGE_SIZE or dials.per_page_over_50 == "honour" else PAGE_SIZE
            ids, total = self._selected(filters, sort_by, down, (page - 1) * size, size)
        except InvalidError as error:
            return self._unprocessable(request, error)
        except ValueError:
            return self._as_wanted(request, self.refusal(400))
        if dials.page_cap is not None and page > dials.page_cap:
            if dials.past_page_cap == "refuse":
                return self._as_wanted(request, self.refusal(400))
            ids = []
        include = set(asked.get("include", "").split(","))
        parts = [b'"data":[%b]' % b",".join(self._served(record_id, include) for record_id in ids)]
        if dials.meta == "full":
            parts += _links_and_meta(page, size, total, len(ids))
        return Response(b"{%b}" % b",".join(parts), media_type="application/json")

    def _sorting(self, sort: str | None) -> tuple[str, bool]:
        """The column and whether downwards. Raises ValueError for a sort that is refused."""
        if sort is not None and self.dials.sort == "refused":
            raise ValueError(sort)
        if sort is None or self.dials.sort == "ignored":
            return "created_at", True
        # Of several keys the first counts (4: perhaps ignored).
        name = sort.split(",", 1)[0]
        if name.startswith("-") and self.dials.descending == "refused":
            raise ValueError(sort)
        if name.removeprefix("-") not in ("created_at", "updated_at"):
            raise ValueError(sort)
        return name.removeprefix("-"), name.startswith("-")

    def _selected(
        self, filters: dict[str, str], sort_by: str, down: bool, start: int, size: int
    ) -> tuple[list[str], int]:
        """The ids of one page, and how many match in all."""
        rest = {name: value for name, value in filters.items() if name not in ("is_deleted", "updated_after")}
        after = _moment(filters["updated_after"]) if "updated_after" in filters else None
        whole = self._whole(filters)
        if (
            not rest
            and whole is not None
            and self.dials.ties == "stable"
            and (after is None or sort_by == "updated_at")
        ):
            order = whole[sort_by]
            first = 0 if after is None else order.position(after, after=self.dials.updated_after == "exclusive")
            n = len(order) - first
            stop = min(start + size, n)
            if start >= n:
                return [], n
            return (order.slice(start, stop, descending=True) if down else order.slice(first + start, first + stop)), n
        ids = self._candidates(filters, whole)
        rows = [(record_id, decode(self._rows[record_id])) for record_id in ids]
        passed = [(record_id, row) for record_id, row in rows if self._passes(record_id, row, rest, after)]
        serial: dict[str, float] = {record_id: self._serials[record_id] for record_id, _ in passed}
        if self.dials.ties == "shuffled":
            serial = {record_id: self.random.random() for record_id in serial}
        passed.sort(key=lambda pair: (pair[1][sort_by], serial[pair[0]]), reverse=down)
        return [record_id for record_id, _ in passed[start : start + size]], len(passed)

    def _whole(self, filters: dict[str, str]) -> dict[str, SortedRows] | None:
        """The live or the deleted customers, as `is_deleted` asks; None: both."""
        if "is_deleted" in filters:
            return self._dead if _truth(filters["is_deleted"]) else self._live
        return self._live if self.dials.without_is_deleted == "live" else None

    def _candidates(self, filters: dict[str, str], whole: dict[str, SortedRows] | None) -> Iterable[str]:
        ids: Iterable[str] = self._rows
        if "phone" in filters and self.dials.text_filter == "exact":
            ids = self._by_phone.of(filters["phone"])
        return ids if whole is None else [record_id for record_id in ids if record_id in whole["created_at"]]

    def _passes(self, record_id: str, row: Payload, filters: dict[str, str], after: str | None) -> bool:
        if after is not None:
            stamp = row["updated_at"]
            if not (stamp > after if self.dials.updated_after == "exclusive" else stamp >= after):
                return False
        for name, value in filters.items():
            match name:
                case "name":
                    fits = value.casefold() in row["name"].casefold()
                case "phone" | "email":
                    held = (row[name] or "").casefold()
                    fits = value.casefold() == held if self.dials.text_filter == "exact" else value.casefold() in held
                case "dial_code":
                    fits = value == str(row["dial_code"])
                case "tags.id":
                    fits = bool(set(value.split(",")) & set(self._tags.get(record_id, [])))
                case "has_orders":
                    fits = _truth(value) == bool(row["order_count"])
                case _:
                    fits = _truth(value) == bool(row[name])
            if not fits:
                return False
        return True

    def _get(self, request: Request, body: Any) -> Response:
        record_id = request.path_params["id"]
        hidden = record_id not in self._rows or (
            record_id in self._dead["created_at"] and self.dials.get_deleted == "not_found"
        )
        if hidden:
            return self._as_wanted(request, self.refusal(404))
        return self._one(request, record_id, 200)

    def _one(self, request: Request, record_id: str, status: int) -> Response:
        include = set(request.query_params.get("include", "").split(","))
        return Response(b'{"data":%b}' % self._served(record_id, include), status, media_type="application/json")

    def _post(self, request: Request, body: Any) -> Response:
        try:
            fields = self._accepted(body, required=True)
            self._check_phone(fields, None)
        except InvalidError as error:
            return self._unprocessable(request, error)
        if fields is None:
            return self._as_wanted(request, self.refusal(403))
        return self._one(request, self._create(fields), self.dials.create_status)

    def _put(self, request: Request, body: Any) -> Response:
        record_id = request.path_params["id"]
        if record_id not in self._live["created_at"]:
            return self._as_wanted(request, self.refusal(404))
        try:
            fields = self._accepted(body, required=self.dials.partial_put == "refused")
            self._check_phone(fields, record_id)
        except InvalidError as error:
            return self._unprocessable(request, error)
        if fields is None:
            return self._as_wanted(request, self.refusal(403))
        if self.dials.partial_put == "resets":
            fields = {**OPTIONAL, "tags": [], **fields}
        self._change(record_id, fields)
        return self._one(request, record_id, 200)

    def _delete_one(self, request: Request, body: Any) -> Response:
        record_id = request.path_params["id"]
        if record_id not in self._live["created_at"]:
            return self._as_wanted(request, self.refusal(404))
        self._remove(record_id)
        return Response(b"", self.dials.delete_status)

    def _restore(self, request: Request, body: Any) -> Response:
        record_id = request.path_params["id"]
        if record_id not in self._dead["created_at"]:
            return self._as_wanted(request, self.refusal(404))
        try:
            self._check_phone(decode(self._rows[record_id]), record_id, always=True)
        except InvalidError as error:
            return self._unprocessable(request, error)
        self.restore(record_id)
        match self.dials.restore_answer:
            case "empty":
                return Response(b"", 200)
            case "no_content":
                return Response(b"", 204)
            case "data":
                return self._one(request, record_id, 200)

    def _unprocessable(self, request: Request, error: InvalidError) -> Response:
        return self._as_wanted(request, json({"message": "The given data was invalid.", "errors": error.errors}, 422))

    def _accepted(self, body: Any, *, required: bool) -> Payload | None:
        """The writable fields of a body, checked; None: a field behind a missing scope, and the dial refuses that.

        `house_account_balance` stands in the vendor's samples but is not updatable: ignored like any unknown name.
        """
        if not isinstance(body, dict):
            raise InvalidError(name="The name field is required.")
        fields: Payload = {}
        for name in WRITABLE:
            if name in body:
                if name in BEHIND_SCOPE and BEHIND_SCOPE[name] not in self.dials.scopes:
                    if self.dials.ungranted_fields == "refused":
                        return None
                    continue
                fields[name] = self._valid(name, body[name])
        missing = [name for name in REQUIRED if name not in fields] if required else []
        if missing:
            raise InvalidError(**{name: f"The {name} field is required." for name in missing})
        return fields

    def _valid(self, name: str, value: Any) -> Any:
        wrong = InvalidError(**{name: f"The {name} is invalid."})
        match name:
            case "name" if isinstance(value, str) and value.strip():
                return value
            case "dial_code" if isinstance(value, int) and not isinstance(value, bool):
                return value
            case "dial_code" if isinstance(value, str) and value.isdecimal():
                return int(value)
            case "phone" if isinstance(value, str) and re.fullmatch(r"[0-9]{4,15}", value):
                return value.lstrip("0") if self.dials.trunk_zero == "stripped" else value
            case "email" if value in (None, "") or (isinstance(value, str) and re.fullmatch(r"[^@\s]+@[^@\s]+", value)):
                return value or None
            case "gender" if value in (1, 2, None) and not isinstance(value, bool):
                return value
            case "birth_date" if value in (None, ""):
                return None
            case "birth_date" if isinstance(value, str) and _is_past_date(value, self.clock.now().date()):
                return value
            case "house_account_limit" if value is None or (isinstance(value, int) and not isinstance(value, bool)):
                return value
            case "tags" if isinstance(value, list) and all(
                isinstance(t, dict) and t.get("id") in self.tag_names for t in value
            ):
                return value
        if name in BOOLEANS and value in (True, False, 1, 0, "1", "0"):
            return value in (True, 1, "1")
        raise wrong

    def _check_phone(self, fields: Payload | None, own: str | None, *, always: bool = False) -> None:
        """422 when another customer holds the number, unless the record held it before (staff may have allowed it)."""
        if self.dials.duplicate_phone == "allow" or fields is None or not {"phone", "dial_code"} & set(fields):
            return
        present = decode(self._rows[own]) if own is not None else {}
        number = {name: fields.get(name, present.get(name)) for name in ("phone", "dial_code")}
        if not always and all(present.get(name) == value for name, value in number.items()):
            return
        for other in set(self._by_phone.of(str(number["phone"]))) - {own}:
            if other in self._dead["created_at"] and not self.dials.deleted_holds_phone:
                continue
            if decode(self._rows[other])["dial_code"] == number["dial_code"]:
                raise InvalidError(phone="The phone has already been taken.")


def _truth(text: str) -> bool:
    return text in ("true", "1")


def _moment(text: str) -> str:
    """`updated_after` as a stamp; a bare date means its midnight. Raises InvalidError."""
    for form in (STAMP, "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).strftime(STAMP)
        except ValueError:
            continue
    raise InvalidError(updated_after="The updated_after is not a valid date.")


def _is_past_date(text: str, today: date) -> bool:
    try:
        return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", text)) and date.fromisoformat(text) <= today
    except ValueError:
        return False


def _links_and_meta(page: int, size: int, total: int, shown: int) -> list[bytes]:
    """Laravel's paging envelope. Links carry only `page`, on a host of their own (5, trap 4)."""
    path = "https://staging.example.net/v5/customers"
    last = max(-(-total // size), 1)
    links = {
        "first": f"{path}?page=1",
        "last": f"{path}?page={last}",
        "prev": f"{path}?page={page - 1}" if page > 1 else None,
        "next": f"{path}?page={page + 1}" if page < last else None,
    }
    first = (page - 1) * size + 1 if shown else None
    meta: Payload = {
        "current_page": page,
        "from": first,
        "last_page": last,
        "per_page": size,
        "to": first and first + shown - 1,
        "total": total,
        "path": path,
        "links": [],
    }
    return [b'"links":' + encode(links), b'"meta":' + encode(meta)]
