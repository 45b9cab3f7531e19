"""What a call through a connector would send, computed from the definition alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi_scalekit.definition.keys import CREDENTIALS, FIELD_KEYS
from pulumi_scalekit.definition.normalize import mappings
from pulumi_scalekit.definition.urls import placeholders

from .account import AccountValues, InjectionError, auth_pattern
from .request import NOT_FORWARDED, UpstreamRequest, upstream_request
from .urls import split_target


@dataclass(frozen=True)
class DryRun:
    """What a call would become, and which values of it were made up."""

    method: str
    request: UpstreamRequest
    headers: tuple[tuple[str, str], ...]
    """The caller's headers that reach the upstream, and the injected ones with their credentials masked."""
    assumed: tuple[str, ...]
    """The names of the fields for which no value was given. The name takes its place."""


def dry_run(
    definition: Mapping[str, Any],
    method: str,
    target: str,
    fields: Mapping[str, str],
    headers: Iterable[tuple[str, str]] = (),
) -> DryRun:
    """The upstream request that a definition makes of a call. Nothing is sent.

    Args:
        definition: The connector's definition.
        method: The HTTP method.
        target: The path below `proxy_url`, with its query if it has one.
        fields: Values of the account, by field name. For those that are not given their name is used.
        headers: The caller's further headers. An injected one takes the place of one of the same name.

    Raises:
        InjectionError: The definition makes no request of this call; the message says why.
    """
    pattern = auth_pattern(definition)
    path, query = split_target(target)
    needed = [*placeholders(definition.get("proxy_url")), *_credentials(pattern)]
    assumed = tuple(dict.fromkeys(name for name in needed if name not in fields))
    # A host name cannot have an underscore; what is assumed is only shown.
    values = {**{name: name.replace("_", "-") for name in assumed}, **fields}
    account = AccountValues(values, values, values.get("token", "token"))
    request = upstream_request(definition, account, path, query)
    injected = request.masked()
    replaced = NOT_FORWARDED | {name.lower() for name in injected}
    forwarded = [(name, value) for name, value in headers if name.lower() not in replaced]
    return DryRun(method, request, (*forwarded, *injected.items()), assumed)


def check_fields(definition: Mapping[str, Any], fields: Mapping[str, str]) -> None:
    """Check that the connector has every field for which there is a value.

    Raises:
        InjectionError: It has not; the message names those that it has.
    """
    pattern = auth_pattern(definition)
    declared = [str(spec.get("field_name")) for key in FIELD_KEYS for spec in mappings(pattern.get(key))]
    credentials = CREDENTIALS.get(str(pattern.get("type")), ())
    known = list(dict.fromkeys([*declared, *placeholders(definition.get("proxy_url")), *credentials]))
    if unknown := [name for name in fields if name not in known]:
        has = f"it has {', '.join(known)}" if known else "it has none"
        raise InjectionError(f"the connector has no field {', '.join(unknown)}; {has}")


def _credentials(pattern: Mapping[str, Any]) -> Iterator[str]:
    """The fields whose values go into headers. A mutation's default stands in for those that no field collects."""
    declared = [
        (name, spec)
        for spec in mappings(pattern.get("fields"))
        if isinstance(name := spec.get("field_name"), str) and name
    ]
    headed = [name for name, spec in declared if spec.get("header_name")]
    if headed and pattern.get("type") == "API_KEY":
        yield from headed
        return
    names = {name for name, _ in declared}
    for credential in CREDENTIALS.get(str(pattern.get("type")), ()):
        if credential in names or pattern.get("type") == "OAUTH":
            yield credential
