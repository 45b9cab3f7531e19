"""The names of what an operation takes and returns, out of schemas, and of examples where it has no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_scalekit.definition.normalize import mapping

from .documents import Document, follow, listed


def taken(document: Document, operation: Mapping[str, Any]) -> Iterator[str]:
    """The parameters and fields that an operation takes."""
    for entry in listed(operation.get("parameters")):
        parameter = mapping(follow(document, entry))
        yield str(parameter.get("name"))
        yield from _properties(document, parameter.get("schema"), set())
    yield from _content(document, operation.get("requestBody"))


def returned(document: Document, operation: Mapping[str, Any]) -> Iterator[str]:
    """The fields that an operation returns where it succeeds."""
    for status, response in mapping(operation.get("responses")).items():
        if str(status).startswith("2"):
            yield from _content(document, response)
            yield from _properties(document, mapping(follow(document, response)).get("schema"), set())


def _content(document: Document, holder: Any) -> Iterator[str]:
    for media in mapping(mapping(follow(document, holder)).get("content")).values():
        yield from _properties(document, mapping(media).get("schema"), set())
        yield from map(str, mapping(mapping(media).get("example")))


def _properties(document: Document, schema: Any, seen: set[int], depth: int = 3) -> Iterator[str]:
    found = mapping(follow(document, schema))
    if id(found) in seen or not depth:
        return
    seen.add(id(found))
    yield from map(str, mapping(found.get("example")))
    for name, inner in mapping(found.get("properties")).items():
        yield str(name)
        yield from _properties(document, inner, seen, depth - 1)
    for way in ("allOf", "oneOf", "anyOf"):
        for part in listed(found.get(way)):
            yield from _properties(document, part, seen, depth)
