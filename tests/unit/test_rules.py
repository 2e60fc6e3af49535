"""Mapping files: what is refused and how it is said, what a user's file overrides, and that schema and page are fresh."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from pydantic import ValidationError

from mappings import Context, Mapping, MappingError, check_examples, load_mappings
from mappings.canonical import ABSENT, State
from mappings.load import SHIPPED
from mappings.reference import PAGE, SCHEMA, page, schema
from mappings.rules import MappingFile
from mappings.transforms import TRANSFORM_NAMES, transform

BERLIN = Context("DE", ("DE",), "Europe/Berlin")
CONNECTORS = ("flow_retail", "foodics", "inventorum", "memory")


def write(folder: Path, name: str, text: str) -> Path:
    (folder / f"{name}.yaml").write_text(dedent(text), encoding="utf-8")
    return folder


def problems_of(folder: Path) -> list[str]:
    with pytest.raises(MappingError) as caught:
        load_mappings(folder)
    return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]


@pytest.mark.parametrize("connector", CONNECTORS)
def test_the_shipped_examples_hold(connector: str) -> None:
    mapping = load_mappings(None)[connector]
    assert mapping.examples
    assert check_examples(mapping) == []


def test_an_example_that_does_not_hold_is_named_with_its_line(tmp_path: Path) -> None:
    write(
        tmp_path,
        "till",
        """\
        connector: till
        rules:
          email: {canonical: email, transform: email, fields: mail}
          vip: {canonical: is_vip, transform: flag, fields: vip}
        examples:
          - about: everything in it is wrong
            record: {mail: Ana@Example.com, vip: 2}
            reads: {email: other@example.com, is_vip: true, nmae: x, phone: null}
            values: {email: new@example.com}
            sends: {mail: old@example.com}
          - about: a create that is possible
            values: {email: new@example.com}
            cannot: missing_name
        """,
    )
    found = check_examples(load_mappings(tmp_path)["till"])
    assert [problem.replace(str(tmp_path), "") for problem in found] == [
        "/till.yaml:6: examples.0: everything in it is wrong: email reads as value 'ana@example.com', not as 'other@example.com'",
        "/till.yaml:6: examples.0: everything in it is wrong: is_vip reads as unclear None, not as True",
        "/till.yaml:6: examples.0: everything in it is wrong: there is no unit 'nmae'",
        "/till.yaml:6: examples.0: everything in it is wrong: phone reads as absent None, not as empty",
        "/till.yaml:6: examples.0: everything in it is wrong: sends {'mail': 'new@example.com'}, not {'mail': 'old@example.com'}",
        "/till.yaml:11: examples.1: a create that is possible: a create is impossible because of None, not missing_name",
    ]


def test_every_problem_of_every_file_is_found_at_once(tmp_path: Path) -> None:
    """An integrator mends a file in one go, not one message at a time."""
    write(
        tmp_path,
        "inventorum",
        """\
        connector: inventorum
        rules:
          email: {canonical: emial, transform: email, fields: email}
          phone: {canonical: phone, transform: fone, fields: phone_number}
          vip: {canonical: is_vip, transform: email, fields: is_vip}
          party:
            canonical: [name, company]
            transform: party
            fields: {givn: first_name, family: last_name}
            read_only: [middle_nam]
          business:
            canonical: is_business
            transform: table
            fields: is_b2b
            options: {tabel: {a: true}}
          note: {canonical: note, transform: text, fields: note, default: [1]}
        """,
    )
    write(tmp_path, "till", "connector: tiller\nrules: {}\nrequires:\n  - {reason: missing_name, one_of: [[nmae]]}\n")
    assert problems_of(tmp_path) == [
        "inventorum.yaml:3: rules.email.canonical: there is no unit 'emial'; did you mean 'email'?",
        "inventorum.yaml:4: rules.phone.transform: no transform is called 'fone'; did you mean 'phone'?",
        "inventorum.yaml:5: rules.vip.canonical: transform 'email' does not make 'is_vip', only email",
        "inventorum.yaml:9: rules.party.fields.givn: 'party' has no role 'givn'; did you mean 'given'?",
        "inventorum.yaml:9: rules.party.fields: 'party' needs a field for 'given': given name",
        "inventorum.yaml:10: rules.party.read_only: 'middle_nam' is no field of this rule; did you mean 'last_name'?",
        "inventorum.yaml:15: rules.business.options.tabel: 'table' has no option 'tabel'; did you mean 'table'?",
        (
            "inventorum.yaml:15: rules.business.options: 'table' needs the option 'table': the system's value → the canonical "
            "one; the first spelling of a value is the one written"
        ),
        "inventorum.yaml:16: rules.note.default: is no value of 'note'",
        "till.yaml:1: connector: is 'tiller', but the file is named 'till.yaml'",
        "till.yaml:4: requires.0: 'nmae' is no field of any rule",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("connector: till\nruls: {}\n", "till.yaml:2: ruls: is no key of a mapping file here; did you mean 'rules'?"),
        (
            "connector: till\nrules:\n  a:\n    canonical: email\n    feilds: x\n    fields: x\n    transform: email\n",
            "till.yaml:5: rules.a.feilds: is no key of a mapping file here; did you mean 'fields'?",
        ),
        ("connector: till\nrules: {}\nrules: {}\n", "till.yaml:3: rules: stands twice"),
        ("connector: [\n", "till.yaml:2: file: not YAML"),
        ("- a\n", "till.yaml:1: file: input should be a valid dictionary"),
        ("", "till.yaml:1: connector: field required"),
        (
            "connector: till\nrules:\n  a: {canonical: email, transform: email, fields: a..b}\n",
            "till.yaml:3: rules.a.fields: string should match pattern",
        ),
        (
            (
                "connector: till\nrules:\n  a: {canonical: email, transform: email, fields: m}\n"
                "  b: {canonical: email, transform: email, fields: n}\n"
            ),
            "till.yaml:4: rules.b.canonical: 'email' is already made by the rule 'a'",
        ),
        (
            (
                "connector: till\nrules:\n  a: {canonical: is_vip, transform: flag, fields: m}\n"
                "  b: {canonical: is_blocked, transform: flag, fields: m}\n"
            ),
            "till.yaml:4: rules.b.fields: 'm' is already written by the rule 'a'",
        ),
        (
            "connector: till\nrules:\n  a: {canonical: email, transform: email, fields: m}\npass_through: [m]\n",
            "till.yaml:4: pass_through: 'm' is also a field of a rule",
        ),
        (
            "connector: till\nrules:\n  a: null\n",
            "till.yaml:3: rules.a: there is no such shipped rule to remove",
        ),
        (
            "connector: till\nrules:\n  a: {canonical: [email, note], transform: text, fields: m}\n",
            "till.yaml:3: rules.a.canonical: transform 'text' takes exactly one unit",
        ),
        (
            "connector: till\nrules:\n  a: {canonical: is_vip, transform: table, fields: m, options: {table: 3}}\n",
            "till.yaml:3: rules.a.options.table: should be a table of value: value",
        ),
    ],
)
def test_a_problem_says_file_line_field_and_nearest_name(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "till.yaml").write_text(text, encoding="utf-8")
    found = problems_of(tmp_path)
    assert any(problem.startswith(expected) for problem in found), found


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "none") == [f"{tmp_path / 'none'}: no such folder of mapping files"]


def test_a_users_file_overrides_rule_by_rule(tmp_path: Path) -> None:
    write(
        tmp_path,
        "inventorum",
        """\
        connector: inventorum
        rules:
          gender:
            canonical: gender
            transform: table
            fields: title
            options: {table: {"Mr.": male, "Mrs.": female, "Ms.": female}}
            default: [male]
          favourite: null
        pass_through: []
        """,
    )
    mapping = load_mappings(tmp_path)["inventorum"]
    record = {"title": "Ms.", "email": "ana@example.com", "is_favourite": True}
    readings = mapping.read(record, BERLIN)
    assert readings["gender"].value == "female"
    assert readings["email"].value == "ana@example.com"
    assert "is_favourite" not in readings
    assert mapping.read({"title": "Mr."}, BERLIN)["gender"].state is State.DEFAULT
    assert mapping.put({"gender": "female"}, record, BERLIN) == {}, "Ms. is female: the till's spelling stays"
    assert mapping.put({"gender": "male"}, record, BERLIN) == {"title": "Mr."}
    assert mapping.put({"gender": "female"}, None, BERLIN) == {"title": "Mrs."}


def test_a_users_file_can_replace_the_whole(tmp_path: Path) -> None:
    write(
        tmp_path,
        "foodics",
        "connector: foodics\nreplaces: all\nrules:\n  e: {canonical: email, transform: email, fields: email}\n",
    )
    mapping = load_mappings(tmp_path)["foodics"]
    assert mapping.units == {"email"}
    assert mapping.missing({}, BERLIN) is None


def test_a_mapping_for_a_connector_of_ones_own(tmp_path: Path) -> None:
    write(
        tmp_path, "till", "connector: till\nrules:\n  e: {canonical: email, transform: email, fields: contact.mail}\n"
    )
    mapping = load_mappings(tmp_path)["till"]
    assert mapping.put({"email": "ana@example.com"}, {"contact": {"mail": "a@example.com"}}, BERLIN) == {
        "contact.mail": "ana@example.com"
    }
    assert set(load_mappings(tmp_path)) == {*CONNECTORS, "till"}


def till(tmp_path: Path, rule: str, top: str = "") -> Mapping:
    write(tmp_path, "till", f"connector: till\nrules:\n  r: {{{rule}}}\n{top}")
    return load_mappings(tmp_path)["till"]


EMAIL = "canonical: email, transform: email, fields: mail"


def test_the_fingerprint_follows_the_rules_and_not_the_examples(tmp_path: Path) -> None:
    plain = till(tmp_path, EMAIL).fingerprint
    assert till(tmp_path, EMAIL, "examples: [{about: nothing}]\n").fingerprint == plain
    assert till(tmp_path, f"{EMAIL}, when_missing: empty").fingerprint != plain


def test_what_a_missing_and_an_empty_field_mean_is_the_rules_choice(tmp_path: Path) -> None:
    def state(rule: str, record: dict[str, object]) -> State:
        return till(tmp_path, rule).read(record, BERLIN)["email"].state

    assert state(EMAIL, {}) is State.ABSENT
    assert state(f"{EMAIL}, when_missing: empty", {}) is State.EMPTY
    assert state(EMAIL, {"mail": ""}) is State.EMPTY
    assert state(f"{EMAIL}, empty_means_cleared: false", {"mail": ""}) is State.ABSENT


def test_an_empty_field_that_is_no_statement_can_still_be_filled(tmp_path: Path) -> None:
    mapping = till(tmp_path, f"{EMAIL}, empty_means_cleared: false")
    assert mapping.put({"email": "ana@example.com"}, {"mail": ""}, BERLIN) == {"mail": "ana@example.com"}


def test_a_required_field_is_changed_but_never_emptied(tmp_path: Path) -> None:
    mapping = till(tmp_path, f"{EMAIL}, never_cleared: true")
    record = {"mail": "ana@example.com"}
    assert mapping.put({"email": None}, record, BERLIN) == {}
    assert mapping.put({"email": "b@example.com"}, record, BERLIN) == {"mail": "b@example.com"}


@pytest.mark.parametrize(("clear_with", "expected"), [('""', ""), ("null", None)])
def test_an_emptied_field_is_spelled_as_the_vendor_spells_it(tmp_path: Path, clear_with: str, expected: object) -> None:
    mapping = till(tmp_path, f"{EMAIL}, clear_with: {clear_with}")
    assert mapping.put({"email": None}, {"mail": "ana@example.com"}, BERLIN) == {"mail": expected}


def test_a_read_only_rule_is_read_and_never_written(tmp_path: Path) -> None:
    mapping = till(tmp_path, f"{EMAIL}, read_only: true")
    assert mapping.writable == frozenset()
    assert mapping.put({"email": "b@example.com"}, {"mail": "a@example.com"}, BERLIN) == {}
    assert mapping.put({"email": "b@example.com"}, None, BERLIN) == {}


def test_what_was_not_understood_is_not_emptied_but_can_be_replaced(tmp_path: Path) -> None:
    mapping = till(tmp_path, EMAIL)
    record = {"mail": "ana at example"}
    assert mapping.read(record, BERLIN)["email"].state is State.UNCLEAR
    assert mapping.read(record, BERLIN)["email"].problem == "has no @"
    assert mapping.put({"email": None}, record, BERLIN) == {}
    assert mapping.put({"email": "ana@example.com"}, record, BERLIN) == {"mail": "ana@example.com"}


def test_a_kept_raw_value_of_another_field_is_no_opinion_under_the_new_rule(tmp_path: Path) -> None:
    """When a mapping changes, bases are derived again from their raw values; a field nobody kept says nothing."""
    for options in ("", ", when_missing: empty"):
        old = till(tmp_path, EMAIL + options)
        kept = old.raw({"mail": "ana@example.com"}, "email")
        assert kept == {"mail": "ana@example.com"}
        assert (
            till(tmp_path, f"canonical: email, transform: email, fields: mail2{options}").reread("email", kept, BERLIN)
            == ABSENT
        )
        assert old.reread("email", old.raw({}, "email"), BERLIN).state is old.read({}, BERLIN)["email"].state
    assert old.reread("nothing", {}, BERLIN) == ABSENT
    assert old.raw({}, "nothing") == {}


def test_a_wrong_type_or_key_in_one_rule_hides_no_problem_of_another(tmp_path: Path) -> None:
    """Pydantic's findings and ours come in one go, in the order of their lines, and what hangs on them is not said again."""
    write(
        tmp_path,
        "inventorum",
        """\
        connector: inventorum
        rules:
          email: {canonical: email, transform: email, fields: email, evidnce: [a]}
          note: {canonical: nota, transform: tekst, fields: note}
          odd: !weird x
          vat: {canonical: vat_number, transform: vat, fields: 3}
          vipp: null
        """,
    )
    assert problems_of(tmp_path) == [
        "inventorum.yaml:3: rules.email.evidnce: is no key of a mapping file here; did you mean 'evidence'?",
        "inventorum.yaml:4: rules.note.transform: no transform is called 'tekst'; did you mean 'text'?",
        "inventorum.yaml:4: rules.note.canonical: there is no unit 'nota'; did you mean 'note'?",
        "inventorum.yaml:5: rules.odd: input should be a valid dictionary or instance of rule",
        "inventorum.yaml:6: rules.vat.fields: input should be a valid string",
        "inventorum.yaml:7: rules.vipp: there is no such shipped rule to remove; did you mean 'vip'?",
    ]


