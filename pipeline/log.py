"""Events with keys on standard error, for people or as JSON lines; secrets and customers' values never get through.

Bind `run_id` once with `bound`; every later event of the run carries it.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

MASK = "[hidden]"

SECRET_KEYS = frozenset(
    {
        "token",
        "access_token",
        "refresh_token",
        "client_secret",
        "password",
        "authorization",
        "encryption_key",
        "auth",
        "secret",
        "cookie",
    }
)
PERSONAL_KEYS = frozenset(
    {
        "name",
        "full_name",
        "given_name",
        "middle_name",
        "family_name",
        "company",
        "email",
        "phone",
        "mobile",
        "vat_number",
        "birth_date",
    }
    | {
        "gender",
        "street",
        "address",
        "address_extra",
        "postal_code",
        "city",
        "note",
        "payload",
        "raw",
        "value",
        "values",
        "fields",
    }
    | {"paths", "record", "vendor_text", "body", "headers", "params", "url"}
)
_HIDDEN = SECRET_KEYS | PERSONAL_KEYS

_PATTERNS = (
    re.compile(r"(?i)\bbearer\s+[^\s\"',]+"),
    re.compile(r"(?i)\b(?:access_token|refresh_token|client_secret|token|password)[\"']?\s*[=:]\s*[\"']?[^\s\"',&}]+"),
    re.compile(r"[^\s@\"'<>(),:;=]+@[^\s@\"'<>(),:;]+\.[^\s@\"'<>(),:;]+"),
    re.compile(r"(?<![\w.:-])\+\d[\d ()/.-]{6,}\d"),
)
"""What a secret, an e-mail address or an international phone number looks like inside longer text."""


def mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hides values under known secret or personal keys, and whatever looks like one inside text."""
    return {key: _masked(key, value) for key, value in event.items()}


def trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: an exception becomes where it happened and what kind it is, without its words."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["exception"] = trace_of(error)
    return event


def trace_of(error: BaseException) -> str:
    """A traceback without the exceptions' own words: a library's message may quote a customer (`cannot convert 'Ana Berg'`)."""
    import traceback

    lines: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}, most recent call last:")
        lines += [
            f"  {frame.filename}:{frame.lineno} {frame.name}: {frame.line}"
            for frame in traceback.extract_tb(cause.__traceback__)
        ]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\n".join(lines)


def _masked(key: str, value: Any) -> Any:
    if key.lower() in _HIDDEN and value is not None:
        return MASK
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, Mapping):
        return {str(inner): _masked(str(inner), child) for inner, child in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked("", child) for child in value]
    return value if value is None or isinstance(value, bool | int | float) else masked_text(str(value))


def masked_text(text: str) -> str:
    """`text` without anything that looks like a secret, an e-mail address or a phone number."""
    for pattern in _PATTERNS:
        text = pattern.sub(MASK, text)
    return text


def configure(*, level: str = "info", form: str = "console", out: TextIO | None = None) -> None:
    """Set up logging for this process, ours and that of the libraries: `level` and above, to standard error."""
    import structlog

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        trace,
        mask,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=True)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=(out or sys.stderr).isatty())
    )
    number = getattr(logging, level.upper())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(out or sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    # httpx logs each URL with its query, which may hold an e-mail address: only warnings, and those masked.
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


@contextmanager
def bound(**keys: Any) -> Iterator[None]:
    """Every event inside the block carries `keys` (run_id, system)."""
    import structlog

    with structlog.contextvars.bound_contextvars(**keys):
        yield
