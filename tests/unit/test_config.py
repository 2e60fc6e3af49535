"""`config.yaml`: every problem at once, with file, line, key and nearest name; secrets never in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config, connector_settings, load_config
from pipeline.config_docs import reference
from pipeline.errors import UserError

GOOD = """\
workspace: acme
region: DE
timezone: Europe/Berlin
systems:
  berlin:
    connector: inventorum
    base_url: https://till.example.com/api
    auth: { access_token: "${BERLIN}" }
  oslo:
    connector: flow_retail
    base_url: https://flow.example.com/v2
    tenant: acme
    region: NO
    auth: { token: "${OSLO}" }
match: { on: [email, vat] }
"""


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERLIN", "hunter2-berlin")
    monkeypatch.setenv("OSLO", "hunter2-oslo")


def load(folder: Path, text: str) -> Config:
    file = folder / "config.yaml"
    file.write_text(text, "utf-8")
    return load_config(file)


def problems(folder: Path, text: str) -> list[str]:
    """The problems of a bad file, without the folder."""
    with pytest.raises(UserError) as caught:
        load(folder, text)
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems] or [
        caught.value.message.removeprefix(f"{folder}/")
    ]


def test_paths_are_relative_to_the_file_and_systems_inherit(tmp_path: Path) -> None:
    """Every system carries the region and time zone that hold for it, so nobody has to look in two places."""
    config = load(tmp_path, GOOD)
    assert config.store_path == tmp_path / "var" / "customers.duckdb"
    assert config.mappings_folder is None
    assert [(s.region, s.timezone) for s in config.systems.values()] == [
        ("DE", "Europe/Berlin"),
        ("NO", "Europe/Berlin"),
    ]
    assert list(config.systems) == ["berlin", "oslo"]
    assert config.warnings == ()


def test_norway_is_no_boolean_and_on_is_a_key(tmp_path: Path) -> None:
    """YAML 1.1 reads NO as false and `on` as true; a product for Norway cannot."""
    config = load(tmp_path, GOOD.replace("region: DE", "region: NO").replace("match: {", "match: {"))
    assert config.region == "NO"
    assert config.match.on == ["email", "vat"]


def test_a_connector_gets_clear_text_and_its_own_options(tmp_path: Path) -> None:
    settings = connector_settings(load(tmp_path, GOOD), "oslo")
    assert settings.auth == {"token": "hunter2-oslo"}
    assert settings.options == {"tenant": "acme"}
    assert (settings.base_url, settings.timeout_s) == ("https://flow.example.com/v2", 30.0)


def test_every_problem_is_listed_at_once_with_file_line_key_and_nearest_name(tmp_path: Path) -> None:
    bad = """\
workspace: acme
regoin: DE
timezone: Europe/Berln
systems:
  berlin:
    connector: inventorium
    base_url: http://till.example.com/api
    auth: { access_token: "${NOT_THERE}" }
    deletes: propogate
    schedule: "*/15 * * *"
    only: { country: [XX, NO] }
  oslo:
    connector: flow_retail
    base_url: https://flow.example.com/v2
    tenant: acme
    auth: { token: "${OSLO}" }
    page_size: many
    api_version: 10
  twin:
    connector: flow_retail
    base_url: https://flow.example.com/v2/
    tenant: acme
    auth: { token: "${BERLIN}" }
  twin: {}
