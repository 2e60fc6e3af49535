"""Every problem of a configuration at once, each with file, line, key and the nearest valid name.

Field by field by the models; what concerns several fields is looked at in the raw data, so that one kind of problem
never hides another.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from pipeline.config import CONNECTORS, HIDDEN_CONNECTORS, Config
from pipeline.config_file import Document, Path_, dotted, each_value
from pipeline.errors import UserError

SYSTEM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
ONE_VENDOR_ONLY = {
    "tenant": "flow_retail",
    "batch_size": "flow_retail",
    "api_version": "inventorum",
    "options": "memory",
}
CREDENTIALS: dict[str, tuple[tuple[str, ...], ...]] = {
    "inventorum": (("access_token",), ("client_id", "client_secret", "refresh_token")),
    "flow_retail": (("token",),),
    "foodics": (("token",), ("client_id", "client_secret", "refresh_token")),
    "memory": ((),),
}
"""Connector → the sets of credentials of which one must be there."""

_PUBLIC_AUTH = {"client_id"}
_QUOTED = re.compile(r"'([^']*)'")


def checked(document: Document) -> tuple[Config, list[str]]:
    """The validated configuration and its warnings. Raises UserError with all problems, in the order of the file."""
    config: Config | None = None
    try:
        config = Config.model_validate(document.tree)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            _explain(document, item)
    for path, text in _across(document):
        document.problem(path, text)
    if document.problems or config is None:
        unique = sorted(set(document.problems))
        lines = [f"{document.file}:{line}: {key}: {text}" for line, key, text in unique]
        raise UserError(f"{document.file.name} has {len(lines)} problem{'s' if len(lines) > 1 else ''}:", lines)
    return config, _literal_secrets(document)


def nearest(name: str, known: Sequence[str]) -> str:
    """ "; did you mean 'x'?" or nothing."""
    found = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""


def is_loopback(host: str | None) -> bool:
    """Whether `host` can only be this machine."""
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _explain(document: Document, item: Any) -> None:
    """One problem that the models found, in words for a person; never quotes a value that could be secret."""
    path: Path_ = tuple(part for part in item["loc"] if part != "[key]")
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        known = _keys_at(path[:-1])
        text = f"unknown key{nearest(str(path[-1]), known)}"
        if not nearest(str(path[-1]), known):
            text += f" (known here: {', '.join(known)})"
    elif kind == "missing":
        text = "is missing"
    elif kind == "literal_error":
        value = _quotable(document, path)
        choices = _QUOTED.findall(context["expected"])
        text = f"must be {context['expected']}" + (nearest(value, choices) if value else "")
    elif kind == "value_error":
        text = str(context["error"])
        value = _quotable(document, path)
        if value:
            zones = sorted(_timezones()) if path[-1] == "timezone" else []
            text = f"{value!r} {text}{nearest_zone(value, zones)}" if text.startswith("is no") else text
    else:
        text = str(item["msg"]).replace("Input should", "should").replace("String should", "should")
    document.problem(path, text)


def nearest_zone(value: str, zones: Sequence[str]) -> str:
    """The nearest time zone, whatever the case."""
    by_lower = {zone.lower(): zone for zone in zones}
    found = difflib.get_close_matches(value.lower(), list(by_lower), n=1, cutoff=0.6)
    return f"; did you mean {by_lower[found[0]]!r}?" if found else ""


def _timezones() -> set[str]:
    from zoneinfo import available_timezones

    return available_timezones()


def _keys_at(path: Path_) -> list[str]:
    """The valid keys of the section at `path`."""
    model: Any = Config
    for part in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(str(part))
            model = field.annotation if field else None
        else:  # inside `systems`: the name of a system
            model = next((arg for arg in get_args(model) if isinstance(arg, type) and issubclass(arg, BaseModel)), None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [name for name, field in model.model_fields.items() if not field.exclude]


def _quotable(document: Document, path: Path_) -> str | None:
    """The text at `path`, when it was written literally and is no secret."""
    if path in document.references or _is_secret(path):
        return None
    value: Any = document.tree
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value if isinstance(value, str) and len(value) <= 80 else None


def _is_secret(path: Path_) -> bool:
    if path[:1] in (("encryption_key",), ("alerts",)) or path == ("daemon", "password"):
        return True
    return len(path) > 3 and path[0] == "systems" and path[2] == "auth" and path[3] not in _PUBLIC_AUTH


def _literal_secrets(document: Document) -> list[str]:
    """One warning per secret that stands in the file itself."""
    return [
        f"{document.file}:{document.line(path)}: {dotted(path)}: a secret in the file itself; "
        "put it into the environment or .env and write ${NAME} here"
        for path, value in each_value(document.tree)
        if _is_secret(path) and isinstance(value, str) and value and path not in document.references
    ]


def _across(document: Document) -> Iterator[tuple[Path_, str]]:
    """What concerns more than one field. Looks at raw data: whatever has the wrong shape was reported already."""
    systems = _mapping(document.tree.get("systems"))
    for name, raw in systems.items():
        if not SYSTEM_NAME.match(name):
            yield ("systems", name), "a system's name has letters, digits, '-', '_' and '.' only, up to 63"
        yield from _one_system(document, name, _mapping(raw))
    yield from _same_account(document, systems)
    prefer = _mapping(document.tree.get("merge")).get("prefer")
    named: set[str] = set()
    for position, name in enumerate(prefer if isinstance(prefer, list) else []):
        here: Path_ = ("merge", "prefer", position)
        if not isinstance(name, str):
            continue
        if name not in systems:
            yield here, f"there is no system {name!r}{nearest(name, [*systems])}"
        elif name in named:
            yield here, f"{name!r} is named twice"
        named.add(name)
    bundle = document.tree.get("ca_bundle")
    if isinstance(bundle, str) and not (document.file.parent / Path(bundle).expanduser()).is_file():
        yield ("ca_bundle",), "there is no file of this name"
    yield from _listen(_mapping(document.tree.get("daemon")))


def _one_system(document: Document, name: str, raw: dict[str, Any]) -> Iterator[tuple[Path_, str]]:
    here: Path_ = ("systems", name)
    connector = raw.get("connector")
    if isinstance(connector, str) and connector not in (*CONNECTORS, *HIDDEN_CONNECTORS):
        quoted = f" {connector!r}" if _quotable(document, (*here, "connector")) else ""
        hint = nearest(connector, CONNECTORS) or f" (known: {', '.join(CONNECTORS)})"
        yield (*here, "connector"), f"unknown connector{quoted}{hint}"
    if connector not in HIDDEN_CONNECTORS:
        yield from _address(raw, here)
    if connector not in CREDENTIALS:
        return
    for key, owner in ONE_VENDOR_ONLY.items():
        if raw.get(key) is not None and owner != connector:
            yield (*here, key), f"is for {owner} only" if owner in CONNECTORS else "unknown key"
    if connector == "flow_retail" and raw.get("tenant") is None:
        yield (*here, "tenant"), "is missing (the uid of your tenant in Flow Retail Admin)"
    given = {key for key, value in _mapping(raw.get("auth")).items() if value}
    if not any(given >= set(needed) for needed in CREDENTIALS[connector]):
        ways = " or ".join(", ".join(needed) for needed in CREDENTIALS[connector])
        yield (*here, "auth"), f"{connector} needs {ways}"


def _address(raw: dict[str, Any], here: Path_) -> Iterator[tuple[Path_, str]]:
    where = (*here, "base_url")
    url = raw.get("base_url")
    if url is None or url == "":
        yield where, "is missing"
        return
    if not isinstance(url, str):
        return
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        yield where, "is no address such as https://app.example.com/api"
        return
    if parts.scheme not in ("http", "https") or not host:
        yield where, "must begin with https:// and name a host"
    elif parts.username or parts.password or parts.query or parts.fragment:
        yield where, "must not carry a user, password, query or fragment; credentials belong under auth"
    elif parts.scheme == "http" and not is_loopback(host) and raw.get("allow_http") is not True:
        yield where, "http:// sends secrets and customers in clear text; write https:// (or allow_http: true beside it)"


def _same_account(document: Document, systems: dict[str, Any]) -> Iterator[tuple[Path_, str]]:
    """Two systems on one account would copy each customer onto itself."""
    seen: dict[tuple[str, str, str, str], str] = {}
    for name, raw in systems.items():
        system = _mapping(raw)
        if system.get("connector") in HIDDEN_CONNECTORS:
            continue
        place = (str(system.get("connector")), str(system.get("base_url", "")).rstrip("/").lower())
        proofs = [("tenant", system.get("tenant"))]
        proofs += [(key, value) for key, value in _mapping(system.get("auth")).items() if key in _ACCOUNT_PROOFS]
        for key, value in proofs:
            if not isinstance(value, str) or not value:
                continue
            other = seen.setdefault((*place, key, value), name)
            if other != name:
                line = document.line(("systems", other))
                yield ("systems", name), f"is the same account as {other!r} (line {line}): same base_url and {key}"
                break


_ACCOUNT_PROOFS = {"token", "access_token", "refresh_token"}
"""Credentials that belong to one account. A client id may serve many merchants."""


def _listen(daemon: dict[str, Any]) -> Iterator[tuple[Path_, str]]:
    listen = daemon.get("listen")
    if not isinstance(listen, str):
        return
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:
        yield ("daemon", "listen"), "must be address:port, such as 127.0.0.1:8080"
    elif not is_loopback(host.strip("[]")) and not daemon.get("password"):
        yield ("daemon", "listen"), "another address than loopback needs daemon.password"


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
