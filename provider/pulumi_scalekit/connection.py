"""A connection of a connector, as a resource (preview: Scalekit marks this part of its API so)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi.dynamic

from pulumi_scalekit.definition.connection import SECRET
from pulumi_scalekit.provider.connection import DECLARED, OUTPUTS, ConnectionProvider
from pulumi_scalekit.provider.keys import CONTEXT_KEY

from .arguments import ArgumentsChecked, argument_error, check_options
from .connector import Connector, context_of, holds_outputs
from .payload import reusable

_OUTPUTS: Final = (*OUTPUTS, "connection_id", "environment_url")


@dataclasses.dataclass(frozen=True, kw_only=True)
class OAuthApp:
    """The OAuth application at the upstream that a connection authorizes accounts with.

    The names are those of Scalekit's API. What is left out is the connector's own, or Scalekit's default.

    Example:
        >>> config = pulumi.Config()
        >>> scalekit.OAuthApp(client_id="0oa1", client_secret=config.require_secret("crmSecret"), scopes=["read"])
    """

    client_id: pulumi.Input[str] | None = None
    """The application's client id."""
    client_secret: pulumi.Input[str] | None = dataclasses.field(default=None, repr=False)
    """Its client secret; encrypted in the state, and shown nowhere."""
    client_secret_variable: pulumi.Input[str] | None = None
    """Instead: the environment variable that has the secret when Pulumi runs. The state does not have it then."""
    client_secret_version: pulumi.Input[int] | None = None
    """A number of your own: another one sends the variable's secret again."""
    scopes: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    """The scopes that accounts are asked for."""
    required_scopes: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    """Those of `scopes` that cannot be deselected."""
    scope_selection_allowed: pulumi.Input[bool] | None = None
    """Whether whoever authorizes an account may choose among the scopes."""
    authorize_uri: pulumi.Input[str] | None = None
    """An authorization endpoint other than the connector's."""
    token_uri: pulumi.Input[str] | None = None
    """A token endpoint other than the connector's."""
    user_info_uri: pulumi.Input[str] | None = None
    """A user info endpoint other than the connector's."""
    pkce_enabled: pulumi.Input[bool] | None = None
    """Whether PKCE is used."""
    prompt: pulumi.Input[str] | None = None
    """OAuth's `prompt` parameter, such as `consent`."""
    access_type: pulumi.Input[str] | None = None
    """Google's `access_type` parameter, such as `offline`."""
    token_endpoint_auth_method: pulumi.Input[str] | None = None
    """`client_secret_basic`, `client_secret_post` or `none`."""
    custom_scope_name: pulumi.Input[str] | None = None
    """The name of the scope parameter, where the upstream has another one."""
    use_platform_creds: pulumi.Input[bool] | None = None
    """Whether Scalekit's own application is used, where it has one."""


class ConnectionOutputs:
    """What a connection has once it lives. Like `ConnectorOutputs`, a class of its own."""

    connector: pulumi.Output[str]
    """The identifier of the connector."""
    connection_name: pulumi.Output[str]
    """The name that Tool Proxy calls use."""
    auth_type: pulumi.Output[str]
    """The type of the connector's auth pattern."""
    auth_mode: pulumi.Output[str | None]
    """Whose credentials its accounts hold."""
    context: pulumi.Output[dict[str, str] | None]
    """What fills the connector's templated `proxy_url`."""
    oauth_app: pulumi.Output[dict[str, Any] | None]
    """Its OAuth application; a secret output."""
    connection_id: pulumi.Output[str]
    """Scalekit's id of the connection, such as `conn_12345`."""
    status: pulumi.Output[str | None]
    """Scalekit's own word for its state: `DRAFT`, `IN_PROGRESS` or `COMPLETED`."""
    enabled: pulumi.Output[bool | None]
    """Whether it can be used."""
    redirect_uri: pulumi.Output[str | None]
    """What has to be registered with the upstream's OAuth application."""
    mcp_server_url: pulumi.Output[str | None]
    """Where MCP clients reach its tools."""
    resolved_proxy_url: pulumi.Output[str | None]
    """The connector's `proxy_url`, filled from `context`; only where it is a template."""
    environment_url: pulumi.Output[str]
    """The environment that the connection lives in."""


