"""Mapping files and what they compile to: how each system's fields and the canonical fields correspond, both ways."""

from mappings.compile import Context, Mapping, MappingError, check_examples, load_mappings

__all__ = ["Context", "Mapping", "MappingError", "check_examples", "load_mappings"]
