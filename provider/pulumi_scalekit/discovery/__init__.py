"""Definitions out of what an API says about itself.

`read_openapi` reads OpenAPI 3 and Swagger 2.0 documents, `read_mcp` asks an MCP server for its metadata, and
`read_nango` reads an entry of a catalogue. All return a `Reading`: a `Blueprint`, which becomes a definition, and notes
on where each value comes from. `read` takes the one that a `Source` names, and `conclude` lays over it what the user
says, and reviews the result.
"""

from .documents import load_document
from .errors import DiscoveryError
from .overrides import Overrides
from .reading import Reading
from .result import Result, conclude
from .source import Source, read

__all__ = [
    "DiscoveryError",
    "Overrides",
    "Reading",
    "Result",
    "Source",
    "conclude",
    "load_document",
    "read",
]
