"""Reading API documents: files of JSON or YAML, and places in them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from .errors import DiscoveryError

LIMIT: Final = 64 * 1024 * 1024
"""The largest document that is read, in bytes. The largest that vendors publish have about 15 MB."""
_REFERENCES: Final = 20
METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
"""The keys of a path item that hold operations."""

Document = Mapping[str, Any]


def load_document(path: str | Path) -> Document:
    """Read an OpenAPI 3 or Swagger 2.0 document.

    Args:
        path: A file of JSON or YAML, or `-` for standard input.

    Raises:
        DiscoveryError: It cannot be read, is neither JSON nor YAML, or describes no API.
    """
    if str(path) == "-":
        return parse_document(
            _within_limit(sys.stdin.buffer.read(LIMIT + 1), "standard input"), "standard input"
        )
    return _with_schemes(parse_document(_content(Path(path)), str(path)), Path(path))


def load_value(path: str | Path) -> Any:
    """The value that a file of JSON or YAML holds.

    Raises:
        DiscoveryError: It cannot be read, or is neither.
    """
    return _parse(_text(_content(Path(path)), str(path)), str(path))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _within_limit(file.read(LIMIT + 1), str(path))
    except OSError as error:
        raise DiscoveryError(f"Cannot read {path}: {error.strerror or error}") from None


def _within_limit(content: bytes, name: str) -> bytes:
    if len(content) > LIMIT:
        raise DiscoveryError(
            f"{name} is larger than {LIMIT // 1024 // 1024} MB, too large for an API document"
        )
    return content


def _with_schemes(document: Document, path: Path) -> Document:
    """The document with the security schemes that it keeps in files beside it.

    Only files in the document's own directory and below are read: a document must not read others.
    """
    root = path.resolve().parent

    def resolved(value: Any, directory: Path) -> tuple[Any, Path]:
        reference = value.get("$ref") if isinstance(value, Mapping) else None
        if not isinstance(reference, str) or reference.startswith("#"):
            return value, directory
        name, _, inside = reference.partition("#")
        file = (directory / unquote(name)).resolve()
        if "://" in reference or not file.is_relative_to(root) or not file.is_file():
            return value, directory
        found = _parse(_text(_content(file), str(file)), str(file))
        target = follow(found, {"$ref": f"#{inside}"}) if inside.strip("/") else found
        return target, file.parent

    components, directory = resolved(document.get("components"), root)
    schemes, directory = resolved(mapping(components).get("securitySchemes"), directory)
    if not isinstance(schemes, Mapping):
        return document
    inlined = {name: resolved(scheme, directory)[0] for name, scheme in schemes.items()}
    return {**document, "components": {**mapping(components), "securitySchemes": inlined}}


def parse_document(content: bytes, name: str) -> Document:
    """The document that JSON or YAML text holds.

    Raises:
        DiscoveryError: It is neither, or describes no API.
    """
    value = _parse(_text(content, name), name)
    if not isinstance(value, Mapping):
        raise DiscoveryError(f"{name} is not an API document: its outermost value is not a mapping")
    version = value.get("openapi")
    if (isinstance(version, (str, float)) and str(version).startswith("3")) or str(value.get("swagger")) in {
        "2",
        "2.0",
    }:
        return value
    raise DiscoveryError(f"{name} is {_kind(value)}. Give an OpenAPI 3 or Swagger 2.0 document")


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DiscoveryError(f"{name} is not UTF-8 text") from None


def _parse(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise DiscoveryError(f"{name} is nested too deeply") from None
    except ValueError as error:
        # YAML would take it too, but its message would be about something else.
        fault = f"it is not valid JSON: {error}" if text.lstrip()[:1] in {"{", "["} else ""
    import yaml

    from .yaml_reader import read_yaml

    try:
        return read_yaml(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        said = getattr(error, "problem", None) or str(error)
        raise DiscoveryError(
            f"Cannot read {name}: {fault or f'it is not valid YAML: {said}{where}'}"
        ) from None


def _kind(value: Document) -> str:
    if "openapi" in value:
        return f"an OpenAPI document of version {str(value['openapi'])[:20]}, which this version cannot read"
    if "swagger" in value or "swaggerVersion" in value:
        return "a Swagger document older than 2.0"
    if "asyncapi" in value:
        return "an AsyncAPI document, which describes messages rather than calls"
    info = value.get("info")
    if isinstance(info, Mapping) and ("_postman_id" in info or "getpostman" in str(info.get("schema"))):
        return "a Postman collection"
    if "arazzo" in value or "overlay" in value:
        return "a document about another API document"
    return "not an API document: it has neither openapi nor swagger at its top"


def follow(document: Document, value: Any) -> Any:
    """What a value stands for: a `$ref` into the same document is followed, anything else stays.

    A reference to nowhere, to another file, or around in a circle leads to `None`.
    """
    for _ in range(_REFERENCES):
        reference = value.get("$ref") if isinstance(value, Mapping) else None
        if not isinstance(reference, str):
            return value
        if not reference.startswith("#/"):
            return None
        value = document
        for step in reference[2:].split("/"):
            step = unquote(step).replace("~1", "/").replace("~0", "~")
            value = value.get(step) if isinstance(value, Mapping) else None
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """The value if it is a string, else the empty string."""
    return value if isinstance(value, str) else ""


def operations_by_path(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every operation with its path."""
    for path, item in mapping(document.get("paths")).items():
        path_item = mapping(follow(document, item))
        for method in METHODS:
            if isinstance(operation := path_item.get(method), Mapping):
                yield str(path), operation


def operations(document: Document) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Every operation with its path item."""
    for item in mapping(document.get("paths")).values():
        path_item = mapping(follow(document, item))
        for method in METHODS:
            if isinstance(operation := path_item.get(method), Mapping):
                yield path_item, operation


def requirements(document: Document) -> list[list[Any]]:
    """Every `security` that a document has: the root's, and those of its operations."""
    own = [operation.get("security") for _, operation in operations(document)]
    return [listed(security) for security in (document.get("security"), *own)]


def pointer(*steps: str | int) -> str:
    """The JSON pointer of a place in a document, as a URI fragment."""
    return "#/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in steps)
