"""Mapping files from disk to compiled mappings: read, checked, the user's laid over the shipped, built.

Every problem of every file is found in one go; each says file, line, field, what is wrong and the nearest valid name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as AbstractMapping
from importlib import metadata
from pathlib import Path
from typing import Any

from mappings.canonical import UNITS, Value, revive
from mappings.compile import Mapping, MappingError, Requirement
from mappings.compiled_rule import CompiledRule
from mappings.rules import MappingFile, Require, Rule
from mappings.source import Loc, Source, parse_file
from mappings.transforms import TRANSFORM_NAMES, VERSION, transform
from mappings.transforms.lens import Spec, Transform

SHIPPED = Path(__file__).parent
_LIBRARIES = ("babel", "email-validator", "phonenumbers", "python-stdnum")


def load(folder: Path | None) -> dict[str, Mapping]:
    """connector → mapping, the user's files laid over the shipped ones. Raises MappingError."""
    problems: list[str] = []
    shipped = {path.stem: _parse(path, path.name, problems) for path in sorted(SHIPPED.glob("*.yaml"))}
    own: dict[str, tuple[Source, MappingFile] | None] = {}
    if folder is not None:
        if not folder.is_dir():
            raise MappingError([f"{folder}: no such folder of mapping files"])
        own = {path.stem: _parse(path, str(path), problems) for path in sorted(_yaml_files(folder))}
    mappings: dict[str, Mapping] = {}
    for connector in sorted(shipped.keys() | own.keys()):
        layers = [layer for layer in (shipped.get(connector), own.get(connector)) if layer is not None]
        if layers and (connector not in own or own[connector] is not None):
            mapping = _build(connector, layers, problems)
            if mapping is not None:
                mappings[connector] = mapping
    if problems:
        raise MappingError(problems)
    return mappings


def _yaml_files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file()]


def _parse(path: Path, name: str, problems: list[str]) -> tuple[Source, MappingFile] | None:
    """One file as a model, or None when it cannot be one; problems are added."""
    source = Source(name)
    parsed = parse_file(path, source)
    if parsed is None:
        problems.extend(source.take())
        return None
    return source, parsed  # with its problems, to be told with those that building finds, in the order of their lines


def _build(connector: str, layers: list[tuple[Source, MappingFile]], problems: list[str]) -> Mapping | None:
    """The compiled mapping of one connector from its shipped file and the user's, in this order."""
    if layers[-1][1].replaces == "all":
        layers = layers[-1:]
    named: dict[str, tuple[Source, Rule]] = {}
    for source, parsed in layers:
        for name, rule in parsed.rules.items():
            if rule is not None:
                named[name] = (source, rule)
            elif named.pop(name, None) is None:
                source.complain(("rules", name), "there is no such shipped rule to remove", name, named)
    compiled = [_compile(name, rule, source) for name, (source, rule) in named.items()]
    rules = [rule for rule in compiled if rule is not None]
    rules.sort(key=lambda rule: rule.units != ("address",))  # it is evidence for others, so it is read first
    create, requires, passed = (_last(layers, key) for key in ("create", "requires", "pass_through"))
    whole = not any(source.incomplete for source, _ in layers)
    if whole and len(rules) == len(compiled):  # or else what is missing would be complained of twice
        _check_together(rules, {name: source for name, (source, _) in named.items()})
        _check_rest(layers[-1][0], rules, create or {}, requires or [], layers[-1][1].pass_through or [])
    found = [problem for source, _ in layers for problem in source.take()]
    problems.extend(found)
    if found:
        return None
    return Mapping(
        connector=connector,
        fingerprint=_fingerprint({name: rule for name, (_, rule) in named.items()}, create or {}),
        rules=tuple(rules),
        constants=create or {},
        requirements=tuple(Requirement(r.reason, tuple(map(tuple, r.one_of))) for r in requires or []),
        # A user's rule for a field that the shipped file passes through is not a contradiction but the wish.
        pass_through=tuple(path for path in passed or [] if not any(path in rule.paths for rule in rules)),
        examples=tuple((layers[-1][0].where(("examples", n)), e) for n, e in enumerate(layers[-1][1].examples)),
    )


def _check_rest(
    top: Source,
    rules: list[CompiledRule],
    create: AbstractMapping[str, Any],
    requires: list[Require],
    passed: list[str],
) -> None:
    """What is required must be sent by something, and what is passed through by nothing."""
    sent = {path for rule in rules for path in rule.paths if path}
    for path in sent.intersection(passed):
        top.complain(("pass_through",), f"{path!r} is also a field of a rule")
    for place, require in enumerate(requires):
        for path in (path for group in require.one_of for path in group if path not in sent | create.keys()):
            top.complain(("requires", place), f"{path!r} is no field of any rule", path, sent)


def _last(layers: list[tuple[Source, MappingFile]], key: str) -> Any:
    """What the last layer that says anything about `key` says."""
    for _, parsed in reversed(layers):
        if getattr(parsed, key) is not None:
            return getattr(parsed, key)
    return None


