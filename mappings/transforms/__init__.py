"""The named transforms of mapping files, loaded on first use: phone and name libraries take a while to start."""

from __future__ import annotations

from importlib import import_module

from mappings.transforms.lens import Transform

VERSION = 2
"""Raise it when a transform reads something differently: records and bases are then read again from the raw values."""

_PLACES = {
    "address": "addresses:ADDRESS",
    "date": "dates:DATE",
    "email": "contacts:EMAIL",
    "flag": "flags:FLAG",
    "instant": "dates:INSTANT",
    "note": "text:NOTE",
    "one_name": "parties:ONE_NAME",
    "party": "parties:PARTY",
    "phone": "contacts:PHONE",
    "phone_either": "contacts:PHONE_EITHER",
    "phone_parts": "contacts:PHONE_PARTS",
    "table": "flags:TABLE",
    "text": "text:TEXT",
    "vat": "contacts:VAT",
}

TRANSFORM_NAMES: tuple[str, ...] = tuple(_PLACES)


def transform(name: str) -> Transform:
    """The transform of this name; KeyError where there is none."""
    module, constant = _PLACES[name].split(":")
    found: Transform = getattr(import_module(f"mappings.transforms.{module}"), constant)
    return found
