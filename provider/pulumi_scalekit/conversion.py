"""Between what Pulumi hands a dynamic provider and plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.output import UNKNOWN as PULUMI_UNKNOWN
from pulumi.output import Unknown as PulumiUnknown

from .definition import UNKNOWN

_PROVIDER_KEY = "__provider"
"""Pulumi's own input that carries the pickled provider; the host puts it back itself."""


def received(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Plain JSON from a property bag of Pulumi's: numbers as declared, absent members gone, `UNKNOWN` marked."""
    return {key: _received(v) for key, v in properties.items() if v is not None and key != _PROVIDER_KEY}


def _received(value: Any) -> Any:
    if isinstance(value, PulumiUnknown):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _received(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_received(item) for item in value]
    # Pulumi carries every number as a double.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def sent(value: Any) -> Any:
    """The way back: plain JSON with Pulumi's own mark for what is not known."""
    if value is UNKNOWN:
        return PULUMI_UNKNOWN
    if isinstance(value, dict):
        return {key: sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sent(item) for item in value]
    return value