class Connection(
    ConnectionOutputs, ArgumentsChecked, pulumi.dynamic.Resource, module="scalekit", name="Connection"
):
    """A connection of a connector: what connected accounts are made under, and Tool Proxy calls go through.

    Preview: Scalekit marks the calls behind it as a preview, so they may change. Another `connector`, `context` or
    `auth_mode` makes another connection, to which accounts do not move; all else changes in place.

    Example:
        >>> crm = scalekit.Connector.from_json("crm", "connectors/crm.json")
        >>> connection = scalekit.Connection(
        ...     "crm",
        ...     connector=crm,
        ...     connection_name="crm",
        ...     oauth_app=scalekit.OAuthApp(client_id="0oa1", client_secret=config.require_secret("crmSecret")),
        ... )
        >>> pulumi.export("redirect_uri", connection.redirect_uri)
    """

    def __init__(
        self,
        resource_name: str,
        *,
        connector: Connector | pulumi.Input[str],
        connection_name: pulumi.Input[str],
        auth_type: pulumi.Input[str] | None = None,
        auth_mode: pulumi.Input[str] | None = None,
        context: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        oauth_app: OAuthApp | pulumi.Input[Mapping[str, Any]] | None = None,
        enabled: pulumi.Input[bool] | None = None,
        adopt: bool | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare a connection.

        Args:
            resource_name: The name in the Pulumi program; it appears in no environment.
            connector: A `Connector`, or the identifier of one.
            connection_name: The name that Tool Proxy calls use. An environment has it once.
            auth_type: The type of the connector's auth pattern; taken from a `Connector` where not given.
            auth_mode: `USER`, the default: each user has an own account; or `ORG_WIDE`: an admin authorizes one.
            context: `domain` and `version`, which fill a templated `proxy_url` for this connection.
            oauth_app: The upstream's OAuth application, for connectors that use OAuth over REST.
            enabled: Whether it can be used; left as it is where not given.
            adopt: Take over the existing connection of that name instead of creating one.
            opts: Pulumi's resource options.
        """
        check_options("Connection", opts)
        about: dict[str, Any] = {} if opts is None or opts.id is None else {"get": True}
        if isinstance(connector, Connector):
            auth_type = connector.auth_patterns.apply(_type_of) if auth_type is None else auth_type
            about["mcp"] = connector.auth_patterns.apply(_is_mcp)
            about["connector_urn"] = connector.urn
            connector = connector.identifier
        declared: dict[str, Any] = {
            "connector": connector,
            "connection_name": connection_name,
            "auth_type": auth_type,
            "auth_mode": auth_mode,
            "context": context,
            "enabled": enabled,
            "adopt": adopt or None,
        }
        declared = {key: reusable(value) for key, value in declared.items()}
        settings = _settings_of(oauth_app)
        # The secret is known by its name: it does not hide the rest of the application.
        about = context_of({**declared, "oauth_app": settings}, about, opts)
        declared["oauth_app"] = _with_marked_secret(settings)
        # The secret comes back among the outputs, by which the next run knows whether it was rotated; a URL may have
        # a secret in it that was filled in.
        hidden = [
            "oauth_app",
            *(["resolved_proxy_url"] if holds_outputs(declared["context"]) else []),
            *(["mcp_server_url"] if holds_outputs(declared["connection_name"]) else []),
        ]
        marking = pulumi.ResourceOptions(additional_secret_outputs=hidden)
        options = marking if opts is None else pulumi.ResourceOptions.merge(marking, opts)
        props = {**dict.fromkeys((*DECLARED, *_OUTPUTS)), **declared, CONTEXT_KEY: about}
        super().__init__(ConnectionProvider(), resource_name, props, options)

    @classmethod
    def get(
        cls,
        resource_name: str,
        connection_id: pulumi.Input[str],
        *,
        opts: pulumi.ResourceOptions | None = None,
    ) -> Connection:
        """Read a connection of the environment without managing it. Fails where there is none.

        Example:
            >>> shared = scalekit.Connection.get("shared", "conn_12345")
        """
        existing = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=connection_id))
        nothing: Any = None
        return cls(resource_name, connector=nothing, connection_name=nothing, opts=existing)


def _settings_of(app: Any) -> Any:
    """An OAuth application in the API's own words."""
    app = reusable(app)
    if app is None or isinstance(app, pulumi.Output):
        return app
    if not isinstance(app, (OAuthApp, Mapping)):
        raise argument_error(
            "Connection(): oauth_app must be an OAuthApp, or a mapping of the same properties"
        )
    given = (
        {field.name: getattr(app, field.name) for field in dataclasses.fields(app)}
        if isinstance(app, OAuthApp)
        else dict(app)
    )
    return {key: reusable(value) for key, value in given.items() if value is not None}


def _with_marked_secret(settings: Any) -> Any:
    """The settings with the client secret marked as one; all of them where it cannot be told apart."""
    if isinstance(settings, pulumi.Output):
        return pulumi.Output.secret(settings)
    if settings is None or SECRET not in settings:
        return settings
    return {**settings, SECRET: pulumi.Output.secret(settings[SECRET])}


def _type_of(auth_patterns: Any) -> Any:
    return auth_patterns[0]["type"] if auth_patterns else None


def _is_mcp(auth_patterns: Any) -> bool:
    return bool(auth_patterns) and auth_patterns[0].get("is_mcp") is True
