# ruff: noqa: ARG002, D102 - every provider has the methods of `Provider`, with all of their arguments
"""The provider instances of a deployment, and the provider of provider resources."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from pulumi_embedded.errors import EmbeddedError, Unsupported
from pulumi_embedded.state.resources import Resource
from pulumi_embedded.state.urns import PROVIDER_PREFIX, provider_reference, urn_type
from pulumi_embedded.values.diff import Changes, DiffResult
from pulumi_embedded.values.values import UNKNOWN_STRING, Properties, contains_secret, deep_equals

from .dynamic import CheckFailure, DynamicProvider, ProviderProcess, ReadResult

DYNAMIC_PACKAGE = "pulumi-python"
BUILTIN_PACKAGE = "pulumi"
STACK_REFERENCE_TYPE = "pulumi:pulumi:StackReference"


class Provider(Protocol):
    """The life cycle of a resource."""

    def check(
        self, urn: str, olds: Properties, news: Properties, *, preview: bool
    ) -> tuple[Properties, list[CheckFailure]]: ...

    def diff(
        self,
        urn: str,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str],
        *,
        preview: bool,
    ) -> DiffResult: ...

    def create(
        self, urn: str, inputs: Properties, *, timeout: float, preview: bool
    ) -> tuple[str, Properties]: ...

    def read(
        self, urn: str, identifier: str, inputs: Properties, outputs: Properties, *, timeout: float
    ) -> ReadResult: ...

    def update(
        self,
        urn: str,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str],
        *,
        timeout: float,
        preview: bool,
    ) -> Properties: ...

    def delete(
        self, urn: str, identifier: str, inputs: Properties, outputs: Properties, *, timeout: float
    ) -> None: ...


class Builtins:
    """The provider of the package `pulumi`: stack references."""

    def __init__(self, stack_outputs: Callable[[str], Properties]) -> None:
        """Take a function from a stack's name to its outputs."""
        self._stack_outputs = stack_outputs

    def check(
        self, urn: str, olds: Properties, news: Properties, *, preview: bool
    ) -> tuple[Properties, list[CheckFailure]]:
        """Accept the inputs as they are."""
        return news, []

    def diff(
        self,
        urn: str,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str],
        *,
        preview: bool,
    ) -> DiffResult:
        """Replace when the name changes."""
        if deep_equals(old_inputs.get("name"), new_inputs.get("name")):
            return DiffResult(Changes.NONE)
        return DiffResult(Changes.SOME, replace_keys=("name",))

    def create(
        self, urn: str, inputs: Properties, *, timeout: float, preview: bool
    ) -> tuple[str, Properties]:
        """Refuse: a program only ever reads a stack reference."""
        raise Unsupported(f"creating {urn}")

    def read(
        self, urn: str, identifier: str, inputs: Properties, outputs: Properties, *, timeout: float
    ) -> ReadResult:
        """Read another stack's outputs."""
        if urn_type(urn) != STACK_REFERENCE_TYPE:
            raise Unsupported(f"a resource of type {urn_type(urn)}")
        name = outputs.get("name", inputs.get("name", identifier))
        found = self._stack_outputs(str(name))
        secret = sorted(key for key, value in found.items() if contains_secret(value))
        return ReadResult(identifier, {"name": name, "outputs": found, "secretOutputNames": secret}, inputs)

    def update(
        self,
        urn: str,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str],
        *,
        timeout: float,
        preview: bool,
    ) -> Properties:
        """Refuse: see `create`."""
        raise Unsupported(f"updating {urn}")

    def delete(
        self, urn: str, identifier: str, inputs: Properties, outputs: Properties, *, timeout: float
    ) -> None:
        """Do nothing: there is nothing outside the state."""


class Providers:
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

    def check(
        self, urn: str, olds: Properties, news: Properties, *, preview: bool
    ) -> tuple[Properties, list[CheckFailure]]:
        """Accept the configuration as it is: dynamic providers do not check theirs."""
        return news, []

    def diff(
        self,
        urn: str,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str],
        *,
        preview: bool,
    ) -> DiffResult:
        """Compare configurations; a dynamic provider never needs a replacement."""
        same = deep_equals(old_outputs, _public(new_inputs))
        return DiffResult(Changes.NONE if same else Changes.SOME)

    def create(
        self, urn: str, inputs: Properties, *, timeout: float, preview: bool
    ) -> tuple[str, Properties]:
        """Load a new instance under a new id."""
        identifier = UNKNOWN_STRING if preview else str(uuid.uuid4())
        self._set(urn, identifier, inputs)
        return identifier, _public(inputs)

    def read(
        self, urn: str, identifier: str, inputs: Properties, outputs: Properties, *, timeout: float
    ) -> ReadResult:
        """Refuse: a provider exists nowhere but in the state."""
        raise Unsupported(f"reading the provider {urn}")

    def update(
        self,
        urn: str,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str],
        *,
        timeout: float,
        preview: bool,
    ) -> Properties:
        """Load the instance with its new configuration."""
        self._set(urn, identifier, new_inputs)
        return _public(new_inputs)

    def delete(
        self, urn: str, identifier: str, inputs: Properties, outputs: Properties, *, timeout: float
    ) -> None:
        """Unload the instance."""
        with self._lock:
            instance = self._instances.pop(provider_reference(urn, identifier), None)
        if isinstance(instance, DynamicProvider):
            instance.close()


def _public(inputs: Properties) -> Properties:
    return {key: value for key, value in inputs.items() if key != "__internal"}
