"""The resource that programs declare."""

from __future__ import annotations

import json
import math
import os
import weakref
from collections.abc import Awaitable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi.dynamic

from pulumi_scalekit.definition.keys import DEFINITION_KEYS, READ_ONLY_KEYS
from pulumi_scalekit.provider.connector import CONTEXT_KEY, SERVER_FORM, ConnectorProvider

from .arguments import ArgumentsChecked
from .auth import Auth
from .payload import JsonObject, to_payload
from .provider import sdk as host

_ANSWERED: Final[Mapping[str, tuple[str, Any]]] = {
    "provider_id": ("id", None),
    "is_custom": ("is_custom", False),
    "is_custom_mcp": ("is_custom_mcp", False),
    "categories": ("categories", []),
    "display_priority": ("display_priority", 0),
    "coming_soon": ("coming_soon", False),
}
"""The outputs that are made of `answer`: the key of each there, and what it means that it is not there."""
# The display names that each run of a program has declared, by the run's root stack resource: each with the name and
# the parent of its connector, since a component may name its own connectors as another one does.
_names: weakref.WeakKeyDictionary[pulumi.Resource, dict[str, tuple[str, pulumi.Resource | None]]] = (
    weakref.WeakKeyDictionary()
)


class Connector(ArgumentsChecked, pulumi.dynamic.Resource, module="scalekit", name="Connector"):
    """A custom connector: an API or MCP server that agents reach through Scalekit."""

    display_name: pulumi.Output[str]
    """The connector's name."""
    description: pulumi.Output[str | None]
    """What the connector connects to."""
    auth_patterns: pulumi.Output[list[dict[str, Any]]]
    """How accounts authenticate."""
    proxy_url: pulumi.Output[str]
    """The upstream's base URL."""
    proxy_enabled: pulumi.Output[bool]
    """Whether calls may go through the proxy."""
    icon_src: pulumi.Output[str | None]
    """An https URL of an icon."""
    metadata: pulumi.Output[dict[str, str] | None]
    """Pairs of plain strings."""
    identifier: pulumi.Output[str]
    """The identifier that Scalekit made, such as `MYASANA:12345`: the `provider_key` of connections."""
    answer: pulumi.Output[dict[str, Any]]
    """What else Scalekit made, by the names of its answers, without what is false or empty.

    The following outputs are taken from it.
    """
    provider_id: pulumi.Output[str | None]
    """The `id` of the connector in Scalekit's answers."""
    is_custom: pulumi.Output[bool | None]
    """Whether Scalekit counts it as custom."""
    is_custom_mcp: pulumi.Output[bool | None]
    """Whether Scalekit counts it as a custom MCP connector."""
    categories: pulumi.Output[list[str] | None]
    """Scalekit's own categories."""
    display_priority: pulumi.Output[int | None]
    """Scalekit's own order."""
    coming_soon: pulumi.Output[bool | None]
    """Scalekit's own mark."""
    environment_url: pulumi.Output[str]
    """The environment that the connector lives in."""

    def __init__(
        self,
        resource_name: str,
        *,
        display_name: pulumi.Input[str],
        proxy_url: pulumi.Input[str],
        auth_patterns: pulumi.Input[Sequence[pulumi.Input[Auth | JsonObject]]],
        description: pulumi.Input[str] | None = None,
        proxy_enabled: pulumi.Input[bool] = True,
        icon_src: pulumi.Input[str] | None = None,
        metadata: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        adopt: bool | str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare a connector.

        Args:
            resource_name: The name in the Pulumi program; it appears in no environment.
            display_name: The connector's name: 1 to 200 letters, digits and spaces.
            proxy_url: The upstream's base URL, https, with `{{name}}` placeholders where needed.
            auth_patterns: How accounts authenticate: exactly one pattern, typed (`OAuth`, `BasicAuth`,
                `BearerAuth`, `ApiKeyAuth`, `NoAuth`) or as a dict in the documentation's own words.
            description: What the connector connects to.
            proxy_enabled: Whether calls may go through the proxy. Tool calling needs it.
            icon_src: An https URL of an icon; an 800×800 SVG works best.
            metadata: At most 20 pairs of plain strings.
            adopt: Take over an existing connector instead of creating one: `True` for the only one of this
                display name, or an identifier. The preview says what would change in it.
            opts: Pulumi's resource options.

        Raises:
            ArgumentError: An argument is missing, or there is none of that name.
            pulumi.RunError: Another connector of this program has the same display name.
        """
        properties = {
            "display_name": display_name,
            "description": description,
            "auth_patterns": auth_patterns,
            "proxy_url": proxy_url,
            "proxy_enabled": proxy_enabled,
            "icon_src": icon_src,
            "metadata": metadata,
            "adopt": adopt or None,
        }
        self._declare(resource_name, properties, {}, opts)

    def _declare(
        self,
        resource_name: str,
        properties: Mapping[str, Any],
        context: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        plain = {key: to_payload(value) for key, value in properties.items()}
        for key, value in plain.items():
            _refuse_what_is_no_json(value, f"{resource_name}: {key}")
        if "display_name" in plain:
            parent = opts.parent if opts else None
            plain["display_name"] = _claim(resource_name, parent, plain["display_name"])
        about = context_of(plain, {"name": resource_name, **context})
        outputs = ("identifier", "answer", "environment_url", *(DEFINITION_KEYS if "get" in context else ()))
        declared = {key: value for key, value in plain.items() if value is not None}
        props: dict[str, Any] = {**dict.fromkeys(outputs), **declared, CONTEXT_KEY: about}
        # What the server makes of a secret property is as secret as that property.
        hidden = pulumi.ResourceOptions(additional_secret_outputs=[SERVER_FORM])
        options = hidden if opts is None else pulumi.ResourceOptions.merge(hidden, opts)
        host.register(self, ConnectorProvider, resource_name, props, options)

    def __getattr__(self, name: str) -> pulumi.Output[Any]:
        """The outputs that are not there from the start, made when a program asks for them.

        Pulumi waits for all outputs of a program again after each that comes, so each one costs the time of
        every other. Of a property that the program leaves out it has nothing to wait for.
        """
        if name in _ANSWERED:
            key, default = _ANSWERED[name]
            output = self.answer.apply(lambda answer: _whole((answer or {}).get(key, default)))
        elif name in DEFINITION_KEYS:
            output = pulumi.Output.from_input(None)
        else:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.__dict__[name] = output
        return output

    @classmethod
    def from_json(
        cls,
        resource_name: str,
        source: str | os.PathLike[str] | Mapping[str, Any],
        *,
        adopt: bool | str | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **overrides: Any,
    ) -> Connector:
        """Declare a connector from a JSON payload: a file, or its content as a mapping.

        Properties that the server makes, such as `identifier`, are left out, so an entry of the list call's
        answer can be used as it is.

        Args:
            resource_name: As in `Connector`.
            source: The path of a JSON file, or the payload itself.
            adopt: As in `Connector`.
            opts: As in `Connector`.
            **overrides: Properties that take the place of those in the payload.

        Raises:
            pulumi.RunError: The file cannot be read, or is no JSON object.
        """
        payload = source if isinstance(source, Mapping) else _read_json(resource_name, Path(source))
        properties = {
            key: value for key, value in {**payload, **overrides}.items() if key not in READ_ONLY_KEYS
        }
        properties.setdefault("proxy_enabled", True)
        connector = cls.__new__(cls)
        connector._declare(resource_name, {**properties, "adopt": adopt or None}, {}, opts)
        return connector

    @classmethod
    def get(
        cls,
        resource_name: str,
        identifier: pulumi.Input[str],
        *,
        opts: pulumi.ResourceOptions | None = None,
    ) -> Connector:
        """Read a connector of the environment without managing it. Fails where there is none.

        Args:
            resource_name: The name in the Pulumi program.
            identifier: The connector's identifier, as `pulumi-scalekit list` shows it.
            opts: Pulumi's resource options.
        """
        connector = cls.__new__(cls)
        existing = pulumi.ResourceOptions(id=identifier)
        connector._declare(resource_name, {}, {"get": True}, pulumi.ResourceOptions.merge(opts, existing))
        return connector


# At run time Pulumi works through a resource class's annotations again for each resource, a sixth of the time that a
# program takes. What it does by them is to convert values to classes, of which there are none here.
Connector.__annotations__ = {}


def _whole(value: Any) -> Any:
    """A whole number as one: Pulumi carries every number as a double."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read_json(resource_name: str, path: Path) -> Mapping[str, Any]:
    try:
        payload = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise pulumi.RunError(f"{resource_name}: cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise pulumi.RunError(f"{resource_name}: {path} is no JSON: {error}") from None
    if not isinstance(payload, dict):
        raise pulumi.RunError(f"{resource_name}: {path} holds no JSON object")
    return payload


def _claim(resource_name: str, parent: pulumi.Resource | None, display_name: Any) -> Any:
    """Note a display name for this program, and refuse one that another connector has.

    Scalekit lets duplicates exist; a program that declares them cannot mean it.
    """
    names = _names.setdefault(pulumi.runtime.get_root_resource(), {})  # type: ignore[arg-type]
    claimant = (resource_name, parent)

    def claim(name: Any) -> Any:
        if isinstance(name, str) and names.setdefault(name, claimant) != claimant:
            raise pulumi.RunError(
                f"The connectors {names[name][0]!r} and {resource_name!r} have the same display name. "
                "Give each connector a name of its own"
            )
        return name

    if isinstance(display_name, (str, pulumi.Output)):
        return display_name.apply(claim) if isinstance(display_name, pulumi.Output) else claim(display_name)
    return display_name


def context_of(properties: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """What a program tells the provider about itself: whether this is a preview, and what it marked secret."""
    host.prepare_program()
    context = {"preview": pulumi.runtime.is_dry_run(), **more}
    if any(_holds_output(value) for value in properties.values()):
        context["secret"] = pulumi.Output.from_input(_secret_properties(properties))
    return context


async def _secret_properties(properties: Mapping[str, Any]) -> list[str]:
    return [k for k, value in properties.items() if await pulumi.Output.from_input(value).is_secret()]


def _holds_output(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_output(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_output(item) for item in value)
    return isinstance(value, (pulumi.Output, Awaitable))


_EXACT: Final = 2**53
"""Up to here a double, which Pulumi and Scalekit both keep numbers as, holds every integer."""


# Outputs and awaitables are looked at by the provider, once they have a value.
_PLAIN: Final = (str, bool, int, float, type(None), Enum, pulumi.Output, Awaitable)


def _refuse_what_is_no_json(value: Any, where: str) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise pulumi.RunError(f"{where} has the key {key!r}: keys must be strings")
            _refuse_what_is_no_json(item, f"{where}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_what_is_no_json(item, f"{where}[{index}]")
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        raise pulumi.RunError(
            f"{where} is an integer that would lose digits on its way: write it as a string"
        )
    elif isinstance(value, float) and not math.isfinite(value):
        raise pulumi.RunError(f"{where} is {value}, which JSON cannot hold")
    elif isinstance(value, type):
        raise pulumi.RunError(f"{where} is the class {value.__name__}: make an object, {value.__name__}(...)")
    elif not isinstance(value, _PLAIN):
        raise pulumi.RunError(f"{where} is a {type(value).__name__}, which JSON cannot hold")
