"""The reference page of `config.yaml`, made from the models.

`python -m pipeline.config_docs > docs/configuration.md` writes it; a test compares the two.
"""

from __future__ import annotations

import sys
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from pipeline.config import AuthConfig, Config, SystemConfig

_INTRODUCTION = """\
# config.yaml

One file describes one workspace: one merchant and the tills whose customers are kept the same. `customer-sync init`
writes a commented one to start from, and `customer-sync check` lists everything that is wrong with it at once.

* `${NAME}` reads the environment, or a file `.env` beside `config.yaml`; exported variables win.
  `${file:/run/secrets/x}` reads a mounted file. A variable that is missing or empty is an error.
* A secret written into the file itself works, and is warned about.
* Relative paths are relative to the file. Times are cron lines (`*/15 * * * *`; 0 and 7 are Sunday) or intervals
  (`every 15m`; units s, m, h, d), in the system's time zone.
* Truth values are `true` and `false`; `NO` is Norway.
* Plain `http://` addresses are accepted on this machine only, unless `allow_http` says otherwise.

<!-- Made by `python -m pipeline.config_docs`; a test compares it with the program. -->
"""

_CREDENTIALS = """
Needed are: for `inventorum` an `access_token`, or `client_id`, `client_secret` and `refresh_token` (with all four it
renews its token by itself); for `flow_retail` a `token`; for `foodics` a `token`, or `client_id`, `client_secret` and
`refresh_token`.
"""


def reference() -> str:
    """The whole page."""
    parts = [_INTRODUCTION, _section("The workspace", "", Config)]
    parts.append(_section("systems.NAME", "One account at one vendor. The name is yours.", SystemConfig))
    for name, model in _sections(SystemConfig):
        parts.append(_section(f"systems.NAME.{name}", model.__doc__ or "", model))
        if model is AuthConfig:
            parts.append(_CREDENTIALS)
    parts += [_section(name, model.__doc__ or "", model) for name, model in _sections(Config)]
    return "".join(parts)


def _sections(model: type[BaseModel]) -> list[tuple[str, type[BaseModel]]]:
    """The fields that are sections of their own, in order."""
    found = ((name, field.annotation) for name, field in model.model_fields.items())
    return [(name, kind) for name, kind in found if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _section(title: str, about: str, model: type[BaseModel]) -> str:
    rows = [
        f"| `{name}` | {_kind(field)} | {_default(field)} | {field.description} |"
        for name, field in model.model_fields.items()
        if not field.exclude
    ]
    about = f"\n{about.strip()}\n" if about else ""
    return "\n".join([f"\n## {title}", about, "| Key | Value | Default | Meaning |", "|---|---|---|---|", *rows, ""])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return ""
    value = field.default
    if value is None or value == "":
        return ""
    return f"`{_yaml(value)}`".replace("|", "\\|")


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _kind(field: FieldInfo) -> str:
    return _in_words(field.annotation)


def _in_words(kind: Any) -> str:
    """A type for people."""
    origin, inside = get_origin(kind), [part for part in get_args(kind) if part is not type(None)]
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in inside)
    if origin is list:
        return f"list of {_in_words(inside[0])}"
    if origin is dict:
        return "name → section"
    if hasattr(kind, "__metadata__"):
        return _in_words(inside[0])
    if inside:
        return _in_words(inside[0])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "section"
    names = {bool: "`true` or `false`", int: "number", float: "number", SecretStr: "secret text"}
    return names.get(kind, "text")


if __name__ == "__main__":
    sys.stdout.write(reference())
