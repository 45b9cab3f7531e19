"""A dynamic provider that does nothing: what Pulumi itself costs."""

from __future__ import annotations

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, ResourceProvider, UpdateResult


class NothingProvider(ResourceProvider):
    """Answers at once. Pickled by reference, it is as small in the state as a provider can be."""

    serialize_as_secret_always = False

    def create(self, props):
        """Take the name for an identifier."""
        return CreateResult(props["display_name"], {**props, "identifier": props["display_name"]})

    def read(self, id_, props):
        """Find everything as it was."""
        return ReadResult(id_, props)

    def update(self, _id, _olds, news):
        """Take what is new."""
        return UpdateResult({**news, "identifier": news["display_name"]})


class Nothing(Resource):
    """A resource with the inputs of a connector."""

    identifier: pulumi.Output[str]

    def __init__(self, name, payload):
        super().__init__(NothingProvider(), name, {**payload, "identifier": None})
