"""A dynamic provider that does nothing: what Pulumi itself costs."""

from __future__ import annotations

from typing import Any, ClassVar

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, ResourceProvider, UpdateResult


class NothingProvider(ResourceProvider):
    """Answers at once. Pickled by reference, it is as small in the state as a provider can be."""

    serialize_as_secret_always = False
    outputs: ClassVar[dict[str, Any]] = {}
    """What it adds to the inputs, beside the identifier."""

    def create(self, props):
        """Take the name for an identifier."""
        return CreateResult(props["display_name"], self._made_of(props))

    def read(self, id_, props):
        """Find everything as it was."""
        return ReadResult(id_, props)

    def update(self, _id, _olds, news):
        """Take what is new."""
        return UpdateResult(self._made_of(news))

    def _made_of(self, props):
        return {**props, **self.outputs, "identifier": props["display_name"]}


class OutputsProvider(NothingProvider):
    """Adds what Scalekit makes of a connector, always the same."""

    outputs: ClassVar[dict[str, Any]] = {
        "provider_id": "prov_58678189380911299",
        "is_custom": True,
        "is_custom_mcp": False,
        "categories": [],
        "display_priority": 0,
        "coming_soon": False,
        "environment_url": "http://127.0.0.1:39283",
    }


class Nothing(Resource):
    """A resource with the inputs of a connector, and the outputs of its provider."""

    identifier: pulumi.Output[str]

    def __init__(self, name, payload, provider=None):
        provider = provider or NothingProvider()
        super().__init__(provider, name, {**payload, **dict.fromkeys(provider.outputs), "identifier": None})