merge: { prefer: [berlni], conflict: newest }
daemon: { listen: 0.0.0.0:80 }
"""
    assert problems(tmp_path, bad) == [
        "config.yaml:2: regoin: unknown key; did you mean 'region'?",
        "config.yaml:3: timezone: 'Europe/Berln' is no time zone such as Europe/Berlin; did you mean 'Europe/Berlin'?",
        "config.yaml:6: systems.berlin.connector: unknown connector 'inventorium'; did you mean 'inventorum'?",
        "config.yaml:7: systems.berlin.base_url: http:// sends secrets and customers in clear text; write https:// (or allow_http: true beside it)",
        "config.yaml:8: systems.berlin.auth.access_token: the variable NOT_THERE is not set; export it or add it to .env beside this file",
        "config.yaml:9: systems.berlin.deletes: must be 'keep' or 'propagate'; did you mean 'propagate'?",
        'config.yaml:10: systems.berlin.schedule: expected five cron fields ("*/15 * * * *") or an interval ("every 15m")',
        "config.yaml:11: systems.berlin.only.country[1]: 'XX' is no ISO 3166-1 country code such as DE, NO or SA",
        "config.yaml:17: systems.oslo.page_size: should be a valid integer, unable to parse string as an integer",
        "config.yaml:18: systems.oslo.api_version: is for inventorum only",
        "config.yaml:19: systems.twin: is the same account as 'oslo' (line 12): same base_url and tenant",
        "config.yaml:24: systems.twin: given twice; the first is on line 19",
        "config.yaml:25: merge.prefer[1]: there is no system 'berlni'; did you mean 'berlin'?",
        "config.yaml:26: daemon.listen: another address than loopback needs daemon.password",
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("connector: inventorum", "conector: inventorum"), "systems.berlin.connector: is missing"),
        (("    tenant: acme\n", ""), "systems.oslo.tenant: is missing"),
        (("https://till", "https://me:hunter2@till"), "must not carry a user, password"),
        (
            ('auth: { access_token: "${BERLIN}" }', "auth: {}"),
            "inventorum needs access_token or client_id, client_secret",
        ),
        (("https://flow.example.com/v2", "ftp://flow.example.com"), "must begin with https://"),
        (("workspace: acme", "workspace: a/b"), "workspace: should match pattern"),
        (("region: DE\n", "encryption_key: 7\n"), "encryption_key: should be a valid string"),
        (("region: DE\n", "ca_bundle: nowhere.pem\n"), "ca_bundle: there is no file"),
        (("  berlin:", "  ber lin:"), "a system's name has letters"),
        (("acme\nregion", "acme\nmatch: [\nregion"), "not valid YAML"),
        ((GOOD, ""), "customer-sync init"),
        ((GOOD, "- a"), "expected keys and values"),
        ((GOOD, "systems: {}\nworkspace: a"), "systems: Dictionary should have at least 1 item"),
    ],
)
def test_single_mistakes(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    """Each of these alone makes the file unusable, and says so in words."""
    found = "\n".join(problems(tmp_path, GOOD.replace(*change, 1)))
    assert problem in found
    assert "hunter2" not in found


def test_http_is_fine_on_loopback_and_where_it_was_asked_for(tmp_path: Path) -> None:
    load(tmp_path, GOOD.replace("https://till.example.com", "http://127.0.0.1:8750"))
    asked = GOOD.replace("https://till.example.com/api", "http://till.example.com/api\n    allow_http: true")
    assert load(tmp_path, asked).systems["berlin"].allow_http


def test_secrets_come_from_the_environment_then_dotenv_then_files(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BERLIN=from-dotenv\nOTHER='with ${BERLIN} inside'\n")
    (tmp_path / "token").write_text("from-file\n")
    text = GOOD.replace("${BERLIN}", "${OTHER}").replace("${OSLO}", "${file:token}")
    config = load(tmp_path, text + "encryption_key: ${BERLIN}\n")
    assert connector_settings(config, "berlin").auth == {"access_token": "with ${BERLIN} inside"}
    assert connector_settings(config, "oslo").auth == {"token": "from-file"}
    assert config.encryption_key is not None
    assert config.encryption_key.get_secret_value() == "hunter2-berlin"
    assert config.secret_files == {tmp_path / ".env", tmp_path / "token"}


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("${file:nowhere}", "nowhere cannot be read: No such file or directory"),
        ("${file:empty}", "empty is empty"),
        ("${EMPTY}", "the variable EMPTY is empty"),
        ("${two words}", "is no variable name"),
    ],
)
def test_a_secret_that_cannot_be_found_names_key_and_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, problem: str
) -> None:
    """One problem, not also what follows from it (no token, so no credentials)."""
    monkeypatch.setenv("EMPTY", "")
    (tmp_path / "empty").touch()
    (found,) = problems(tmp_path, GOOD.replace("${OSLO}", written))
    assert found.startswith("config.yaml:14: systems.oslo.auth.token: ")
    assert problem in found


def test_a_literal_secret_works_and_is_warned_about_without_being_shown(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD.replace("${OSLO}", "hunter2") + "daemon: { password: hunter2 }\n")
    assert connector_settings(config, "oslo").auth == {"token": "hunter2"}
    assert [warning.removeprefix(f"{tmp_path}/").split(": ")[:2] for warning in config.warnings] == [
        ["config.yaml:14", "systems.oslo.auth.token"],
        ["config.yaml:16", "daemon.password"],
    ]
    assert "hunter2" not in repr(config) + str(config.warnings)


def test_nothing_from_outside_the_file_is_ever_quoted(tmp_path: Path) -> None:
    """Somebody who writes ${TOKEN} where a region belongs must not find the token in a log."""
    bad = GOOD.replace("region: DE", "region: ${OSLO}").replace("connector: flow_retail", "connector: ${OSLO}")
    bad = bad.replace("timezone: Europe/Berlin", "timezone: ${BERLIN}") + "log: { level: '${OSLO}' }\n"
    found = problems(tmp_path, bad)
    assert len(found) == 4
    assert "hunter2" not in "\n".join(found)


def test_a_yaml_bomb_is_refused_quickly(tmp_path: Path) -> None:
    """Nine levels of nine aliases are 387 million values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert "grow without end" in problems(tmp_path, "\n".join(lines))[0]
    assert "nested too deeply" in problems(tmp_path, "a: " + "[" * 5000)[0]
    assert "has at most" in problems(tmp_path, "a: b\n" * 100_000)[0]
    assert "grow without end" in problems(tmp_path, "a: &a [*a]")[0]
    assert "too long" in problems(tmp_path, "a: " + "9" * 5000)[0]


def test_yaml_anchors_may_share_settings(tmp_path: Path) -> None:
    text = GOOD.replace("auth: { access", "schedule: &s every 5m\n    auth: { access").replace(
        "    region: NO", "    region: NO\n    schedule: *s"
    )
    assert [system.schedule for system in load(tmp_path, text).systems.values()] == ["every 5m", "every 5m"]


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"does not exist(.|\n)*customer-sync init"):
        load_config(tmp_path / "config.yaml")


def test_the_file_at_the_top_is_complete_and_is_what_init_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must load once its secrets are there, and show every key that a newcomer could set."""
    top = Path(__file__).parents[2] / "config.yaml"
    starter = Path(__file__).parents[2] / "pipeline" / "starter"
    assert top.read_text("utf-8") == (starter / "config.yaml").read_text("utf-8")
    for line in (starter / "env.example").read_text("utf-8").splitlines():
        if line.endswith("="):
            monkeypatch.setenv(line.removesuffix("="), "x" + line)
    config = load_config(top)
    assert list(config.systems) == ["berlin", "oslo", "riyadh"]
    assert set(type(config).model_fields) == set(config.model_fields_set)


def test_the_reference_page_says_what_the_models_say() -> None:
    """`python -m pipeline.config_docs > docs/configuration.md` writes it."""
    page = Path(__file__).parents[2] / "docs" / "configuration.md"
    assert page.read_text("utf-8") == reference()
