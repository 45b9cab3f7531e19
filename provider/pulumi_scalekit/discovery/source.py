"""Where a definition is read from: a document, an MCP server, a catalogue, or none of them."""

from __future__ import annotations

from dataclasses import dataclass

from .blueprint import Blueprint
from .documents import Document
from .mcp import read_mcp
from .nango import read_nango
from .notes import Notes
from .openapi import read_openapi
from .overrides import Overrides
from .reading import Reading


@dataclass(frozen=True)
class Source:
    """Where to read from."""

    document: Document | None = None
    """An OpenAPI document, as `load_document` returns it."""
    scheme: str = ""
    """The document's security scheme to take, by name."""
    server: str = ""
    """The document's server to take: its number from 1, or a part of its URL or description."""
    mcp: str = ""
    """The URL of an MCP server."""
    timeout: float = 10.0
    """Seconds that one request to the MCP server may take."""
    catalogue: str = ""
    """The file of a catalogue of Nango."""
    provider: str = ""
    """The catalogue's entry to take, by its key."""


def read(source: Source, overrides: Overrides) -> Reading:
    """Read a source.

    Raises:
        DiscoveryError: The source cannot be used.
    """
    if source.document is not None:
        return read_openapi(
            source.document,
            scheme=source.scheme,
            auth=overrides.auth or "",
            server=source.server,
            proxy_url=overrides.proxy_url or "",
        )
    if source.mcp:
        return read_mcp(source.mcp, timeout=source.timeout)
    if source.catalogue:
        return read_nango(source.catalogue, source.provider)
    return Reading(Blueprint(), Notes())
