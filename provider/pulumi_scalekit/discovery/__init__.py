"""Definitions out of what an API says about itself.

`read_openapi` reads OpenAPI 3 and Swagger 2.0 documents, `read_mcp` asks an MCP server for its metadata. Both
give a `Blueprint`, which becomes a definition, and notes on where each value comes from. `discover` lays over it
what the user says, and reviews the result.
"""

from .answers import Answers, Result, Source, conclude, discover, read
from .blueprint import Blueprint, HeaderKey, Input, Scope
from .documents import load_document
from .mcp import read_mcp
from .notes import Choice, DiscoveryError, Note, Notes
from .openapi import Reading, read_openapi

__all__ = [
    "Answers",
    "Blueprint",
    "Choice",
    "DiscoveryError",
    "HeaderKey",
    "Input",
    "Note",
    "Notes",
    "Reading",
    "Result",
    "Scope",
    "Source",
    "conclude",
    "discover",
    "load_document",
    "read",
    "read_mcp",
    "read_openapi",
]
