"""The resource that programs declare."""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path as FilePath
from typing import Any, Final

import pulumi
import pulumi.dynamic

from pulumi_scalekit.definition.keys import DEFINITION_KEYS, MAX_EXACT, READ_ONLY_KEYS
from pulumi_scalekit.definition.paths import Path, format_path
from pulumi_scalekit.provider.connector import ConnectorProvider
from pulumi_scalekit.provider.keys import CONTEXT_KEY, SERVER_FORM

from .arguments import ArgumentsChecked, check_options
from .auth import Auth, Definition
from .payload import JsonObject, Payload, check_values, reusable, to_payload, written_paths
from .provider.sdk import end_quietly

OUTPUTS: Final = (
    "identifier",
    "provider_id",
    "is_custom",
    "is_custom_mcp",
    "categories",
    "display_priority",
    "coming_soon",
    "environment_url",
)
"""What Scalekit makes of a connector, and where it lives."""


class ConnectorOutputs:
    """What a connector has once it lives.

    In a class of its own, since the SDK evaluates the annotations of a resource's own class once for each resource.
    """

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
    provider_id: pulumi.Output[str | None]
    """The `id` of the connector in Scalekit's responses."""
    is_custom: pulumi.Output[bool | None]
    """Whether Scalekit counts it as custom."""
    is_custom_mcp: pulumi.Output[bool | None]
    """Whether Scalekit counts it as a custom MCP connector."""
    categories: pulumi.Output[list[str] | None]
    """Scalekit's own categories."""
    coming_soon: pulumi.Output[bool | None]
    """Scalekit's own mark."""
    environment_url: pulumi.Output[str]
    """The environment that the connector lives in."""


