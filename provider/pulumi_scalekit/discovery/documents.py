"""Reading API documents: files of JSON or YAML, and places in them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from pulumi_scalekit.definition.normalize import mapping

from .errors import DiscoveryError

LIMIT: Final = 64 * 1024 * 1024
"""The largest document that is read, in bytes. The largest that vendors publish have about 15 MB."""
_REFERENCES: Final = 20
_SUFFIXES: Final = frozenset([".json", ".yaml", ".yml"])
_OTHER_FILE: Final = re.compile(rb"\$ref[\"']?\s{0,20}:\s{0,20}[\"']?(?!#|https?:)[\w./-]")
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
    content = _content(Path(path))
    document = parse_document(content, str(path))
    return _bundled(document, Path(path)) if _OTHER_FILE.search(content) else document


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


def _bundled(document: dict[str, Any], main: Path) -> Document:
    """The document with the files that it refers to, as `x-files`, and with its references leading there.

    Only files in the document's own directory and below are read: a document must not read others.
    """
    main = main.resolve()
    root = main.parent
    files: dict[str, Any] = {}
    places = {main: ""}
    waiting: list[tuple[Any, Path]] = [(document, main)]
    space = LIMIT

    def place(name: str, base: Path) -> str | None:
        """The pointer to a file's value, or `None` where it is not to be read, or cannot be."""
        nonlocal space
        try:
            file = (base.parent / unquote(name)).resolve()
            if file in places:
                return places[file]
            if file.suffix.lower() not in _SUFFIXES or not file.is_relative_to(root) or not file.is_file():
                return None
            space -= file.stat().st_size
            if space < 0:
                return None
            value = _parse(_text(_content(file), str(file)), str(file))
        except (OSError, ValueError, RuntimeError, DiscoveryError):
            return None
        places[file] = f"/x-files/{len(files)}"
        files[str(len(files))] = value
        waiting.append((value, file))
        return places[file]

    while waiting:
        value, file = waiting.pop()
        for holder in _referring(value):
            name, _, inside = holder["$ref"].partition("#")
            if "://" not in name:
                found = place(name, file) if name else places[file]
                if found is not None:
                    holder["$ref"] = f"#{found}{inside.rstrip('/')}"
    return {**document, "x-files": files}


def _referring(value: Any) -> list[dict[str, Any]]:
    """The mappings in a value that refer to something."""
    found: list[dict[str, Any]] = []
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, (dict, list)) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            if isinstance(item.get("$ref"), str):
                found.append(item)
            waiting.extend(item.values())
        else:
            waiting.extend(item)
    return found


def parse_document(content: bytes, name: str) -> dict[str, Any]:
    """The document that JSON or YAML text holds.

    Raises:
        DiscoveryError: It is neither, or describes no API.
    """
    value = _parse(_text(content, name), name)
    if not isinstance(value, dict):
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

    from pulumi_scalekit.yaml_reader import read_yaml

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
            value = _member(value, unquote(step).replace("~1", "/").replace("~0", "~"))
    return None


def _member(value: Any, step: str) -> Any:
    """What a step of a JSON pointer leads to; a number that YAML does not quote is the key of a status."""
    number = int(step) if step.isascii() and step.isdecimal() else None
    if isinstance(value, Mapping):
        return value.get(step, value.get(number))
    return value[number] if isinstance(value, list) and number is not None and number < len(value) else None


def listed(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """The value if it is a string, else the empty string."""
    return value if isinstance(value, str) else ""


def operations(document: Document) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Every operation with its path and its path item.

    What stands beside a path item's reference belongs to it, such as servers.
    """
    for path, item in mapping(follow(document, document.get("paths"))).items():
        target = mapping(follow(document, item))
        path_item = target if target is item else {**mapping(item), **target}
        for method in METHODS:
            if isinstance(operation := path_item.get(method), Mapping):
                yield str(path), path_item, operation


def general_prose(document: Document) -> list[str]:
    """The descriptions of the API and of its tags, which often speak of authentication."""
    texts = [text_of(mapping(document.get("info")).get("description"))]
    texts += [text_of(mapping(tag).get("description")) for tag in listed(document.get("tags"))]
    return [text for text in texts if text]


def requirements(document: Document) -> list[list[Any]]:
    """Every `security` that a document has: the root's, and those of its operations."""
    own = [operation.get("security") for *_, operation in operations(document)]
    return [listed(security) for security in (document.get("security"), *own)]


def ways(document: Document, operation: Mapping[str, Any]) -> list[Any]:
    """What an operation accepts: its own `security`, or else the root's."""
    return listed(operation.get("security", document.get("security")))


def pointer(*steps: str | int) -> str:
    """The JSON pointer of a place in a document, as a URI fragment."""
    return "#/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in steps)
