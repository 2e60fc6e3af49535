"""Flow Retail's `POST /customers/batch`: up to four lists of items, and answers in four forms (5.10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from connectors.simulators.till import Payload, json

if TYPE_CHECKING:
    from connectors.simulators.flow_retail import FlowRetailTill

OPERATIONS = ("create", "update", "delete", "upsert")


class RefusedError(Exception):
    """A request, or one item of a batch, that the till does not carry out."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def batch_answer(till: FlowRetailTill, body: Any) -> Response:
    """Carry out each item by itself (not atomic) and answer as the dials say."""
    if not isinstance(body, dict) or not all(isinstance(body.get(name, []), list) for name in OPERATIONS):
        return till.refusal(400)
    dials = till.dials
    work = [(name, item) for name in OPERATIONS for item in body.get(name, [])]
    if len(work) > dials.batch_max:
        return till.error(dials.batch_max_status, f"at most {dials.batch_max} items")
    denied = "TENANT.BACKOFFICE" not in dials.permissions
    if denied and dials.batch_delete_denied == "whole" and body.get("delete"):
        return till.refusal(403)
    results = [(name, _carry_out(till, name, item, denied)) for name, item in work]
    failed = any("error" in result for _, result in results)
    if not dials.batch_item_status:
        results = [(name, {key: value for key, value in result.items() if key != "status"}) for name, result in results]
    if dials.batch_order == "reversed":
        results.reverse()
    status = 207 if failed and dials.batch_status == "207" else 200
    match dials.batch_form:
        case "A":
            return json(_by_operation(results, list(body)), status)
        case "B":
            return json({"items": [{"operation": name, **result} for name, result in results]}, status)
        case "C":
            return json(_by_operation([pair for pair in results if "error" in pair[1]], []), status)
        case "D":
            return Response(b"", status)


def _by_operation(results: list[tuple[str, Payload]], names: list[str]) -> Payload:
    lists: dict[str, list[Payload]] = {name: [] for name in names if name in OPERATIONS}
    for name, result in results:
        lists.setdefault(name, []).append(result)
    return lists


def _carry_out(till: FlowRetailTill, name: str, item: Any, denied: bool) -> Payload:
    """Do one item; its result, with `error` when it failed."""
    named = {key: item[key] for key in ("customerUid", "externalId") if isinstance(item, dict) and key in item}
    try:
        if not isinstance(item, dict):
            raise RefusedError(400, "not an object")
        if name == "delete" and denied:
            raise RefusedError(403, "forbidden")
        actions: dict[str, Callable[[], tuple[int, str]]] = {
            "create": lambda: (201, till.api_create(item)),
            "update": lambda: (200, _updated(till, item)),
            "delete": lambda: (204, _deleted(till, item)),
            "upsert": lambda: _upserted(till, item),
        }
        status, uid = actions[name]()
    except RefusedError as error:
        return {"status": error.status, **named, "error": {"message": error.message}}
    external_id = {} if name == "delete" else {"externalId": till.customer(uid)["externalId"]}
    return {"status": status, "customerUid": uid, **external_id}


def _updated(till: FlowRetailTill, item: Payload) -> str:
    till.api_update(item.get("customerUid"), item)
    return str(item["customerUid"])


def _deleted(till: FlowRetailTill, item: Payload) -> str:
    till.api_delete(item.get("customerUid"))
    return str(item["customerUid"])


def _upserted(till: FlowRetailTill, item: Payload) -> tuple[int, str]:
    uid, new = till.api_upsert(item)
    return (201 if new else 200), uid
