"""An explicit provider: the environment and the credentials of some of a program's resources."""

from __future__ import annotations

from typing import Any, Final

import pulumi

from .arguments import ArgumentsChecked, check_options
from .settings import EXPLICIT, FLAGS, NUMBERS

PACKAGE: Final = "pulumi-python"
"""What Pulumi calls the package of all dynamic resources in Python."""


class Provider(ArgumentsChecked, pulumi.ProviderResource):
    """An environment of its own for the resources that name it, so that one program reaches several.

    A resource without `opts=pulumi.ResourceOptions(provider=...)` goes to the environment of the stack's own
    settings, which a program whose resources all name a provider does not need. What is not given here comes from
    the environment variables, not from the stack's configuration. `SCALEKIT_CLIENT_SECRET` takes the place of
    `client_secret` only where `SCALEKIT_CLIENT_ID` is the same `client_id`.

    Example:
        >>> production = scalekit.Provider(
        ...     "production",
        ...     environment_url="https://acme.scalekit.com",
        ...     client_id="skc_12345",
        ...     client_secret=pulumi.Config().require_secret("productionSecret"),
        ... )
        >>> crm = scalekit.Connector.from_json(
        ...     "crm", "connectors/crm.json", opts=pulumi.ResourceOptions(provider=production)
        ... )
    """

    def __init__(
        self,
        resource_name: str,
        *,
        environment_url: pulumi.Input[str],
        client_id: pulumi.Input[str],
        client_secret: pulumi.Input[str],
        former_environment_url: pulumi.Input[str] | None = None,
        adopt_identical: pulumi.Input[bool] | None = None,
        allow_empty_environment: pulumi.Input[bool] | None = None,
        parallel: pulumi.Input[int] | None = None,
        timeout: pulumi.Input[float] | None = None,
        rate_limit_wait: pulumi.Input[float] | None = None,
        attempts: pulumi.Input[int] | None = None,
        backoff: pulumi.Input[float] | None = None,
        list_delay: pulumi.Input[float] | None = None,
        requests_per_minute: pulumi.Input[float] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare a provider.

        Args:
            resource_name: The name in the Pulumi program.
            environment_url: The environment's base URL.
            client_id: The API client's id.
            client_secret: Its secret. It is encrypted in the state, whether or not it is marked secret.
            former_environment_url: The URL by which this environment was known before.
            adopt_identical: Whether a create takes over the one connector or connection of its name if as declared.
            allow_empty_environment: Whether a refresh may find that the environment has no custom connector left.
            parallel: Calls under way at once, at most.
            timeout: Seconds that one HTTP call may take in all.
            rate_limit_wait: Seconds that calls wait for a rate limit while none comes through, before they fail.
            attempts: Tries of a call that fails for a passing reason.
            backoff: Seconds before the first repetition; each further one waits twice as long.
            list_delay: Seconds by which a list may show a write late.
            requests_per_minute: Requests in any minute, at most, evenly spread; 0 for no limit.
            opts: Pulumi's resource options.

        Raises:
            ArgumentError: An argument is missing, or there is none of that name.
        """
        check_options("Provider", opts)
        tuning = {
            "adopt_identical": adopt_identical,
            "allow_empty_environment": allow_empty_environment,
            "parallel": parallel,
            "timeout": timeout,
            "rate_limit_wait": rate_limit_wait,
            "attempts": attempts,
            "backoff": backoff,
            "list_delay": list_delay,
            "requests_per_minute": requests_per_minute,
        }
        properties: dict[str, Any] = {
            EXPLICIT: "true",
            "environmentUrl": environment_url,
            "clientId": client_id,
            "clientSecret": pulumi.Output.secret(client_secret),
            "formerEnvironmentUrl": former_environment_url,
        }
        for setting in (*FLAGS, *NUMBERS):
            value = tuning[setting.attribute]
            properties[setting.key] = None if value is None else pulumi.Output.from_input(value).apply(_text)
        super().__init__(
            PACKAGE, resource_name, {f"scalekit:{key}": value for key, value in properties.items()}, opts
        )


def _text(value: float) -> str:
    """A setting as a stack's configuration has it, where every value is text."""
    return str(value).lower() if isinstance(value, bool) else f"{value:.15g}"
