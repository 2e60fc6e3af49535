"""The format of a mapping file. These models are its validation, its JSON Schema and its reference page.

A file says, per connector, how the system's fields and the canonical units correspond. It is data: no expressions, no
templates. What cannot be said with a named transform and its options is a new transform.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mappings.canonical import UNITS
from mappings.transforms import TRANSFORM_NAMES

Unit = Annotated[str, Field(json_schema_extra={"enum": list(UNITS)})]
Path = Annotated[str, Field(min_length=1, pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
Scalar = str | int | float | bool | None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Rule(_Strict):
    """One correspondence: canonical units ↔ fields of the system, by a named transform that works both ways."""

    canonical: Unit | list[Unit] = Field(
        description="The unit, or the units that share fields, such as `[name, company]`."
    )
    fields: Path | dict[str, Path] = Field(
        description="The system's field (dotted where nested), or role → field for transforms with several roles."
    )
    transform: Annotated[str, Field(json_schema_extra={"enum": list(TRANSFORM_NAMES)})] = Field(
        description="The transform's name; see the table of transforms."
    )
    options: dict[str, Any] = Field({}, description="Options of the transform.")
    evidence: list[Path] = Field(
        [],
        max_length=1,
        description="A field that tells the record's country, for phone and VAT numbers without one. When it is the "
        "country of the address rule, a vendor's default country in a blank address is no evidence.",
    )
    default: list[Scalar] = Field(
        [],
        description="Values that the vendor fills in by itself: no opinion at first contact.",
    )
    read_only: bool | list[Path] = Field(False, description="`true`, or the fields of the rule that are never written.")
    when_missing: Literal["absent", "empty"] = Field(
        "absent",
        description="What a missing key means: `absent`, the system did not return it (no opinion, never written on an "
        "update), or `empty`.",
    )
    empty_means_cleared: bool = Field(
        True, description="Whether an empty field is a statement; `false`: it is no opinion."
    )
    never_cleared: bool = Field(False, description="The system requires the field: it is changed, but never emptied.")
    clear_with: Literal["", None] = Field("", description='How an emptied text field is written: `""` or null.')
    followers: list[dict[Path, Path]] = Field(
        [],
        description="Groups of field → other field that repeats it (the recipient in an address): a group changes with "
        "the fields only where all of it equalled them.",
    )


class Require(_Strict):
    """What a new record needs; without it, the customer is excluded there with this reason."""

    reason: Annotated[str, Field(pattern=r"^[a-z_]+$")] = Field(
        description="Reason code in `exclusions`: `missing_phone`, …"
    )
    one_of: list[list[Path]] = Field(
        min_length=1, description="Groups of fields; all fields of one group must be there."
    )


class ExampleContext(_Strict):
    """Where an example's system stands."""

    region: str | None = Field(None, description="ISO 3166-1 code.")
    timezone: str = Field("UTC", description="IANA name of the account's time zone.")


class Example(_Strict):
    """A record and what it reads as (`reads`), or values and what is sent for them (`sends`), or both."""

    about: str = Field(description="What the example shows.")
    context: ExampleContext = Field(ExampleContext(), description="The system's region and time zone.")
    record: dict[str, Any] | None = Field(None, description="The record as the system holds it; without one, a create.")
    reads: dict[str, Any] = Field(
        {},
        description="Unit → value as plain JSON, null for empty, or the word for a state in angle brackets: "
        "`<absent>`, `<unclear>`, `<default>` (any value) or `{default: value}`. Units not named are not looked at.",
    )
    values: dict[str, Any] | None = Field(None, description="Canonical values to write, as plain JSON.")
    sends: dict[str, Any] | None = Field(None, description="Field → new value: exactly what is sent; `{}`: nothing.")
    cannot: str | None = Field(None, description="The reason code why these values make no new record.")


class MappingFile(_Strict):
    """A mapping file. One in the user's folder overrides the shipped one of the same connector."""

    connector: str = Field(description="The connector this maps; the file is named after it.")
    replaces: Literal["rules", "all"] = Field(
        "rules",
        description="In a user's file: `rules` overrides rule by rule (by name), `all` the shipped file as a whole.",
    )
    rules: dict[str, Rule | None] = Field({}, description="Rules by name; null removes the shipped rule of that name.")
    create: dict[Path, Scalar] | None = Field(None, description="Constants sent with every new record.")
    requires: list[Require] | None = Field(None, description="What a new record needs.")
    pass_through: list[Path] | None = Field(None, description="Fields that are kept as they are and never sent.")
    examples: list[Example] = Field([], description="Examples that `mappings check` and the tests run.")
