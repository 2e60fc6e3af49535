"""Inventorum (Shore POS): pages of 30, no stamps, no search; versions 9 and 10; rotating refresh tokens."""

# ruff: noqa: ARG001, ARG002 - every handler takes the request and its body, whether or not it looks at them

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from connectors.simulators.dials import InventorumDials
from connectors.simulators.inventorum_rows import FLAGS, TEXTS, WRITABLE, InvalidError, InventorumRows, _instant
from connectors.simulators.till import Payload, decode, html, json

TITLES = ("Mr.", "Mrs.", "Ms.", "", None)
MAX_LIMIT = 30
BIRTHDAY = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z")


class InventorumTill(InventorumRows):
    """One Inventorum account."""

    @property
    def routes(self) -> list[BaseRoute]:
        customers, scope = "/api/customers", "customers"
        routes: list[BaseRoute] = [
            Route("/api/auth/token/", self._endpoint(self._refresh, "auth", ""), methods=["POST"]),
            Route("/api/info/", self._endpoint(self._info, "other", ""), methods=["GET"]),
            Route(f"{customers}/", self._endpoint(self._list, "list", scope), methods=["GET"]),
            Route(f"{customers}/", self._endpoint(self._post, "write", scope), methods=["POST"]),
            Route(f"{customers}/favourites/", self._endpoint(self._favourites, "list", scope), methods=["GET"]),
            Route(f"{customers}/{{id}}/", self._endpoint(self._get, "read", scope), methods=["GET"]),
            Route(f"{customers}/{{id}}/", self._endpoint(self._put, "write", scope), methods=["PUT"]),
            Route(f"{customers}/{{id}}/", self._endpoint(self._delete, "write", scope), methods=["DELETE"]),
        ]
        # Section 1: without the trailing slash, 301 and nothing else, whatever the method.
        methods = ["GET", "POST", "PUT", "DELETE"]
        bare = ("/api/auth/token", "/api/info", customers, f"{customers}/favourites", f"{customers}/{{id}}")
        routes += [Route(path, self._endpoint(_add_slash, "other", ""), methods=methods) for path in bare]
        routes.append(Route("/{path:path}", self._endpoint(self._nothing_here, "other", ""), methods=methods))
        return routes

    def refusal(self, status: int) -> Response:
        keys = {
            401: "common.unauthorized",
            403: "common.permission_denied",
            404: "common.unknown",
            429: "common.throttled",
        }
        return self._error(status, keys.get(status, "common.parse_error"), {}, None)

    def _admit(self, request: Request, scope: str) -> Response | None:
        if request.url.path.removesuffix("/").endswith("/auth/token") or not _ends_with_slash(request):
            return None
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not self.tokens.accepts(token):
            # Section 2: one public client knows 400 as "token expired"; then it has no field errors.
            if self.dials.expired_status == 400:
                return json({"error": "invalid_token", "error_description": "The access token expired"}, 400)
            return self.refusal(401)
        if scope and scope not in self.dials.scopes:
            return self.refusal(403)
        if scope and _version(request, self.dials) < 3:
            return self._error(400, "common.version", {}, "Unsupported API version")
        return None

    def _parse(self, request: Request, body: bytes) -> Any:
        if request.url.path.endswith("/auth/token/"):
            return {name: values[0] for name, values in parse_qs(body.decode()).items()}
        return super()._parse(request, body)

    def _error(self, status: int, key: str, fields: Mapping[str, Any], description: str | None) -> Response:
        match self.dials.error_body:
            case "fields":
                return json({"error": {"fields": fields, "description": description, "key": key}}, status)
            case "detail":
                return json({"detail": "Validation error" if status == 400 else "Error", "fields": fields}, status)
            case "empty":
                return Response(b"", status)
            case "html":
                return html(status, "Error")

    def _nothing_here(self, request: Request, body: Any) -> Response:
        return self.refusal(404)

    def _refresh(self, request: Request, body: dict[str, str]) -> Response:
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        try:
            client = base64.b64decode(secret, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            client = ""
        known = f"{self.credentials['client_id']}:{self.credentials['client_secret']}"
        if kind.lower() != "basic" or client != known:
            return json({"error": "invalid_client"}, 401)
        if body.get("grant_type") != "refresh_token":
            return json({"error": "unsupported_grant_type"}, 400)
        pair = self.tokens.rotate(
            body.get("refresh_token", ""),
            self.dials.token_lifetime_s,
            old_dies=self.dials.old_refresh_token != "lives",  # noqa: S105 - a dial
        )
        if pair is None:
            return json({"error": "invalid_grant"}, self.dials.refresh_refused_status)
        return json(
            {
                "access_token": pair.access,
                "token_type": "Bearer",
                "expires_in": self.dials.token_lifetime_s,
                "refresh_token": pair.refresh,
                "scope": " ".join(self.dials.scopes),
            }
        )

    def _info(self, request: Request, body: Any) -> Response:
        if self.dials.info == "not_found":
            return self.refusal(404)
        return json(
            {
                "account": {
                    "id": self._number("account", 90_000) + 1_000,
                    "name": f"Demo shop {self.account}",
                    "billing_address": None,
                    "shipping_address": None,
                },
                "user": {"id": self._number("user", 90_000) + 1_000, "rights": ["customers"]},
            }
        )

    def _list(self, request: Request, body: Any) -> Response:
        return self._page(request, len(self._order), self._slice)

    def _slice(self, start: int, stop: int) -> list[str]:
        if self.dials.row_order == "shuffled":
            ids = self._order.ids()
            self.random.shuffle(ids)
            return ids[start:stop]
        return self._order.slice(start, stop, descending=self.dials.row_order == "newest_first")

    def _favourites(self, request: Request, body: Any) -> Response:
        ids = sorted(self._favourite_ids, key=int)
        return self._page(request, len(ids), lambda start, stop: ids[start:stop])

    def _page(self, request: Request, total: int, cut: Any) -> Response:
        try:
            limit = int(request.query_params.get("limit", MAX_LIMIT))
            page = int(request.query_params.get("page", 1))
        except ValueError:
            return self._error(
                400, "common.serializer_error", {"limit": ["A valid integer is required"]}, "Serialization error"
            )
        if limit > MAX_LIMIT and self.dials.limit_over_30 == "refuse":
            return self._error(400, "common.serializer_error", {"limit": ["Too large"]}, "Serialization error")
        limit = min(limit, MAX_LIMIT)
        if limit < 1 or page < 1:
            return self._error(400, "common.serializer_error", {"page": ["InvalidError page"]}, "Serialization error")
        ids = cut((page - 1) * limit, page * limit)
        if not ids and page > 1 and self.dials.page_past_end == "not_found":
            return self.refusal(404)
        version = _version(request, self.dials)
        return _envelope(total, [self._served(record_id, version) for record_id in ids])

    def _get(self, request: Request, body: Any) -> Response:
        record_id = request.path_params["id"]
        if record_id not in self._rows:
            return self.refusal(404)
        version = _version(request, self.dials)
        row = self._served(record_id, version)
        match self.dials.get_one:
            case "bare":
                return _raw(row)
            case "data_object":
                return _raw(b'{"data":' + row + b"}")
            case "envelope":
                return _envelope(1, [row])
            case "wrong_envelope":
                others = [other for other in self._order.slice(0, 2) if other != record_id]
                return _envelope(len(self._order), [self._served(other, version) for other in others[:1]])

    def _post(self, request: Request, body: Any) -> Response:
        try:
            fields = self._accepted(request, body)
            if "channel" in body:
                fields["channel"] = _typed("channel", body["channel"], int)
            self._need_name({"first_name": "", "last_name": "", "company": "", **fields})
            record_id = self._create(fields)
        except InvalidError as error:
            return self._error(400, "common.serializer_error", error.messages, "Serialization error")
        return self._written_row(request, record_id, self.dials.create_status)

    def _put(self, request: Request, body: Any) -> Response:
        record_id = request.path_params["id"]
        if record_id not in self._rows:
            return self.refusal(404)
        try:
            fields = self._accepted(request, body)
            if "channel" in body and self.dials.channel_in_update == "refuse":
                raise InvalidError(channel=["Cannot be changed"])
            self._need_name({**decode(self._rows[record_id]), **fields}, only_if={*fields})
            self._change(record_id, fields)
        except InvalidError as error:
            return self._error(400, "common.serializer_error", error.messages, "Serialization error")
        return self._written_row(request, record_id, 200)

    def _delete(self, request: Request, body: Any) -> Response:
        record_id = request.path_params["id"]
        if record_id not in self._rows:
            return self.refusal(404)
        self._remove(record_id)
        return json({})

    def _written_row(self, request: Request, record_id: str, status: int) -> Response:
        """What a write answers: the customer, with the volatile `total_sales` that lists do not have (6.2)."""
        return json({**self._shown(record_id, _version(request, self.dials)), "total_sales": "0"}, status)

    def _accepted(self, request: Request, body: Any) -> Payload:
        """The writable fields of a body, checked; the other version's phone attribute and unknown names are ignored."""
        if not isinstance(body, dict):
            raise InvalidError(non_field_errors=["InvalidError data"])
        phone = "phone_number" if _version(request, self.dials) >= 10 else "phone_numbers"
        other = "phone_numbers" if phone == "phone_number" else "phone_number"
        fields = {name: body[name] for name in WRITABLE if name in body and name != other}
        for name, value in fields.items():
            if name in FLAGS:
                _typed(name, value, bool)
            elif name in TEXTS or name == "phone_number":
                _typed(name, value, str, type(None))
            elif name == "title" and value not in TITLES:
                raise InvalidError(title=[f'"{value}" is not a valid choice.'])
            elif name == "birthday" and value is not None:
                _check_birthday(value)
            elif name == "billing_address":
                _check_address(name, value)
            elif name in ("shipping_address", "phone_numbers"):
                _typed(name, value, list, type(None))
                for element in value or []:
                    _check_address(name, element)
                    if name == "phone_numbers" and self.dials.v9_refused_key in element:
                        raise InvalidError(phone_numbers=[{self.dials.v9_refused_key: ["Unknown field"]}])
        return fields

    def _need_name(self, row: Payload, only_if: set[str] | None = None) -> None:
        """Section 9. On an update only when a name is being changed: staff may have left a customer without one."""
        if only_if is not None and not only_if & {"first_name", "last_name", "company"}:
            return
        names = [bool((row[name] or "").strip()) for name in ("first_name", "last_name")]
        enough = all(names) if self.dials.name_rule == "both" else any(names)
        if not enough and not (row["company"] or "").strip():
            message = ["Name or company must be set"]
            raise InvalidError(first_name=message, last_name=message, company=message)


def _raw(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _envelope(total: int, rows: list[bytes]) -> Response:
    return _raw(b'{"total":%d,"data":[%b]}' % (total, b",".join(rows)))


def _add_slash(request: Request, body: Any) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return Response(b"", 301, headers={"Location": f"{request.url.path}/{query}"})


def _ends_with_slash(request: Request) -> bool:
    return request.url.path.endswith("/")


def _version(request: Request, dials: InventorumDials) -> int:
    """The API version asked for; 0 when it is no number."""
    header = request.headers.get("x-api-version")
    if header is None:
        return dials.default_version
    return int(header) if header.isdigit() else 0


def _typed(name: str, value: Any, *types: type) -> Any:
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise InvalidError(**{name: ["Not a valid value."]})
    return value


def _check_address(name: str, value: Any) -> None:
    _typed(name, value, dict, *([type(None)] if name == "billing_address" else []))
    for member, inner in (value or {}).items():
        if member != "id" and not isinstance(inner, str | None):
            raise InvalidError(**{name: {member: ["Not a valid string."]}})
    if (value or {}).get("title") not in TITLES:
        raise InvalidError(**{name: {"title": ["Not a valid choice."]}})


def _check_birthday(value: Any) -> None:
    try:
        valid = isinstance(value, str) and BIRTHDAY.fullmatch(value) and _instant(value)
    except ValueError:
        valid = None
    if not valid:
        raise InvalidError(birthday=["Datetime has wrong format. Use YYYY-MM-DDThh:mm:ss.uuuuuuZ."])
