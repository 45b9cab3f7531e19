"""Between what Pulumi hands a dynamic provider, plain JSON values, and what the server answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.dynamic.dynamic import PROVIDER_KEY
from pulumi.output import UNKNOWN as PULUMI_UNKNOWN
from pulumi.output import Unknown as PulumiUnknown

from pulumi_scalekit.definition.keys import DEFINITION_KEYS, UNKNOWN


def received(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Plain JSON from a property properties of Pulumi's: numbers as declared, absent members gone, `UNKNOWN` marked.

    The pickled provider is left out; Pulumi's host puts it back itself.
    """
    return {key: _received(v) for key, v in properties.items() if v is not None and key != PROVIDER_KEY}


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


def identical(old: Any, new: Any) -> bool:
    """Whether two received values are known and the same to the letter: unlike Python's, `True` is not `1`."""
    if isinstance(old, dict):
        return (
            isinstance(new, dict)
            and old.keys() == new.keys()
            and all(identical(item, new[key]) for key, item in old.items())
        )
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(identical, old, new))
    return type(old) is type(new) and bool(old == new) and old is not UNKNOWN


def as_declared(inputs: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Whether a server's answer has just what was declared, so that there is no need to compare what they mean."""
    return all(identical(inputs.get(key), _received(answer.get(key)) or None) for key in DEFINITION_KEYS)


def server_outputs(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What a server makes of a connector, by the names of the outputs: what a response leaves out is empty."""
    return {
        "identifier": attributes["identifier"],
        **({"provider_id": attributes["id"]} if attributes.get("id") else {}),
        "is_custom": attributes.get("is_custom") or False,
        "is_custom_mcp": attributes.get("is_custom_mcp") or False,
        "categories": attributes.get("categories") or [],
        "display_priority": _received(attributes.get("display_priority") or 0),
        "coming_soon": attributes.get("coming_soon") or False,
    }


def sent(value: Any) -> Any:
    """The way back: plain JSON with Pulumi's own mark for what is not known."""
    if value is UNKNOWN:
        return PULUMI_UNKNOWN
    if isinstance(value, dict):
        return {key: sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sent(item) for item in value]
    return value
