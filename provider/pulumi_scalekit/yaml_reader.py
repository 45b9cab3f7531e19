"""YAML into plain values, from the parser's events.

PyYAML's loader first builds a tree of nodes and resolves the type of each scalar by itself: on documents of several
megabytes that takes about ten times as long as parsing, and several times the memory. Here each distinct scalar is
resolved once, and values are built as the events come. Nesting costs no recursion.

What YAML 1.1 sees more in a scalar than YAML 1.2, and so OpenAPI, stays a string where documents trip over it: `=`
alone, what looks like a date or a time, and words such as `no`, which is also Norway. Tags that would make other
objects are refused.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any, Final

import yaml

_TAG: Final = "tag:yaml.org,2002:"
_LEFT_OUT: Final = frozenset([f"{_TAG}timestamp", f"{_TAG}value"])
_BOOL: Final = re.compile(r"(?:true|True|TRUE|false|False|FALSE)$")
_MERGE: Final = f"{_TAG}merge"
_SCALARS: Final = frozenset(f"{_TAG}{name}" for name in ("null", "bool", "int", "float"))
_COLLECTIONS: Final = frozenset([None, "!", f"{_TAG}map", f"{_TAG}seq"])


class _MergeKey:
    """Stands for the key `<<`, which takes over what another mapping has."""


def read_yaml(text: str) -> Any:
    """The value of a YAML document; of several, the first one's.

    Raises:
        yaml.YAMLError: It is not valid YAML, or has tags other than YAML's own.

    Example:
        >>> read_yaml("{day: 2024-01-31, country: no, size: 3}")
        {'day': '2024-01-31', 'country': 'no', 'size': 3}
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        return _Builder().build(loader)
    finally:
        loader.dispose()


class _Builder:
    def __init__(self) -> None:
        self._known: dict[str, Hashable] = {}
        self._anchors: dict[str, Any] = {}
        self._constructor = yaml.constructor.SafeConstructor()
        self._resolvers = {
            first: [
                (tag, _BOOL if tag == f"{_TAG}bool" else pattern)
                for tag, pattern in known
                if tag not in _LEFT_OUT
            ]
            for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    def build(self, loader: Any) -> Any:
        root: list[Any] = []
        open_: list[tuple[Any, Any]] = [(root, None)]
        """The collections that are not complete yet, each with the key that waits for its value."""
        while True:
            event = loader.get_event()
            if event is None or isinstance(event, (yaml.DocumentEndEvent, yaml.StreamEndEvent)):
                return root[0] if root else None
            if isinstance(event, yaml.ScalarEvent):
                self._add(open_, self._named(event, self._scalar(event)), event)
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in self._anchors:
                    raise _fault(f"found undefined alias {event.anchor!r}", event)
                self._add(open_, self._anchors[event.anchor], event)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                if event.tag not in _COLLECTIONS:
                    raise _unknown_tag(event)
                value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                self._add(open_, self._named(event, value), event)
                open_.append((value, _NOTHING))
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                _merge(open_.pop()[0], event)

    def _named(self, event: Any, value: Any) -> Any:
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        return value

    def _add(self, open_: list[tuple[Any, Any]], value: Any, event: Any) -> None:
        collection, key = open_[-1]
        if isinstance(collection, list):
            collection.append(value)
        elif key is _NOTHING:
            if not isinstance(value, Hashable):
                raise _fault("found a key that is not a scalar", event)
            open_[-1] = (collection, value)
        else:
            if key is _MergeKey and _MergeKey in collection:
                value = [*_listed(collection[_MergeKey]), *_listed(value)]
            collection[key] = value
            open_[-1] = (collection, _NOTHING)

    def _scalar(self, event: Any) -> Any:
        tag, text = event.tag, event.value
        if tag not in (None, "!"):
            if tag == f"{_TAG}str":
                return text
            if tag not in _SCALARS:
                raise _unknown_tag(event)
            return self._converted(tag, event)
        if not event.implicit[0]:  # it is quoted
            return text
        if text not in self._known:
            self._known[text] = self._resolved(event)
        return self._known[text]

    def _resolved(self, event: Any) -> Any:
        text = event.value
        if ":" in text:
            return text  # to YAML 1.1, 1:30 is ninety
        for tag, pattern in self._resolvers.get(text[:1], []):
            if pattern.match(text):
                return _MergeKey if tag == _MERGE else self._converted(tag, event)
        return text

    def _converted(self, tag: str, event: Any) -> Any:
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        convert = getattr(self._constructor, f"construct_yaml_{tag.removeprefix(_TAG)}")
        try:
            return convert(node)
        except (LookupError, AttributeError):
            # PyYAML expects a value to look like its tag, and fails in ways of its own where it does not.
            raise ValueError(f"{event.value!r} is not a value of the type {tag}") from None


class _Nothing:
    """Stands for the key that a mapping has not got yet."""


_NOTHING: Final = _Nothing()


def _merge(collection: Any, event: Any) -> None:
    """Put what a merge key refers to behind a mapping's own keys."""
    if not isinstance(collection, dict) or _MergeKey not in collection:
        return
    for source in _listed(collection.pop(_MergeKey)):
        if not isinstance(source, dict):
            raise _fault("expected a mapping or a list of mappings for merging", event)
        for key, value in source.items():
            collection.setdefault(key, value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _unknown_tag(event: Any) -> yaml.YAMLError:
    return _fault(f"could not determine a constructor for the tag {event.tag!r}", event)


def _fault(problem: str, event: Any) -> yaml.YAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