def _fingerprint(rules: AbstractMapping[str, Rule], create: AbstractMapping[str, Any]) -> str:
    libraries = {name: metadata.version(name) for name in _LIBRARIES}
    effective = {
        "rules": {name: rule.model_dump(mode="json") for name, rule in rules.items()},
        "create": dict(create),
        "transforms": VERSION,
        "libraries": libraries,
    }
    return hashlib.sha256(json.dumps(effective, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _compile(name: str, rule: Rule, source: Source) -> CompiledRule | None:
    """One rule made ready, or None with complaints in `source`."""
    before = len(source.problems)
    at: Loc = ("rules", name)
    if rule.transform not in TRANSFORM_NAMES:
        source.complain(
            (*at, "transform"), f"no transform is called {rule.transform!r}", rule.transform, TRANSFORM_NAMES
        )
        _known_units(rule, source, at)
        return None
    lens_of = transform(rule.transform)
    units = _units(rule, lens_of, source, at)
    roles = _roles(rule, lens_of, source, at)
    options = _options(rule, lens_of, source, at)
    own_paths = set(roles.values())
    read_only = own_paths if rule.read_only is True else set(rule.read_only or ())
    for path in sorted(read_only - own_paths):
        source.complain((*at, "read_only"), f"{path!r} is no field of this rule", path, own_paths)
    for path in (path for group in rule.followers for path in group if path not in own_paths):
        source.complain((*at, "followers"), f"{path!r} is no field of this rule", path, own_paths)
    defaults = _defaults(rule, units, source, at)
    if len(source.problems) > before:
        return None
    spec = Spec(
        name,
        units,
        frozenset(roles),
        frozenset(role for role, path in roles.items() if path in read_only),
        rule.clear_with,
        options,
    )
    order = tuple(lens_of.roles)
    return CompiledRule(
        name=name,
        units=units,
        lens=lens_of.build(spec),
        paths=tuple(roles.get(role) for role in order),
        settable=tuple(role in roles and roles[role] not in read_only for role in order),
        defaults=defaults,
        blank=rule.clear_with,
        missing_is_empty=rule.when_missing == "empty",
        empty_is_cleared=rule.empty_means_cleared,
        never_cleared=rule.never_cleared,
        followers=tuple(tuple(group.items()) for group in rule.followers),
        country_path=rule.evidence[0] if rule.evidence else None,
    )


def _known_units(rule: Rule, source: Source, at: Loc) -> list[str]:
    """The units that a rule names; those that there are not are complained of."""
    named = [rule.canonical] if isinstance(rule.canonical, str) else rule.canonical
    for unit in named:
        if unit not in UNITS:
            source.complain((*at, "canonical"), f"there is no unit {unit!r}", unit, UNITS)
    return named


def _units(rule: Rule, lens_of: Transform, source: Source, at: Loc) -> tuple[str, ...]:
    named = _known_units(rule, source, at)
    for unit in named:
        if unit in UNITS and unit not in lens_of.units:
            can = ", ".join(sorted(lens_of.units))
            source.complain((*at, "canonical"), f"transform {rule.transform!r} does not make {unit!r}, only {can}")
    if len(named) != 1 and not lens_of.together:
        source.complain((*at, "canonical"), f"transform {rule.transform!r} takes exactly one unit")
    if lens_of.together and "name" not in named:
        source.complain((*at, "canonical"), f"transform {rule.transform!r} needs the unit 'name'")
    return tuple(unit for unit in UNITS if unit in named)


def _roles(rule: Rule, lens_of: Transform, source: Source, at: Loc) -> dict[str, str]:
    roles = {next(iter(lens_of.roles)): rule.fields} if isinstance(rule.fields, str) else rule.fields
    for role in roles:
        if role not in lens_of.roles:
            source.complain((*at, "fields", role), f"{rule.transform!r} has no role {role!r}", role, lens_of.roles)
    for role in sorted(lens_of.required - roles.keys()):
        source.complain((*at, "fields"), f"{rule.transform!r} needs a field for {role!r}: {lens_of.roles[role]}")
    return dict(roles)


def _options(rule: Rule, lens_of: Transform, source: Source, at: Loc) -> dict[str, Any]:
    for name, value in rule.options.items():
        option = lens_of.options.get(name)
        if option is None:
            source.complain((*at, "options", name), f"{rule.transform!r} has no option {name!r}", name, lens_of.options)
        elif not isinstance(value, option.kind):
            source.complain((*at, "options", name), f"should be {option.kind_name()}")
    for name, option in lens_of.options.items():
        if option.required and name not in rule.options:
            source.complain((*at, "options"), f"{rule.transform!r} needs the option {name!r}: {option.about}")
    return {name: rule.options.get(name, option.default) for name, option in lens_of.options.items()}


def _defaults(rule: Rule, units: tuple[str, ...], source: Source, at: Loc) -> dict[str, tuple[Value, ...]]:
    if not rule.default:
        return {}
    if len(units) != 1:
        source.complain((*at, "default"), "works for rules of one unit only")
        return {}
    try:
        return {units[0]: tuple(revive(units[0], value) for value in rule.default)}
    except ValueError:  # msgspec's ValidationError is one
        source.complain((*at, "default"), f"is no value of {units[0]!r}")
        return {}


def _check_together(rules: list[CompiledRule], sources: AbstractMapping[str, Source]) -> None:
    """No unit and no written field in two rules."""
    units: dict[str, str] = {}
    paths: dict[str, str] = {}
    for rule in rules:
        source, at = sources[rule.name], ("rules", rule.name)
        for unit in rule.units:
            if unit in units:
                source.complain((*at, "canonical"), f"{unit!r} is already made by the rule {units[unit]!r}")
            units[unit] = rule.name
        followers = [follower for group in rule.followers for _, follower in group]
        written = [path for path, settable in zip(rule.paths, rule.settable, strict=True) if path and settable]
        for path in (*written, *followers):
            if path in paths:
                source.complain((*at, "fields"), f"{path!r} is already written by the rule {paths[path]!r}")
            paths[path] = rule.name
