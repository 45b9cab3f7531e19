"""Scalekit custom connectors as code, on Pulumi."""

from ._version import __version__
from .auth import (
    ApiKeyAuth,
    BasicAuth,
    BearerAuth,
    Field,
    Mutation,
    NoAuth,
    OAuth,
    OAuthConfig,
    Option,
    Scope,
)
from .connection import Connection, OAuthApp
from .connector import Connector
from .definition.info import ConnectorInfo
from .explicit_provider import Provider
from .functions import get_connectors

__all__ = [
    "ApiKeyAuth",
    "BasicAuth",
    "BearerAuth",
    "Connection",
    "Connector",
    "ConnectorInfo",
    "Field",
    "Mutation",
    "NoAuth",
    "OAuth",
    "OAuthApp",
    "OAuthConfig",
    "Option",
    "Provider",
    "Scope",
    "__version__",
    "get_connectors",
]
