"""`config.yaml`: what a user may set (contract, section 3), validated once and then trusted.

All problems are reported at once, each with file, line, key and the nearest valid name. Secrets are `SecretStr` and
never part of a message. Text that came from the environment or a file is never quoted either.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

from connectors.base import Settings
from pipeline import timetable
from pipeline.errors import UserError

CONNECTORS: tuple[str, ...] = ("inventorum", "flow_retail", "foodics")
HIDDEN_CONNECTORS: tuple[str, ...] = ("memory",)
"""Real connectors for tests and the demo only: accepted, but neither documented nor suggested."""

_REGION_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
REGIONS: frozenset[str] = frozenset(_REGION_CODES.split())
"""ISO 3166-1 alpha-2, and XK (Kosovo), which has a calling code of its own."""


def _region(value: str) -> str:
    if value.upper() not in REGIONS:
        raise ValueError("is no ISO 3166-1 country code such as DE, NO or SA")
    return value.upper()


def _timezone(value: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("is no time zone such as Europe/Berlin") from None
    return value


def _schedule(value: str) -> str:
    timetable.parse(value)
    return value


Region = Annotated[str, AfterValidator(_region)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Schedule = Annotated[str, AfterValidator(_schedule)]


USUAL_MAPPINGS = "mappings/"


class _Section(BaseModel):
    # Each section would otherwise build a validator that only the whole configuration ever uses.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class AuthConfig(_Section):
    """Credentials of one account. Which are needed depends on the connector."""

    token: SecretStr | None = Field(None, description="A long-lived API token (Flow Retail, Foodics).")
    client_id: SecretStr | None = Field(None, description="The OAuth client's id (Inventorum, Foodics).")
    client_secret: SecretStr | None = Field(None, description="The OAuth client's secret.")
    access_token: SecretStr | None = Field(None, description="The first access token (Inventorum); renewed by itself.")
    refresh_token: SecretStr | None = Field(
        None, description="The first refresh token; rotated ones are kept and win until this one changes."
    )

    def values(self) -> dict[str, str]:
        """What is set, in clear text, for a connector."""
        pairs = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: secret.get_secret_value() for name, secret in pairs if secret is not None}


class OnlyConfig(_Section):
    """Who may be created in a system; everybody when empty."""

    country: list[Region] | None = Field(
        None, min_length=1, description="Only customers whose address is in one of these."
    )
    is_business: bool | None = Field(None, description="Only companies (`true`) or only persons (`false`).")
    marketing_consent: bool | None = Field(None, description="Only customers who agreed to marketing (`true`).")

    def values(self) -> dict[str, Any]:
        """What is set: field → allowed value or values."""
        return self.model_dump(exclude_none=True)


class SystemConfig(_Section):
    """One account at one vendor."""

    connector: str = Field(description="Which vendor: `inventorum`, `flow_retail` or `foodics`.")
    base_url: str = Field("", description="The vendor's address (needed), as its API reference gives it.")
    allow_http: bool = Field(
        False, description="Accept `http://` on another machine: secrets and customers travel in clear text."
    )
    region: Region | None = Field(
        None, description="Country of phone numbers that carry none; overrides the workspace's."
    )
    timezone: Timezone | None = Field(None, description="Time zone of this shop; overrides the workspace's.")
    tenant: str | None = Field(None, min_length=1, description="The tenant's uid (Flow Retail only).")
    api_version: Literal[9, 10] | None = Field(None, description="Inventorum only: 9 or 10 (10 when not given).")
    auth: AuthConfig = Field(default_factory=AuthConfig, description="Credentials.")
    requests_per_minute: int | None = Field(
        None, ge=1, le=100_000, description="The request budget of this account; the vendor's kind pace when not given."
    )
    page_size: int | None = Field(
        None, ge=1, le=1000, description="Customers per page; the vendor's usual size when not given."
    )
    batch_size: int | None = Field(None, ge=1, le=1000, description="Writes per batch (Flow Retail only).")
    timeout_s: float = Field(30.0, gt=0, le=600, description="How long to wait for an answer, in seconds.")
    schedule: Schedule = Field("*/15 * * * *", description='When the daemon syncs: cron, or "every 15m".')
    full_scan: Schedule = Field("0 3 * * *", description="When every customer is read again, to notice deletions.")
    access: Literal["read-write", "read-only"] = Field("read-write", description="`read-only`: never written.")
    create: bool = Field(True, description="`false`: update what is there, create nobody.")
    only: OnlyConfig = Field(default_factory=OnlyConfig, description="Who may be created here; everybody when empty.")
    paused: bool = Field(False, description="`true`: neither read nor written for now.")
    deletes: Literal["keep", "propagate"] = Field(
        "keep", description="`propagate`: when a customer was deleted in another system, delete here too."
    )
    options: dict[str, Any] = Field(default_factory=dict, exclude=True, description="For test connectors.")


class MatchConfig(_Section):
    """Which values make two records the same customer."""

    on: list[Literal["email", "mobile", "vat"]] = Field(
        ["email", "mobile", "vat"], min_length=1, description="The keys that identify."
    )
    ignore: list[str] = Field([], description="Values that identify nobody, such as `noreply@example.com`.")
    shared_after: int = Field(
        10, ge=1, description="A value held by more records of one system than this identifies nobody."
    )


class MergeConfig(_Section):
    """Which value wins."""

    prefer: list[str] = Field([], description="Systems in the order in which they win when newest does not decide.")
    conflict: Literal["newest", "prefer", "review"] = Field(
        "newest", description="Who wins when a value was changed in several systems; `review` leaves it to you."
    )


class SafetyConfig(_Section):
    """What one run may do at most. Past a limit it stops before the first write."""

    max_deletes: int = Field(0, ge=0, description="Deletes per target and run.")
    max_creates: int | None = Field(None, ge=0, description="Creates per target and run; null: no limit.")
    max_updates_percent: float = Field(
        30,
        ge=0,
        le=100,
        description="Updates in percent of a target's linked records (targets of 50 or more; not on its first run).",
    )


class DaemonConfig(_Section):
    """The dashboard's address."""

    listen: str = Field("127.0.0.1:8080", description="Address and port of the dashboard.")
    password: SecretStr | None = Field(None, description="Needed on any other address than loopback.")


