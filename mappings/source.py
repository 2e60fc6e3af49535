"""Mapping files as text: YAML with the line of every key, validated, its problems said with file, line and field."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from mappings.rules import Example, MappingFile, Require, Rule

Loc = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where PyYAML was built with libyaml


@dataclass
class Source:
    """One file: its name for messages, the line of every key and item, and the problems found in it.

    `incomplete`: parts with problems were left out, so that what refers to them is not complained of as well.
    """

    name: str
    incomplete: bool = False
    lines: dict[Loc, int] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def line(self, loc: Loc) -> int:
        """The line of a place in the file, or of the nearest place around it that has one."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1)

    def where(self, loc: Loc) -> str:
        """`file:line: field`, as messages begin."""
        return f"{self.name}:{self.line(loc)}: {'.'.join(map(str, loc)) or 'file'}"

    def complain(self, loc: Loc, what: str, given: str | None = None, valid: Iterable[str] = ()) -> None:
        """Note a problem; with what was given and what would be valid, the nearest valid name is named."""
        near = difflib.get_close_matches(str(given), list(valid), n=1, cutoff=0.5) if given is not None else []
        hint = f"; did you mean {near[0]!r}?" if near else ""
        self.problems.append((self.line(loc), f"{self.where(loc)}: {what}{hint}"))

    def take(self) -> list[str]:
        """The problems so far, in the order of their lines; the source forgets them."""
        found = [text for _, text in sorted(self.problems, key=lambda problem: problem[0])]
        self.problems.clear()
        return found


def parse_file(path: Path, source: Source) -> MappingFile | None:
    """One file as a model, or None when it cannot be one; what is wrong is noted in `source`.

    A file with problems comes without the parts that have them, so that the others' problems are found in the same go.
    """
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        source.problems.append((line, f"{source.name}:{line}: file: not YAML: {error.problem}"))
        return None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        source.complain((), f"cannot be read: {type(error).__name__}")
        return None
    data = _plain(node, (), source) if node is not None else {}
    if source.problems:
        return None
    try:
        parsed = MappingFile.model_validate(data)
    except ValidationError as error:
        _explain(error, source)
        source.incomplete = True
        try:
            parsed = MappingFile.model_validate(_without(data, error))
        except ValidationError:
            return None
    if parsed.connector != path.stem:
        source.complain(("connector",), f"is {parsed.connector!r}, but the file is named {path.name!r}")
    return parsed


def _plain(node: yaml.Node, loc: Loc, source: Source) -> Any:
    """The node as plain data, noting every key's and item's line, and complaining of keys that stand twice."""
    source.lines.setdefault(loc, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = _scalar(key_node)
            at = (*loc, key if isinstance(key, str | int) and not isinstance(key, bool) else str(key))
            source.lines[at] = key_node.start_mark.line + 1
            if key in found:
                source.complain(at, "stands twice")
            found[key] = _plain(value_node, at, source)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*loc, place), source) for place, item in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    if node.tag == "tag:yaml.org,2002:str":
        return node.value
    try:
        value = yaml.constructor.SafeConstructor().construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError):  # a tag of somebody's own, a date of the thirteenth month: text to us
        return str(node.value)
    return value if isinstance(value, str | int | float | bool | None) else str(node.value)


def _explain(error: ValidationError, source: Source) -> None:
    """Pydantic's findings in our words, once per place."""
    found = [(tuple(part for part in one["loc"] if not _is_union_branch(part)), one) for one in error.errors()]
    said: set[Loc] = set()
    # A union complains once per branch: what is wrong inside the branch that was meant says more than "another type".
    for loc, one in sorted(found, key=lambda pair: pair[1]["type"].endswith("_type")):
        if any(place[: len(loc)] == loc for place in said):
            continue
        said.add(loc)
        if one["type"] == "extra_forbidden":
            source.complain(loc, "is no key of a mapping file here", str(loc[-1]), _keys_at(loc))
        else:
            source.complain(loc, one["msg"].lower())


def _without(data: Any, error: ValidationError) -> Any:
    """The data without what pydantic complained of: an unknown key alone, else the whole rule, example or requirement."""
    found = {
        loc if one["type"] == "extra_forbidden" else loc[:2] if loc[0] in _MODELS else loc[:1]
        for one in error.errors()
        if (loc := tuple(part for part in one["loc"] if not _is_union_branch(part)))
    }
    for loc in sorted(found, key=lambda loc: [(isinstance(part, str), part) for part in loc], reverse=True):
        level = data
        try:
            for part in loc[:-1]:
                level = level[part]
            del level[loc[-1]]
        except (KeyError, IndexError, TypeError):  # inside a part that is gone already
            continue
    return data


def _is_union_branch(part: str | int) -> bool:
    return isinstance(part, str) and (part in ("str", "int", "float", "bool", "constrained-str", "Rule") or "[" in part)


_MODELS: dict[str, type[BaseModel]] = {"rules": Rule, "examples": Example, "requires": Require}


def _keys_at(loc: Loc) -> set[str]:
    """The keys that would be valid beside the last part of `loc`."""
    if len(loc) == 1:
        return set(MappingFile.model_fields)
    model = _MODELS.get(str(loc[0]))
    return set(model.model_fields) if model is not None and len(loc) == 3 else set()