def test_the_documented_override_works(tmp_path: Path) -> None:
    """The page's own example maps a field that the shipped file passes through: the user's wish is no contradiction."""
    text = page().partition("```yaml\n")[2].partition("```")[0]
    write(tmp_path, "inventorum", text)
    mapping = load_mappings(tmp_path)["inventorum"]
    assert "title" not in mapping.pass_through
    assert mapping.read({"title": "Mrs."}, BERLIN)["gender"].value == "female"
    assert mapping.read({"title": "Mr."}, BERLIN)["gender"].state is State.DEFAULT
    assert mapping.put({"gender": "female"}, {"title": "Mr."}, BERLIN) == {"title": "Mrs."}


def test_schema_and_page_are_fresh() -> None:
    """Written by `python -m mappings.reference`."""
    assert SCHEMA.read_text(encoding="utf-8") == schema()
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_page_names_every_key_and_transform() -> None:
    text = page()
    assert all(f"`{name}`" in text for name in TRANSFORM_NAMES)
    assert all(role in text for name in TRANSFORM_NAMES for role in transform(name).roles)


def test_the_schema_knows_the_units_and_transforms() -> None:
    rule = json.loads(schema())["$defs"]["Rule"]["properties"]
    assert set(rule["transform"]["enum"]) == set(TRANSFORM_NAMES)
    assert "email" in rule["canonical"]["anyOf"][0]["enum"]


def test_the_shipped_files_are_valid_by_the_models_alone() -> None:
    for path in SHIPPED.glob("*.yaml"):
        MappingFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    with pytest.raises(ValidationError):
        MappingFile.model_validate({"connector": 3})