class LogConfig(_Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important event that is written."
    )
    format: Literal["console", "json"] = Field("console", description="For people, or one JSON object per line.")


class Config(_Section):
    """One workspace: one merchant. Paths are absolute; `systems` carry their effective region and time zone."""

    workspace: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", description="The merchant's short name.")
    store: str = Field(
        "var/customers.duckdb", description="The store's file, relative to this one; or `ducklake:postgres:…`."
    )
    region: Region | None = Field(None, description="ISO 3166-1, for phone numbers that carry no country.")
    timezone: Timezone = Field("UTC", description="The workspace's time zone.")
    systems: dict[str, SystemConfig] = Field(min_length=1, description="The tills, each with a name of your choice.")
    match: MatchConfig = Field(
        default_factory=MatchConfig, description="Which values make two records the same customer."
    )
    merge: MergeConfig = Field(default_factory=MergeConfig, description="Which value wins.")
    safety: SafetyConfig = Field(default_factory=SafetyConfig, description="What one run may do at most.")
    mappings: str = Field(
        USUAL_MAPPINGS, description="Folder of your own mapping files; they override the shipped ones by name."
    )
    daemon: DaemonConfig = Field(default_factory=DaemonConfig, description="The dashboard.")
    history_days: int = Field(365, ge=0, description="How long earlier versions of records are kept.")
    encryption_key: SecretStr | None = Field(None, description="Encrypts store, snapshot and backups.")
    ca_bundle: str | None = Field(None, description="A file of certificates to trust instead of the usual ones.")
    alerts: list[SecretStr] = Field([], description="Apprise URLs to tell when something needs you.")
    log: LogConfig = Field(default_factory=LogConfig, description="What is written to standard error.")

    _file: Path = PrivateAttr(default=Path("config.yaml"))
    _warnings: tuple[str, ...] = PrivateAttr(default=())
    _secret_files: frozenset[Path] = PrivateAttr(default=frozenset())

    @property
    def file(self) -> Path:
        """Where this configuration was read from."""
        return self._file

    @property
    def warnings(self) -> tuple[str, ...]:
        """What works but should be mended, such as a literal secret."""
        return self._warnings

    @property
    def secret_files(self) -> frozenset[Path]:
        """Files that secrets were read from: `.env` and `${file:…}`."""
        return self._secret_files

    @property
    def store_path(self) -> Path:
        """The store's file. Raises UserError for a DuckLake store, which only `cluster run` can open."""
        if self.store.startswith("ducklake:"):
            raise UserError(
                f"{self._file}: store: {self.store.partition(':')[0]} stores are for `customer-sync cluster run`."
            )
        return Path(self.store)

    @property
    def mappings_folder(self) -> Path | None:
        """The folder of the user's own mapping files. Where the usual one does not exist, there are none."""
        folder = Path(self.mappings)
        return folder if folder.exists() or folder != self._file.parent / USUAL_MAPPINGS else None


def load_config(path: Path) -> Config:
    """The configuration at `path`, with a `.env` beside it. Raises UserError with every problem."""
    from dotenv import dotenv_values

    from pipeline.config_check import checked
    from pipeline.config_file import expand, read_document

    path = path.absolute()
    document = read_document(path)
    dotenv = path.parent / ".env"
    kept = (
        {name: value or "" for name, value in dotenv_values(dotenv, interpolate=False).items()}
        if dotenv.is_file()
        else {}
    )
    expand(document, {**kept, **os.environ})
    config, warnings = checked(document)
    files = document.secret_files | ({dotenv} if kept else set())
    return _effective(config, path, warnings, files)


def _effective(config: Config, path: Path, warnings: list[str], secret_files: set[Path]) -> Config:
    """Relative paths made absolute, and each system with the region and time zone that hold for it."""
    folder = path.parent
    systems = {
        name: system.model_copy(
            update={"region": system.region or config.region, "timezone": system.timezone or config.timezone}
        )
        for name, system in config.systems.items()
    }
    store = config.store if config.store.startswith("ducklake:") else str(folder / Path(config.store).expanduser())
    bundle = config.ca_bundle and str(folder / Path(config.ca_bundle).expanduser())
    effective = config.model_copy(
        update={"systems": systems, "store": store, "mappings": str(folder / config.mappings), "ca_bundle": bundle}
    )
    effective._file, effective._warnings, effective._secret_files = path, tuple(warnings), frozenset(secret_files)
    return effective


def connector_settings(config: Config, name: str) -> Settings:
    """What the connector of system `name` is made from."""
    system = config.systems[name]
    own: Mapping[str, Any] = {"tenant": system.tenant, "api_version": system.api_version, **system.options}
    return Settings(
        system=name,
        base_url=system.base_url,
        auth=system.auth.values(),
        requests_per_minute=system.requests_per_minute,
        page_size=system.page_size,
        batch_size=system.batch_size,
        timeout_s=system.timeout_s,
        ca_bundle=config.ca_bundle,
        options={key: value for key, value in own.items() if value is not None},
    )
