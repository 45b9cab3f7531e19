"""What a connected account holds, and the pattern that says where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pulumi_scalekit.definition.account_values import API_CONFIG, PATH_VARIABLES, account_values
from pulumi_scalekit.definition.normalize import mapping
from pulumi_scalekit.definition.urls import placeholders
from pulumi_scalekit.errors import ScalekitError

MASK: Final = "****"
"""What stands for a credential wherever a request is shown."""


class InjectionError(ScalekitError):
    """No upstream request can be made; the message says what is missing or not allowed."""


class ForbiddenDomain(InjectionError):
    """The request would go to a domain that `allowed_proxy_domains` does not let through."""


@dataclass(frozen=True)
class AccountValues:
    """What a connected account holds. None of it is shown by `repr`."""

    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Credentials and other inputs by field name: `authorization_details.static_auth.details`."""
    path_variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Values of placeholders by name."""
    access_token: str = field(default="", repr=False)
    """The token of an OAUTH account."""

    @classmethod
    def from_api(
        cls, authorization_details: Mapping[str, Any], api_config: Mapping[str, Any] | None = None
    ) -> AccountValues:
        """Read the values out of a connected account, as the API has it.

        Placeholders are filled from `static_auth.details.path_variables`, or for OAUTH from
        `api_config.path_variables`; `oauth_token.domain` fills `{{domain}}` where neither does.
        """
        config = api_config or {}
        details = dict(mapping(mapping(authorization_details.get("static_auth")).get("details")))
        token = mapping(authorization_details.get("oauth_token"))
        variables: dict[str, Any] = {"domain": token["domain"]} if token.get("domain") else {}
        variables |= mapping(config.get("path_variables"))
        variables |= mapping(details.pop("path_variables", None))
        return cls(details, variables, str(token.get("access_token") or ""))

    def detail(self, name: str) -> str:
        """The text of a credential or another input, "" where the account has none.

        Raises:
            InjectionError: It is neither text nor a number.
        """
        return _text(name, self.details.get(name))

    def variable(self, name: str) -> str:
        """The text that fills a placeholder: a path variable, else the detail of that name; "" where there is none.

        Raises:
            InjectionError: It is neither text nor a number.
        """
        return _text(name, self.path_variables.get(name)) or self.detail(name)


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(int(value)) if float(value).is_integer() else str(value)
    raise InjectionError(f"the connected account's {name} is neither text nor a number")


def connected_account(definition: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    """The body of a connected account that holds these values, each in its one place (`account_values`).

    Args:
        definition: The connector's definition.
        fields: The values by field name; for OAUTH an access token under `token`.

    Raises:
        InjectionError: An OAUTH account without a token, since only its holder can authorize it; or with a value
            that such an account has no place for.
    """
    is_oauth = auth_pattern(definition).get("type") == "OAUTH"
    places = account_values(definition)
    in_url = list(places.get(API_CONFIG if is_oauth else PATH_VARIABLES, ()))
    if is_oauth:
        # What no account field collects is the context of a connection; such an account can have it as well.
        in_url += placeholders(definition.get("proxy_url"))
    variables = {name: fields[name] for name in in_url if name in fields}
    others = {name: value for name, value in fields.items() if name not in variables}
    if not is_oauth:
        details = {**others, "path_variables": variables} if variables else others
        return {"authorization_details": {"static_auth": {"details": details}}}
    if "token" not in fields:
        raise InjectionError(
            "An OAUTH account is made by its holder's authorization: `pulumi-scalekit accounts create` without "
            "--field prints a link for that. Or give an access token that you have with --field token=…"
        )
    if left := [name for name in others if name != "token"]:
        raise InjectionError(
            f"An OAUTH account has no place for {', '.join(left)}: beside the token it takes what goes into a URL"
        )
    return {
        "authorization_details": {"oauth_token": {"access_token": fields["token"]}},
        "api_config": {"path_variables": variables},
    }


def auth_pattern(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the definition's one auth pattern. Raises `InjectionError` when it has none."""
    patterns = definition.get("auth_patterns")
    if isinstance(patterns, list) and patterns and isinstance(patterns[0], Mapping):
        return patterns[0]
    raise InjectionError("the connector has no auth pattern")
