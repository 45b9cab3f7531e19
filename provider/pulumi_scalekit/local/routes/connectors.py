"""The operations on connectors: create, list, update, delete. The API calls them providers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pulumi_scalekit.definition.changes import replacements
from pulumi_scalekit.definition.paths import format_path
from pulumi_scalekit.local import pagination, serialization
from pulumi_scalekit.local.credentials import READ, WRITE
from pulumi_scalekit.local.environment import Environment
from pulumi_scalekit.local.errors import (
    AlreadyExists,
    InUse,
    InUseConflict,
    InvalidArgument,
    NotFound,
    Violation,
)
from pulumi_scalekit.local.exchange import Behaviour
from pulumi_scalekit.local.request import authorize, environment_of, exchange_of, path_parameter
from pulumi_scalekit.local.store import Connection, IdentifierFormat, name_and_number, opaque

KEPT_WHEN_EMPTY = ("description", "icon_src")
"""What an update cannot clear: in proto3 an empty string is the same as none."""

_IDENTIFIER_FORMATS: Mapping[str, IdentifierFormat] = {"name": name_and_number, "opaque": opaque}


async def create(request: Request) -> Response:
    """`POST /api/v1/custom-providers`."""
    environment, exchange = environment_of(request), exchange_of(request)
    authorize(request, WRITE)
    payload = serialization.parse_payload(await exchange.body())
    exchange.log.connector = str(payload.get("display_name", ""))
    serialization.check_definition(payload)
    _check_name(environment, str(payload["display_name"]), exchange.behaviour)
    provider = environment.store.create_provider(payload, _format(environment, exchange.behaviour))
    exchange.log.connector = provider.identifier
    return JSONResponse({"provider": serialization.format_provider(provider)}, 201)


def _check_name(environment: Environment, name: str, behaviour: Behaviour) -> None:
    """Refuse a name that a connector of the catalogue has, or by the setting that another custom one has."""
    settings = environment.settings
    same_name = behaviour.same_name or settings.same_name
    newest = environment.clock.now() - settings.just_made
    for provider in environment.store.providers_named(name):
        if not provider.is_custom:
            violation = Violation("display_name", "is the name of a built-in connector", "display_name")
            raise InvalidArgument("a built-in provider has this name", [violation])
        if same_name == "refused" or (same_name == "just-made" and provider.created_at > newest):
            raise AlreadyExists("a provider with the same name was just created")


async def list_(request: Request) -> Response:
    """`GET /api/v1/providers`."""
    environment, behaviour = environment_of(request), exchange_of(request).behaviour
    authorize(request, READ)
    settings = environment.settings
    query = serialization.query(request.query_params.multi_items())
    identifier = exchange_of(request).log.connector = query.get("identifier", "")
    serialization.check_identifier(identifier)
    kind = serialization.parse_provider_type(
        query.get("filter.provider_type") or query.get("provider_type", "")
    )
    size = pagination.parse_page_size(
        query.get("page_size", ""), default=settings.default_page_size, maximum=settings.max_page_size
    )
    found = environment.store.providers(kind, identifier, behaviour.lag)
    token = "" if behaviour.repeat_page_token else query.get("page_token", "")
    page = pagination.paginate(found, token, size)
    if behaviour.repeat_page_token:
        page = replace(
            page, next_token=pagination.page_token("after", page.items[-1].seq if page.items else 0)
        )
    return JSONResponse(
        {"providers": [serialization.format_provider(provider) for provider in page.items], **page.as_json()}
    )


async def update(request: Request) -> Response:
    """`PUT /api/v1/custom-providers/{identifier}`."""
    environment, exchange = environment_of(request), exchange_of(request)
    authorize(request, WRITE)
    identifier = exchange.log.connector = path_parameter(request, "identifier")
    payload = serialization.parse_payload(await exchange.body())
    semantics = exchange.behaviour.update_semantics or environment.settings.update_semantics

    def change(stored: dict[str, Any]) -> dict[str, Any]:
        merged = merge(stored, payload, semantics)
        serialization.check_definition(merged)
        _check_immutable(stored, merged)
        return merged

    new_identifier = _format(environment, exchange.behaviour) if exchange.behaviour.new_identifier else None
    provider = environment.store.update_provider(identifier, change, new_identifier=new_identifier)
    if provider is None:
        raise NotFound(f"custom provider {identifier} not found")
    return JSONResponse({"provider": serialization.format_provider(provider)})


async def delete(request: Request) -> Response:
    """`DELETE /api/v1/custom-providers/{identifier}`."""
    environment = environment_of(request)
    authorize(request, WRITE)
    identifier = exchange_of(request).log.connector = path_parameter(request, "identifier")

    def refuse(_connections: Sequence[Connection]) -> None:
        kind = InUse if environment.settings.in_use_status == InUse.status else InUseConflict
        raise kind("cannot delete custom provider with existing connections")

    if not environment.store.delete_provider(identifier, refuse):
        raise NotFound(f"custom provider {identifier} not found")
    return JSONResponse({})


def merge(stored: Mapping[str, Any], payload: Mapping[str, Any], semantics: str) -> dict[str, Any]:
    """Return what an update makes of a stored definition, by one of the known semantics.

    `auth_patterns` replaces the stored value whole in each of them, and so does `metadata` in all but
    ``merge-metadata``.
    """
    if semantics == "wiping":
        return dict(payload)
    if semantics in {"documented", "merge-metadata"}:
        merged = dict(payload)
        for key in KEPT_WHEN_EMPTY:
            if not merged.get(key) and key in stored:
                merged[key] = stored[key]
        if semantics == "merge-metadata" and "metadata" in stored:
            merged["metadata"] = {**stored["metadata"], **merged.get("metadata", {})}
        return merged
    if semantics == "keep-empty":
        payload = {key: value for key, value in payload.items() if value not in ("", [], {}, False)}
    return {**stored, **payload}


def _check_immutable(stored: Mapping[str, Any], merged: Mapping[str, Any]) -> None:
    """Refuse a change of what cannot change in place: a pattern's `type` and `is_mcp`."""
    changed = [
        Violation(format_path(path), "cannot be changed by an update", "immutable")
        for path in replacements(stored, merged)
    ]
    if changed:
        raise InvalidArgument("Validation error", changed)


def _format(environment: Environment, behaviour: Behaviour) -> IdentifierFormat:
    return _IDENTIFIER_FORMATS[behaviour.identifier_format or environment.settings.identifier_format]


ROUTES = [
    Route("/api/v1/custom-providers", create, methods=["POST"], name="create"),
    Route("/api/v1/providers", list_, methods=["GET"], name="list"),
    Route("/api/v1/custom-providers/{identifier:path}", update, methods=["PUT"], name="update"),
    Route("/api/v1/custom-providers/{identifier:path}", delete, methods=["DELETE"], name="delete"),
]
