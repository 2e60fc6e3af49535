"""A YAML file as plain data that remembers its lines: what `config.py` checks.

Reads YAML 1.2 booleans only (`NO` is Norway, `on` is a key), refuses duplicate keys, anchors that grow without end and
files too large to be a configuration; fills in `${NAME}` and `${file:…}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UserError

Path_ = tuple[str | int, ...]
"""Where a value is in the document: keys and list positions from the top."""

MAX_BYTES = 256 * 1024
MAX_VALUES = 20_000
"""Values after aliases were followed; a merchant's file has a few hundred."""
MAX_SECRET_BYTES = 64 * 1024

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(slots=True)
class Document:
    """One file. `lines`: the line of each key or list item; `references`: paths whose value came from outside."""

    file: Path
    tree: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path_, int] = field(default_factory=dict)
    references: set[Path_] = field(default_factory=set)
    unresolved: set[Path_] = field(default_factory=set)
    """The references that could not be filled in: what else is wrong there is only a consequence."""
    secret_files: set[Path] = field(default_factory=set)
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    """(line, dotted key, what is wrong)"""

    def line(self, path: Path_) -> int:
        """The line of the value at `path`, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: Path_, text: str) -> None:
        """Note something that is wrong at `path`, unless it only follows from a variable that is missing there."""
        if not any(missing[: len(path)] == path for missing in self.unresolved):
            self.problems.append((self.line(path), dotted(path), text))


def dotted(path: Path_) -> str:
    """The path as people write it: `systems.berlin.only.country[1]`."""
    text = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


class _Loader(yaml.SafeLoader):
    """Safe YAML with the scalars of YAML 1.2: true, false, null, numbers, and everything else text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  PyYAML's own attribute


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?\Z"), list("-+0123456789")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"<<\Z"), ["<"])


def read_document(file: Path) -> Document:
    """The file as data with lines. Raises UserError when it is missing, unreadable or not YAML at all."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise UserError(
            f"{file} does not exist.", ["write one with `customer-sync init`, or name another with --config"]
        ) from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from None
    if len(content) > MAX_BYTES:
        raise UserError(f"{file} is {len(content)} bytes long; a configuration has at most {MAX_BYTES}.")
    document = Document(file)
    try:
        loader = _Loader(content.decode("utf-8-sig"))
        root = loader.get_single_node()
        if root is None:
            raise UserError(f"{file} is empty.", ["write one with `customer-sync init` in another folder, and compare"])
        tree = _Builder(document, loader).build(root, ())
    except UnicodeDecodeError:
        raise UserError(f"{file} is not UTF-8 text.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise UserError(f"{where}: not valid YAML: {error.problem or error.context}.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{file}: not valid YAML: {str(error).splitlines()[0]}.") from None
    except ValueError:  # a number with thousands of digits
        raise UserError(f"{file}: holds a number that is too long.") from None
    except RecursionError:
        raise UserError(f"{file}: nested too deeply.") from None
    if not isinstance(tree, dict):
        raise UserError(f"{file}: expected keys and values at the top, such as `workspace: acme`.")
    document.tree = tree
    return document


class _Builder:
    """Turns YAML nodes into data, counting values so that aliases cannot multiply without end."""

    def __init__(self, document: Document, loader: yaml.SafeLoader) -> None:
        self.document, self.loader, self.values = document, loader, 0
        self.open: set[int] = set()

    def build(self, node: yaml.Node, path: Path_) -> Any:
        self.values += 1
        if self.values > MAX_VALUES or id(node) in self.open:
            raise UserError(
                f"{self.document.file}:{node.start_mark.line + 1}: anchors and aliases make this file grow without end."
            )
        if isinstance(node, yaml.ScalarNode):
            return self.loader.construct_object(node)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._item(child, (*path, position)) for position, child in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self.open.discard(id(node))

    def _item(self, node: yaml.Node, path: Path_) -> Any:
        self.document.lines[path] = node.start_mark.line + 1
        return self.build(node, path)

    def _mapping(self, node: yaml.Node, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        inherited: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                inherited |= self._merged(value_node, path)
                continue
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            here = (*path, key)
            line = key_node.start_mark.line + 1
            if key in result:
                first = self.document.lines[here]
                self.document.problems.append((line, dotted(here), f"given twice; the first is on line {first}"))
                continue
            self.document.lines[here] = line
            result[key] = self.build(value_node, here)
        return inherited | result

    def _merged(self, node: yaml.Node, path: Path_) -> dict[str, Any]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for part in parts:
            if not isinstance(part, yaml.MappingNode):
                line = node.start_mark.line + 1
                self.document.problems.append((line, dotted((*path, "<<")), "must be an alias of a mapping"))
                continue
            merged = self.build(part, path) | merged
        return merged


def expand(document: Document, environment: Mapping[str, str]) -> None:
    """Fill in `${NAME}` from `environment` and `${file:…}` from files; what is missing is noted as a problem."""

    def fill(value: Any, path: Path_) -> Any:
        if isinstance(value, dict):
            return {key: fill(child, (*path, key)) for key, child in value.items()}
        if isinstance(value, list):
            return [fill(child, (*path, position)) for position, child in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        document.references.add(path)
        return _REFERENCE.sub(lambda found: resolve(found[1].strip(), path), value)

    def resolve(name: str, path: Path_) -> str:
        try:
            return (
                _secret_file(document, name[5:].strip()) if name.startswith("file:") else _variable(name, environment)
            )
        except LookupError as missing:
            document.problem(path, str(missing.args[0]))
            document.unresolved.add(path)
            return ""

    document.tree = fill(document.tree, ())


def _variable(name: str, environment: Mapping[str, str]) -> str:
    if not _NAME.match(name):
        raise LookupError(f"${{{name}}} is no variable name; write ${{NAME}} or ${{file:/run/secrets/name}}")
    if not environment.get(name):
        state = "is empty" if name in environment else "is not set"
        raise LookupError(f"the variable {name} {state}; export it or add it to .env beside this file")
    return environment[name]


def _secret_file(document: Document, name: str) -> str:
    file = document.file.parent / Path(name).expanduser()
    try:
        with file.open("rb") as handle:
            content = handle.read(MAX_SECRET_BYTES + 1)
        text = content.decode("utf-8").strip("\r\n")
    except OSError as error:
        raise LookupError(f"the file {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise LookupError(f"the file {file} is not UTF-8 text") from None
    if not text or len(content) > MAX_SECRET_BYTES:
        raise LookupError(f"the file {file} is {'too long for a secret' if text else 'empty'}")
    document.secret_files.add(file)
    return text


def each_value(tree: Any, path: Path_ = ()) -> list[tuple[Path_, Any]]:
    """Every single value of the tree with its path, in the order of the file."""
    children: list[tuple[str | int, Any]]
    if isinstance(tree, dict):
        children = list(tree.items())
    elif isinstance(tree, list):
        children = list(enumerate(tree))
    else:
        return [(path, tree)]
    return [found for key, child in children for found in each_value(child, (*path, key))]
