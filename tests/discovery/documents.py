"""Small documents with the structures that vendors publish; the services in them do not exist."""

from __future__ import annotations

from typing import Any

from pulumi_scalekit.discovery import Overrides, Result, Source, conclude, read

Document = dict[str, Any]


def openapi(
    schemes: dict[str, Any] | None = None,
    *,
    security: list[dict[str, list[str]]] | None = None,
    servers: list[dict[str, Any]] | None = None,
    paths: dict[str, Any] | None = None,
    **info: Any,
) -> Document:
    """An OpenAPI 3 document of one operation, which takes the scheme if there is one."""
    document: Document = {
        "openapi": "3.0.3",
        "info": {"title": "Acme API", "description": "Acme keeps notes for teams.", **info},
        "servers": [{"url": "https://api.acme.io/v1"}] if servers is None else servers,
        "paths": {"/notes": {"get": {"responses": {}}}} if paths is None else paths,
        "components": {"securitySchemes": schemes or {}},
    }
    if security is None and len(schemes or {}) == 1 and "security" not in str(paths):
        security = [{name: [] for name in schemes or {}}]
    return document if security is None else {**document, "security": security}


def swagger(definitions: dict[str, Any] | None = None, **more: Any) -> Document:
    """A Swagger 2.0 document of one operation, which takes the scheme if there is one."""
    return {
        "swagger": "2.0",
        "info": {"title": "Acme API", "description": "Acme keeps notes for teams."},
        "host": "api.acme.io",
        "basePath": "/v1",
        "schemes": ["https"],
        "paths": {"/notes": {"get": {"responses": {}}}},
        "securityDefinitions": definitions or {},
        **(
            {"security": [{name: [] for name in definitions}]}
            if definitions and len(definitions) == 1
            else {}
        ),
        **more,
    }


def key_in(header: str, description: str = "", **more: Any) -> Document:
    """An `apiKey` scheme in a header."""
    return {"type": "apiKey", "in": "header", "name": header, "description": description, **more}


def code_flow(**more: Any) -> Document:
    """An `oauth2` scheme with the authorization code flow."""
    flow = {
        "authorizationUrl": "https://acme.io/oauth/authorize",
        "tokenUrl": "https://acme.io/oauth/token",
        "scopes": {"notes:read": "Read notes.", "notes:write": "Write notes."},
        **more,
    }
    return {"type": "oauth2", "flows": {"authorizationCode": flow}}


BEARER: Document = {"type": "http", "scheme": "bearer"}
KEY: Document = {**BEARER, "bearerFormat": "API key"}
"""A bearer token of which it is known that somebody makes it."""
JWT: Document = {**BEARER, "bearerFormat": "JWT"}
BASIC: Document = {"type": "http", "scheme": "basic"}


def discover(source: Source, overrides: Overrides) -> Result:
    """Read a source, and make a definition of it and of what the user says."""
    return conclude(read(source, overrides), overrides)