class Connector(
    ConnectorOutputs, ArgumentsChecked, pulumi.dynamic.Resource, module="scalekit", name="Connector"
):
    """A custom connector: an API or MCP server that agents reach through Scalekit.

    Example:
        >>> desk = scalekit.Connector(
        ...     "desk",
        ...     display_name="Desk",
        ...     proxy_url="https://{{domain}}/api",
        ...     auth_patterns=[
        ...         scalekit.BasicAuth(
        ...             display_name="Basic Auth",
        ...             fields=[
        ...                 scalekit.Field("domain", label="Domain", required=True),
        ...                 scalekit.Field("username", label="API key", input_type="password", required=True),
        ...             ],
        ...         )
        ...     ],
        ... )
        >>> pulumi.export("identifier", desk.identifier)
    """

    # Here, since the SDK makes an integer of it by the annotation only.
    display_priority: pulumi.Output[int | None]
    """Scalekit's own order."""

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
        _unknown: Mapping[str, Any] | None = None,
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
                display name, or an identifier. The preview says what would change in it. `"identical"` takes over
                the only one of this display name if it is as declared and no resource of the stack manages it, and
                creates one where there is none, as the setting `scalekit:adoptIdentical` does for all connectors.
            opts: Pulumi's resource options.

        Raises:
            ArgumentError: An argument is missing, or there is none of that name.
            pulumi.RunError: An argument cannot be written as JSON.
        """
        properties: dict[str, Any] = {
            "display_name": display_name,
            "description": description,
            "auth_patterns": auth_patterns,
            "proxy_url": proxy_url,
            "proxy_enabled": proxy_enabled,
            "icon_src": icon_src,
            "metadata": metadata,
            **({"adopt": adopt} if adopt else {}),
            **(_unknown or {}),
        }
        check_options("Connector", opts)
        if _unknown is None:  # what a file has wrong is reported at preview, with all other mistakes
            check_values(Definition, "Connector", properties)
        written = {key: reusable(value) for key, value in properties.items()}
        properties = {key: to_payload(value) for key, value in written.items()}
        context: dict[str, Any] = {}
        if opts is not None and opts.id is not None:
            # It is only read: what is declared of it is what lives there.
            properties = dict.fromkeys(properties)
            context["get"] = True
        for key, value in properties.items():
            _refuse_what_is_not_json(value, f"{resource_name}: {key}")
        if _holds(written, (Payload, pulumi.Output)):
            context["written"] = pulumi.Output.from_input(_written_names(written))
        props = {**dict.fromkeys(OUTPUTS), **properties, CONTEXT_KEY: context_of(properties, context, opts)}
        # What the server makes of a secret property is as secret as that property.
        hidden = pulumi.ResourceOptions(additional_secret_outputs=[SERVER_FORM])
        super().__init__(
            ConnectorProvider(), resource_name, props, pulumi.ResourceOptions.merge(hidden, opts)
        )

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
        response can be used as it is.

        Args:
            resource_name: As in `Connector`.
            source: The path of a JSON file, or the payload itself.
            adopt: As in `Connector`.
            opts: As in `Connector`.
            **overrides: Properties that take the place of those in the payload.

        Raises:
            pulumi.RunError: The file cannot be read, or is not a JSON object.

        Example:
            >>> desk = scalekit.Connector.from_json("desk", "connectors/desk.json", display_name="Desk")
        """
        payload = source if isinstance(source, Mapping) else _read_json(resource_name, FilePath(source))
        properties = {
            key: value for key, value in {**payload, **overrides}.items() if key not in READ_ONLY_KEYS
        }
        # What is missing or unknown is reported at preview, with all other mistakes.
        known: dict[str, Any] = dict.fromkeys(("display_name", "proxy_url", "auth_patterns"))
        known |= {key: value for key, value in properties.items() if key in DEFINITION_KEYS}
        unknown = {key: value for key, value in properties.items() if key not in DEFINITION_KEYS}
        return cls(resource_name, **known, adopt=adopt, opts=opts, _unknown=unknown)

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

        Example:
            >>> shared = scalekit.Connector.get("shared", "SHAREDCRM:12345")
        """
        existing = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=identifier))
        nothing: Any = None
        return cls(
            resource_name, display_name=nothing, proxy_url=nothing, auth_patterns=nothing, opts=existing
        )


def _read_json(resource_name: str, path: FilePath) -> Mapping[str, Any]:
    try:
        payload = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise pulumi.RunError(f"{resource_name}: cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise pulumi.RunError(f"{resource_name}: {path} is not valid JSON: {error}") from None
    if not isinstance(payload, dict):
        raise pulumi.RunError(f"{resource_name}: {path} is not a JSON object")
    return payload


def context_of(
    properties: Mapping[str, Any], more: Mapping[str, Any], opts: pulumi.ResourceOptions | None
) -> dict[str, Any]:
    """What a program tells the provider: whether this is a preview, and what it marked secret."""
    warn_of_plain_secret()
    end_quietly()
    context = {"preview": pulumi.runtime.is_dry_run(), **more}
    secret = [key for key in (opts and opts.additional_secret_outputs) or () if key in properties]
    if secret or holds_outputs(properties):
        found: pulumi.Output[list[str]] = pulumi.Output.from_input(_secret_paths(properties))
        context["secret"] = found.apply(lambda paths: [*secret, *paths])
    return context


_CLIENT_SECRET: Final = "scalekit:clientSecret"


@functools.cache
def warn_of_plain_secret() -> None:
    """Say once in a program that its client secret is configured in plain text, and so stands in the state."""
    if pulumi.runtime.get_config(_CLIENT_SECRET) and not pulumi.runtime.is_config_secret(_CLIENT_SECRET):
        pulumi.log.warn(
            f"{_CLIENT_SECRET} is configured in plain text, and Pulumi copies it into the state as it is. "
            f"Encrypt it with `pulumi config set --secret {_CLIENT_SECRET}`, or use SCALEKIT_CLIENT_SECRET, "
            "and issue a new one"
        )


async def _secret_paths(value: Any, path: Path = ()) -> list[str]:
    """The paths of what is secret in a value."""
    if isinstance(value, Mapping):
        below: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list):
        below = enumerate(value)
    else:
        return [format_path(path)] if await pulumi.Output.from_input(value).is_secret() else []
    return [found for key, item in below for found in await _secret_paths(item, (*path, key))]


async def _written_names(properties: Mapping[str, Any]) -> dict[str, str]:
    """The paths that a program wrote otherwise than the payload has them, by those of the payload."""
    return {format_path(path): format_path(written) for path, written in await written_paths(properties)}


def holds_outputs(value: Any) -> bool:
    """Whether a value, which may be secret, comes later, or has one that does."""
    return _holds(value, (pulumi.Output, Awaitable))


def _holds(value: Any, kinds: tuple[type, ...]) -> bool:
    """Whether a value is of some kind, or has one that is."""
    if isinstance(value, Mapping):
        return any(_holds(item, kinds) for item in value.values())
    if isinstance(value, list):
        return any(_holds(item, kinds) for item in value)
    return isinstance(value, kinds)


# Outputs and awaitables are looked at by the provider, once they have a value.
_PLAIN: Final = (str, bool, int, float, type(None), Enum, pulumi.Output, Awaitable)


def _refuse_what_is_not_json(value: Any, where: str) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise pulumi.RunError(f"{where} has the key {key!r}: keys must be strings")
            _refuse_what_is_not_json(item, f"{where}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_what_is_not_json(item, f"{where}[{index}]")
    elif isinstance(value, int) and abs(value) > MAX_EXACT:
        raise pulumi.RunError(
            f"{where} is an integer that would lose digits on its way: write it as a string"
        )
    elif isinstance(value, float) and not math.isfinite(value):
        raise pulumi.RunError(f"{where} is {value}, which JSON cannot hold")
    elif isinstance(value, type):
        raise pulumi.RunError(f"{where} is the class {value.__name__}: make an object, {value.__name__}(...)")
    elif not isinstance(value, _PLAIN):
        raise pulumi.RunError(f"{where} is a {type(value).__name__}, which JSON cannot hold")
