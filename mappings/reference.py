"""The reference page (docs/mapping.md) and the JSON Schema (mappings/schema.json), made from the models and transforms.

`python -m mappings.reference` writes both; a test says when they are stale.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from mappings.canonical import UNIT_COLUMNS
from mappings.rules import Example, ExampleContext, MappingFile, Require, Rule
from mappings.transforms import TRANSFORM_NAMES, transform

SCHEMA = Path(__file__).with_name("schema.json")
PAGE = Path(__file__).parent.parent / "docs" / "mapping.md"

_INTRODUCTION = """\
# Mapping files

A mapping file says how one connector's fields and the canonical ones correspond, in both directions. The shipped ones
are `mappings/*.yaml`; a file of the same name in the folder that `mappings:` names in `config.yaml` overrides them,
rule by rule by the rules' names (`null` removes one), or whole with `replaces: all`. `customer-sync mappings check`
validates the files, runs their examples, and tries the mappings on every staged record. `customer-sync mappings preview
SYSTEM` shows staged records before and after, counts what is not understood by reason, and says which records of which
system the next run would write because of the files as they are now: look at it after every edit. A rule of your own may
take a field that the shipped file passes through.

```yaml
connector: inventorum
rules:
  gender: # staff of this merchant do keep the title up to date
    canonical: gender
    transform: table
    fields: title
    options: {table: {"Mr.": male, "Mrs.": female, "Ms.": female}}
    default: [male] # `Mr.` is what a blank record has, too
```

**What is promised.** What has not changed in meaning is not rewritten: a till's own spelling stays. What was written is
read back as the same value, as far as the system can hold it. What could not be understood stays as it is and is no
opinion.

**What a record can say** about a unit: a value; `default`, a value that the vendor fills in by itself (no opinion at
first contact); empty; `absent`, the system has no such field or did not return it (no opinion, ever); or `unclear`.
A placeholder such as *Laufkunde* in a name field, and an organisation in a person's name fields, read as `default`
without a value: another till's name may take their place, and they go nowhere.
"""


def schema() -> str:
    """The JSON Schema of a mapping file, as text."""
    made = MappingFile.model_json_schema()
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    return json.dumps(made, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def page() -> str:
    """The reference page, as Markdown."""
    parts = [_INTRODUCTION, _units()]
    for title, model in (
        ("A file", MappingFile),
        ("A rule", Rule),
        ("`requires`", Require),
        ("An example", Example),
        ("`context` of an example", ExampleContext),
    ):
        parts.append(f"## {title}\n\n{model.__doc__}\n\n{_keys(model)}")
    parts.append(_transforms())
    return "\n".join(parts)


def _units() -> str:
    rows = [(f"`{unit}`", ", ".join(f"`{column}`" for column in columns)) for unit, columns in UNIT_COLUMNS.items()]
    return "## Canonical units\n\n" + _table(("Unit", "Columns of the views"), rows)


def _keys(model: type[BaseModel]) -> str:
    rows = []
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else _plain(field.get_default())
        rows.append((f"`{name}`", _kind(field.annotation), default, field.description or ""))
    return _table(("Key", "Takes", "Default", "Meaning"), rows)


def _kind(annotation: Any) -> str:
    """A type in words."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _kind(inner[0])
    if origin in (typing.Union, types.UnionType):
        words = list(dict.fromkeys(_kind(one) for one in inner))
        return "a scalar" if {"text", "number"} <= set(words) else " or ".join(words)
    if origin is Literal:
        return " or ".join(_plain(one) for one in inner)
    if origin is list:
        return f"list of {_kind(inner[0])}"
    if origin is dict:
        return f"{_kind(inner[0])} → {_kind(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {Rule: "a rule", Require: "`requires`", Example: "an example"}.get(annotation, "`context`")
    words_of = {str: "text", bool: "true or false", int: "number", float: "number", type(None): "null"}
    return words_of.get(annotation, "anything")


def _plain(value: Any) -> str:
    if isinstance(value, BaseModel):
        return f"`{value.model_dump_json()}`"
    return f"`{json.dumps(value)}`"


def _transforms() -> str:
    rows = []
    for name in TRANSFORM_NAMES:
        found = transform(name)
        roles = [
            f"`{role}` {'' if role in found.required else '(optional) '}– {about}"
            for role, about in found.roles.items()
        ]
        options = [f"`{option}` – {about.kind_name()}; {about.about}" for option, about in found.options.items()]
        units = ", ".join(f"`{unit}`" for unit in UNIT_COLUMNS if unit in found.units)
        rows.append((f"`{name}`", units, "<br>".join(roles), "<br>".join(options), found.about))
    head = ("Transform", "Units", "Roles of fields", "Options", "What it does")
    return "## Transforms\n\n" + _table(head, rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
