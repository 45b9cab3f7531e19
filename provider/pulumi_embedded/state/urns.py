"""The names of resources: URNs, and references to provider instances."""

from __future__ import annotations

from pulumi_embedded.errors import EmbeddedError

ROOT_STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"


def make_urn(stack: str, project: str, parent: str, kind: str, name: str) -> str:
    """Build a resource's URN. `parent` is a URN or empty; a child of the stack has no parent types."""
    types = kind
    if parent and urn_type(parent) != ROOT_STACK_TYPE:
        types = f"{urn_qualified_type(parent)}${kind}"
    return f"urn:pulumi:{stack}::{project}::{types}::{name}"


def check_alias(urn: str) -> str:
    """Return the URN that an alias is.

    Raises:
        EmbeddedError: it is not a URN.
    """
    if not urn.startswith("urn:pulumi:") or urn.count("::") < 3:
        raise EmbeddedError(f'invalid alias URN: invalid URN "{urn}"')
    return urn


def urn_qualified_type(urn: str) -> str:
    """Return the types of a URN, its parents' first, joined by `$`."""
    return urn.split("::", 3)[2]


def urn_type(urn: str) -> str:
    """Return a URN's own type."""
    return urn_qualified_type(urn).rsplit("$", 1)[-1]


def urn_name(urn: str) -> str:
    """Return a URN's resource name; it may hold anything, `::` included."""
    return urn.split("::", 3)[3]


def is_provider(kind: str) -> bool:
    """Whether a type is that of a provider."""
    return kind.startswith(PROVIDER_PREFIX)


def is_default_provider(urn: str) -> bool:
    """Whether a URN is that of a provider which the engine made by itself."""
    return is_provider(urn_type(urn)) and urn_name(urn).startswith("default")


def provider_reference(urn: str, identifier: str) -> str:
    """Name one provider instance, as resources do."""
    return f"{urn}::{identifier}"


def split_reference(reference: str) -> tuple[str, str]:
    """Split a provider reference into URN and id."""
    urn, _, identifier = reference.rpartition("::")
    if not urn.startswith("urn:"):
        raise EmbeddedError(f"{reference!r} is not a provider reference")
    return urn, identifier
