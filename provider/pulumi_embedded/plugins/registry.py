# ruff: noqa: ARG002 - every provider has the methods of `Provider`, with all of their arguments
"""The provider instances of a deployment, and the provider of provider resources."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Sequence

from pulumi_embedded.errors import EmbeddedError, Unsupported
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import PROVIDER_PREFIX, provider_reference, urn_type
from pulumi_embedded.values.diff import Changes, DiffResult
from pulumi_embedded.values.values import UNKNOWN_STRING, Properties, contains_secret, deep_equals

from .dynamic import DynamicProvider, ProviderProcess
from .provider import Provider, ReadResult

DYNAMIC_PACKAGE = "pulumi-python"
BUILTIN_PACKAGE = "pulumi"
STACK_REFERENCE_TYPE = "pulumi:pulumi:StackReference"


class Builtins(Provider):
    """The provider of the package `pulumi`: stack references, which a program only ever reads."""

    def __init__(self, stack_outputs: Callable[[str], Properties]) -> None:
        """Take a function from a stack's name to its outputs."""
        self._stack_outputs = stack_outputs

    def diff(
        self, old: Resource, news: Properties, ignored: Sequence[str], *, urn: str, preview: bool
    ) -> DiffResult:
        """Replace when the name changes."""
        if deep_equals(old.inputs.get("name"), news.get("name")):
            return DiffResult(Changes.NONE)
        return DiffResult(Changes.SOME, replace_keys=("name",))

    def read(self, resource: Resource, outputs: Properties) -> ReadResult:
        """Read another stack's outputs."""
        if resource.type != STACK_REFERENCE_TYPE:
            raise Unsupported(f"a resource of type {resource.type}")
        name = outputs.get("name", resource.inputs.get("name", resource.id))
        found = self._stack_outputs(str(name))
        secret = sorted(key for key, value in found.items() if contains_secret(value))
        return ReadResult(
            resource.id, {"name": name, "outputs": found, "secretOutputNames": secret}, resource.inputs
        )


class Providers(Provider):
    """Every provider instance by its reference; also the provider of the provider resources themselves."""

    def __init__(
        self,
        start: Callable[[], ProviderProcess],
        stack_outputs: Callable[[str], Properties],
        olds: Callable[[], Iterable[Resource]],
    ) -> None:
        """Prepare an empty registry.

        Args:
            start: starts a dynamic provider process.
            stack_outputs: reads another stack's outputs.
            olds: the resources of the state before, among them providers that nothing registers now.
        """
        self._start = start
        self._builtins = Builtins(stack_outputs)
        self._olds = olds
        self._instances: dict[str, Provider] = {}
        self._aliases: dict[str, str] = {}
        self._lock = threading.RLock()  # a signal handler calls `kill` in a thread that may be here already

    # -- instances

    def alias(self, urn: str, old_urn: str) -> None:
        """Let a provider be found under the URN that it had, too."""
        self._aliases[urn] = old_urn

    def find(self, reference: str) -> Provider | None:
        """Return an instance, if it is loaded."""
        with self._lock:
            return self._instances.get(reference)

    def for_resource(self, resource: Resource) -> Provider:
        """Return the provider of a resource.

        Raises:
            EmbeddedError: it was not loaded.
        """
        if resource.is_provider:
            return self
        found = self.find(resource.provider)
        if found is None:
            raise EmbeddedError(f"unknown provider '{resource.provider}' for resource {resource.urn}")
        return found

    def ensure(self, reference: str) -> None:
        """Load the provider that a resource of the state needs.

        Raises:
            EmbeddedError: the state does not have it.
        """
        if not reference or self.find(reference) is not None:
            return
        for resource in self._olds():
            if resource.is_provider and provider_reference(resource.urn, resource.id) == reference:
                self.load(resource.urn, resource.id, resource.inputs)
                return
        raise EmbeddedError(f"could not find provider {reference}")

    def load(self, urn: str, identifier: str, inputs: Properties) -> None:
        """Load an instance as the state has it, if it is not loaded yet."""
        reference = provider_reference(urn, identifier)
        if self.find(reference) is None:
            self._set(urn, identifier, inputs)

    def _set(self, urn: str, identifier: str, inputs: Properties) -> None:
        package = urn_type(urn).removeprefix(PROVIDER_PREFIX)
        instance: Provider
        if package == DYNAMIC_PACKAGE:
            instance = DynamicProvider(urn, identifier, inputs, self._start)
        elif package == BUILTIN_PACKAGE:
            instance = self._builtins
        else:
            raise Unsupported(f"the provider of the package {package!r}")
        with self._lock:
            replaced = self._instances.get(provider_reference(urn, identifier))
            self._instances[provider_reference(urn, identifier)] = instance
            if urn in self._aliases:
                self._instances[provider_reference(self._aliases[urn], identifier)] = instance
        if isinstance(replaced, DynamicProvider):
            replaced.close()

    def close(self) -> None:
        """End every provider process."""
        for instance in self._dynamic():
            instance.close()

    def kill(self) -> None:
        """End every provider process at once."""
        for instance in self._dynamic():
            instance.kill()

    def _dynamic(self) -> list[DynamicProvider]:
        with self._lock:
            return [found for found in set(self._instances.values()) if isinstance(found, DynamicProvider)]

    # -- the life cycle of provider resources

    def diff(
        self, old: Resource, news: Properties, ignored: Sequence[str], *, urn: str, preview: bool
    ) -> DiffResult:
        """Compare configurations; a dynamic provider never needs a replacement."""
        return DiffResult(Changes.NONE if deep_equals(old.outputs, _public(news)) else Changes.SOME)

    def create(self, new: Resource, *, preview: bool) -> tuple[str, Properties]:
        """Load a new instance under a new id."""
        identifier = UNKNOWN_STRING if preview else str(uuid.uuid4())
        self._set(new.urn, identifier, new.inputs)
        return identifier, _public(new.inputs)

    def update(self, old: Resource, new: Resource, ignored: Sequence[str], *, preview: bool) -> Properties:
        """Load the instance with its new configuration."""
        self._set(new.urn, old.id, new.inputs)
        return _public(new.inputs)

    def delete(self, old: Resource) -> None:
        """Unload the instance."""
        with self._lock:
            instance = self._instances.pop(provider_reference(old.urn, old.id), None)
        if isinstance(instance, DynamicProvider):
            instance.close()


def _public(inputs: Properties) -> Properties:
    return {key: value for key, value in inputs.items() if key != "__internal"}
