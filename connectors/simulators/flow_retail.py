"""Flow Retail v2: customers under a tenant, sortable pages, search, `externalId`, and a batch with 200 and 207."""

# ruff: noqa: ARG002 - every handler takes the request and its body, whether or not it looks at them

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from connectors.simulators.dials import FlowRetailDials
from connectors.simulators.flow_batch import RefusedError, batch_answer
from connectors.simulators.flow_retail_rows import INDEXED, TEXTS, WRITABLE, FlowRetailRows
from connectors.simulators.till import Payload, decode, encode, html, json

SEARCHED = ("firstname", "lastname", "city", "postalCode", "companyName", "mobile", "email", "vatNumber")
FORMATS = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+"),
    "mobile": re.compile(r"[+\d]+"),
    "countryCode": re.compile(r"[A-Za-z]{2}"),
    "ledgerNumber": re.compile(r"\d+"),
    "pricelistUid": re.compile(r"[A-Za-z0-9\-_]*"),
    "defaultStoreUid": re.compile(r"[A-Za-z0-9\-_]+"),
}
ACCESS = "TENANT.ACCESS"
BACKOFFICE = "TENANT.BACKOFFICE"


class FlowRetailTill(FlowRetailRows):
    """One Flow Retail tenant; the account is the tenant uid."""

    @property
    def routes(self) -> list[BaseRoute]:
        tenant = "/v2/tenants/{tenant}"
        customers = f"{tenant}/customers"
        one = f"{customers}/{{uid}}"
        table: list[tuple[str, str, Callable[[Request, Any], Response], Any, str]] = [
            ("GET", customers, self._list, "list", ACCESS),
            ("POST", customers, self._post, "write", ACCESS),
            ("POST", f"{customers}/search", self._search, "list", ACCESS),
            ("POST", f"{customers}/search/external", self._search_external, "read", ACCESS),
            ("POST", f"{customers}/batch", self._batch, "write", ACCESS),
            ("GET", one, self._get, "read", ACCESS),
            ("PUT", one, self._put, "write", ACCESS),
            ("DELETE", one, self._delete_one, "write", BACKOFFICE),
            ("GET", f"{one}/export", self._export, "read", ACCESS),
            ("POST", f"{one}/extensions/{{code}}", self._add_extension, "write", ACCESS),
            ("DELETE", f"{one}/extensions/{{code}}", self._drop_extension, "write", ACCESS),
            ("GET", f"{tenant}/stores/{{store}}/customers/{{uid}}", self._store_view, "read", ACCESS),
        ]
        for nested in ("addresses", "contacts"):
            table += [
                ("GET", f"{one}/{nested}", self._nested_list, "read", ACCESS),
                ("POST", f"{one}/{nested}", self._nested_add, "write", ACCESS),
                ("GET", f"{one}/{nested}/{{inner}}", self._nested_get, "read", ACCESS),
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
            400: "bad request",
            401: "unauthorized",
            403: "forbidden",
            404: "not found",
            410: "gone",
            429: "slow down",
        }
        return self.error(status, messages.get(status, "error"))

    def error(self, status: int, message: str) -> Response:
        """An error body as the dial says; the reference documents none (section 8)."""
        match self.dials.error_body:
            case "message":
                return json({"message": message}, status)
            case "errors":
                return json({"errorCode": f"E{status}", "errors": [{"message": message}]}, status)
            case "empty":
                return Response(b"", status)
            case "html":
                return html(status, message)

    def _admit(self, request: Request, scope: str) -> Response | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or token not in self.tokens:
            return self.refusal(401)
        if scope and (
            request.path_params.get("tenant") != self.tenant or not {ACCESS, scope} <= {*self.dials.permissions}
        ):
            return self.refusal(403)
        return None

    def _nothing_here(self, request: Request, body: Any) -> Response:
        return self.refusal(404)

    def _list(self, request: Request, body: Any) -> Response:
        wanted = request.query_params.get("customerExternalId")
        if wanted is None or self.dials.external_id_filter == "ignored":
            return self._page(request, None)
        if self.dials.external_id_filter == "exact":
            held = self._by_value["externalId"].of(wanted.casefold())
            chosen = [uid for uid in held if decode(self._rows[uid])["externalId"] == wanted]
        else:
            chosen = [uid for uid in self._rows if wanted in decode(self._rows[uid])["externalId"]]
        return self._page(request, self._visible(chosen))

    def _visible(self, uids: Iterable[str]) -> list[str]:
        """Those of `uids` that filters and searches find already."""
        horizon = time.monotonic() - self.dials.lookup_lag_s
        return [uid for uid in uids if self._born.get(uid, 0.0) <= horizon]

    def _search(self, request: Request, body: Any) -> Response:
        if not isinstance(body, dict):
            return self.refusal(400)
        exact = body.get("exactMatch") is True
        named = {name: str(body[name]) for name in ("mobile", "email", "vatNumber") if body.get(name)}
        tests = [self._holders([name], value, exact) for name, value in named.items()]
        if body.get("query"):
            tests.append(self._holders([name for name in SEARCHED if name not in named], str(body["query"]), exact))
        if body.get("createdAt"):
            position = self._created.position(str(body["createdAt"]), after=False)
            tests.append(set(self._created.slice(position, len(self._created))))
        if body.get("storeUid"):
            tests.append({uid for uid in self._rows if decode(self._rows[uid])["defaultStoreUid"] == body["storeUid"]})
        if not tests:
            return self._page(request, None)
        chosen = set.intersection(*tests) if self.dials.search_combines == "and" else set.union(*tests)
        return self._page(request, self._visible(chosen))

    def _holders(self, names: list[str], value: str, exact: bool) -> set[str]:
        needle = value.casefold()
        if exact and all(name in INDEXED for name in names):
            return {uid for name in names for uid in self._by_value[name].of(needle)}
        found = set()
        for uid, raw in self._rows.items():
            row = decode(raw)
            texts = [row[name].casefold() for name in names]
            if any(needle == text if exact else needle in text for text in texts):
                found.add(uid)
        return found

    def _search_external(self, request: Request, body: Any) -> Response:
        if not self.dials.external_search:
            return self.refusal(403)
        return json({"items": [], "paging": {"pageNumber": self.dials.first_page, "pageSize": 50, "totalCount": 0}})

    def _page(self, request: Request, chosen: list[str] | None) -> Response:
        """One page of everybody (None) or of the chosen, in the order asked for."""
        dials, asked = self.dials, request.query_params
        try:
            size = int(asked.get("pageSize", dials.default_page_size))
            number = int(asked.get("pageNumber", dials.first_page))
        except ValueError:
            return self.refusal(400)
        size = min(size, dials.max_page_size)
        if size < 1 or number < 0:
            return self.refusal(400)
        if number == 0 and dials.first_page == 1:
            if dials.page_zero == "refuse":
                return self.refusal(400)
            if dials.page_zero == "empty":
                return self._envelope([], 0, size, len(self._rows))
        index = max(number - dials.first_page, 0)
        start = 0 if dials.page_number == "ignored" else index * size
        try:
            uids, total = self._ordered(asked.get("sortBy"), asked.get("sortDirection", "ASC"), chosen, start, size)
        except RefusedError as error:
            return self.error(error.status, error.message)
        if not uids and index > 0 and dials.page_past_end != "empty":
            return self.refusal(404 if dials.page_past_end == "not_found" else 400)
        return self._envelope(uids, number, size, total)

    def _ordered(
        self, sort_by: str | None, direction: str, chosen: list[str] | None, start: int, size: int
    ) -> tuple[list[str], int]:
        """The uids of one page, and how many there are in all."""
        if sort_by is not None and self.dials.sort == "refused":
            raise RefusedError(400, f"cannot sort by {sort_by}")
        if direction not in ("ASC", "DESC"):
            raise RefusedError(400, "sortDirection must be ASC or DESC")
        if sort_by is None or self.dials.sort == "ignored":
            sort_by, direction = "createdAt", "ASC"
        orders = {"createdAt": self._created, "lastModifiedAt": self._modified}
        down = direction == "DESC"
        if chosen is None and sort_by in orders:
            return orders[sort_by].slice(start, start + size, descending=down), len(self._rows)
        if sort_by not in (*TEXTS, *orders, "customerUid", "displayName"):
            raise RefusedError(400, f"cannot sort by {sort_by}")
        keyed = [
            (decode(self._rows[uid])[sort_by], self._serials[uid], uid)
            for uid in (self._rows if chosen is None else chosen)
        ]
        ordered = [uid for *_, uid in sorted(keyed, reverse=down)]
        return ordered[start : start + size], len(ordered)

    def _envelope(self, uids: list[str], number: int, size: int, total: int) -> Response:
        paging: Payload = {"pageNumber": number, "pageSize": size}
        match self.dials.total_count:
            case "exact":
                paging["totalCount"] = total
            case "low":
                paging["totalCount"] = total - total // 10
            case "high":
                paging["totalCount"] = total + total // 10 + 1
        items = b",".join(self._served(uid) for uid in uids)
        return Response(b'{"items":[%b],"paging":%b}' % (items, encode(paging)), media_type="application/json")

    def _get(self, request: Request, body: Any) -> Response:
        uid = request.path_params["uid"]
        if uid in self._rows:
            return Response(self._served(uid), media_type="application/json")
        if uid in self._gone and self.dials.get_deleted == "gone":
            return self.refusal(410)
        if uid in self._gone and self.dials.get_deleted == "shell":
            stamp = self._stamp(self.clock.now())
            texts = dict.fromkeys(TEXTS, "")
            return json(
                {
                    "customerUid": uid,
                    "customerType": self.dials.private_literal,
                    **texts,
                    "displayName": "",
                    "createdAt": stamp,
                    "lastModifiedAt": stamp,
                    "addresses": [],
                    "contacts": [],
                    "extensions": [],
                    "consents": [],
                    "credit": {"limit": 0, "balance": 0},
                    "accountManager": None,
                }
            )
        return self.refusal(404)

    def _export(self, request: Request, body: Any) -> Response:
        uid = request.path_params["uid"]
        if uid not in self._rows:
            return self.refusal(404)
        return json({"customer": decode(self._rows[uid]), "orders": [], "exportedAt": self._stamp(self.clock.now())})

    def _store_view(self, request: Request, body: Any) -> Response:
        uid = request.path_params["uid"]
        if uid not in self._rows:
            return self.refusal(404)
        return json(
            {**self._shown(decode(self._rows[uid])), "storeUid": request.path_params["store"], "storeDetails": {}}
        )

    def _post(self, request: Request, body: Any) -> Response:
        try:
            uid = self.api_create(body)
        except RefusedError as error:
            return self.error(error.status, error.message)
        return json(self._shown(decode(self._rows[uid])), 201)

    def _put(self, request: Request, body: Any) -> Response:
        uid = request.path_params["uid"]
        try:
            self.api_update(uid, body)
        except RefusedError as error:
            return self.error(error.status, error.message)
        return json(self._shown(decode(self._rows[uid])))

    def _delete_one(self, request: Request, body: Any) -> Response:
        try:
            self.api_delete(request.path_params["uid"])
        except RefusedError as error:
            return self.error(error.status, error.message)
        return Response(b"", 204)

    def _batch(self, request: Request, body: Any) -> Response:
        return batch_answer(self, body)

    def api_create(self, body: Any) -> str:
        """Create by the API; the new uid. Raises RefusedError."""
        fields = self._accepted(body)
        if not isinstance(body, dict):
            raise RefusedError(400, "not an object")
        person = fields.get("customerType") != "COMPANY"
        missing = [name for name in self.dials.person_needs if person and not fields.get(name)]
        if missing:
            raise RefusedError(self.dials.validation_status, f"{', '.join(missing)} required")
        self._check_unique(fields, None)
        if self.dials.chosen_uid == "taken" and isinstance(body.get("customerUid"), str):
            if body["customerUid"] in self._rows:
                raise RefusedError(409, "customerUid exists")
            fields["customerUid"] = body["customerUid"]
        return self._create(fields)

    def api_update(self, uid: Any, body: Any) -> None:
        """Update by the API. Raises RefusedError."""
        if uid not in self._rows:
            raise RefusedError(404, "not found")
        fields = self._accepted(body)
        self._check_unique(fields, uid)
        self._change(uid, fields)

    def api_delete(self, uid: Any) -> None:
        """Delete by the API. Raises RefusedError."""
        if uid not in self._rows:
            if uid in self._gone and self.dials.second_delete == 204:
                return
            raise RefusedError(404, "not found")
        self._remove(uid)

    def api_upsert(self, body: Any) -> tuple[str, bool]:
        """Create or update by the API; the uid and whether it is new. Raises RefusedError."""
        if not isinstance(body, dict):
            raise RefusedError(400, "not an object")
        if self.dials.upsert == "matches":
            uid = body.get("customerUid")
            held = self._by_value["externalId"].of(str(body.get("externalId") or "").casefold())
            uid = uid if uid in self._rows else min(held, key=self._serials.__getitem__, default=None)
            if uid is not None:
                self.api_update(uid, body)
                return uid, False
        return self.api_create(body), True

    def _accepted(self, body: Any) -> Payload:
        """The writable fields of a request body, checked; unknown keys are ignored (trap 11)."""
        if not isinstance(body, dict):
            raise RefusedError(400, "not an object")
        dials, fields = self.dials, {}
        for name in WRITABLE:
            if name not in body:
                continue
            value = body[name]
            if name in TEXTS:
                if (value is None) if dials.clears_with == "text" else (value == ""):
                    continue
                value = "" if value is None else value
                if isinstance(value, str) and name == "mobile" and dials.mobile_form == "compact":
                    value = re.sub(r"[\s()\-]", "", value)
            if not _fits(name, value, dials):
                raise RefusedError(dials.validation_status, f"{name} is not valid")
            fields[name] = value
        return fields

    def _check_unique(self, fields: Payload, own: str | None) -> None:
        names = (*self.dials.unique_fields, *(["externalId"] if self.dials.duplicate_external_id == "conflict" else []))
        for name in names:
            if fields.get(name) and set(self._by_value[name].of(fields[name].casefold())) - {own}:
                raise RefusedError(409, f"{name} is taken")

    def _add_extension(self, request: Request, body: Any) -> Response:
        return self._extension(
            request, body, [{"extensionCode": request.path_params["code"], "organizationUid": ""}], 200
        )

    def _drop_extension(self, request: Request, body: Any) -> Response:
        return self._extension(request, body, [], 204)

    def _extension(self, request: Request, body: Any, added: list[Payload], status: int) -> Response:
        uid, code = request.path_params["uid"], request.path_params["code"]
        if uid not in self._rows:
            return self.refusal(404)
        if code != "TWO_INVOICE" or not isinstance(body, dict) or not body.get("storeUid"):
            return self.refusal(400)
        kept = [e for e in decode(self._rows[uid])["extensions"] if e["extensionCode"] != code]
        row = self._change(uid, {"extensions": kept + added})
        return Response(b"", 204) if status == 204 else json(self._shown(row))

    def _nested_list(self, request: Request, body: Any) -> Response:
        uid, nested = request.path_params["uid"], _nested(request)
        if uid not in self._rows:
            return self.refusal(404)
        items = decode(self._rows[uid])[nested]
        return json({"items": items, "paging": {"pageNumber": 1, "pageSize": 50, "totalCount": len(items)}})

    def _nested_get(self, request: Request, body: Any) -> Response:
        uid, nested = request.path_params["uid"], _nested(request)
        items = decode(self._rows[uid])[nested] if uid in self._rows else []
        found = [item for item in items if request.path_params["inner"] in item.values()]
        return json(found[0]) if found else self.refusal(404)

    def _nested_add(self, request: Request, body: Any) -> Response:
        uid, nested = request.path_params["uid"], _nested(request)
        if uid not in self._rows:
            return self.refusal(404)
        if not isinstance(body, dict):
            return self.refusal(400)
        if nested == "addresses":
            valid = body.get("type") in ("DELIVERY_ADDRESS", "INVOICE_ADDRESS")
            key = "customerAddressUid"
        else:
            valid, key = bool(body.get("firstname") and body.get("lastname")), "customerContactUid"
        if not valid:
            return self.refusal(self.dials.validation_status)
        item = {key: f"n-{self._next_serial()}", **body}
        row = decode(self._rows[uid])
        stamp = row["lastModifiedAt"]
        fields = {nested: [*row[nested], item]}
        if not self.dials.nested_moves_stamp:
            fields["lastModifiedAt"] = stamp
        self._change(uid, fields)
        return json(item)


def _nested(request: Request) -> str:
    return "addresses" if "/addresses" in request.url.path else "contacts"


def _fits(name: str, value: Any, dials: FlowRetailDials) -> bool:
    match name:
        case "customerType":
            return value in ("COMPANY", dials.private_literal)
        case "paymentTerms":
            return isinstance(value, int) and not isinstance(value, bool)
        case "ehfEnabled":
            return isinstance(value, bool)
        case "ehf":
            return isinstance(value, dict)
        case "customerGroupUids":
            return isinstance(value, list) and all(isinstance(uid, str) for uid in value)
    if not isinstance(value, str):
        return False
    pattern = FORMATS.get(name)
    needed = dials.validation == "strict" and pattern is not None and (value != "" or name == "defaultStoreUid")
    return not needed or pattern is None or bool(pattern.fullmatch(value))
