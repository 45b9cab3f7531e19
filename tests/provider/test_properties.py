"""Laws of the provider, for random definitions: no noise, fidelity, and no crash whatever comes."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pulumi.output import Unknown

from pulumi_scalekit.definition.changes import replacements
from pulumi_scalekit.definition.check import errors
from pulumi_scalekit.definition.keys import DEFINITION_KEYS, UNKNOWN
from pulumi_scalekit.definition.normalize import normalize, plain
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.provider.values import sent

from ..support.host import Host
from ..support.strategies import ANYTHING, damaged, definitions

# A name of its own for each example: all live in one environment.
NUMBERS = itertools.count()
UNIQUE = st.builds(lambda: f"Example {next(NUMBERS)}")
several = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    # An example costs several requests, in every suite: shrinking one would take minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@given(definition=definitions())
def test_the_definitions_are_valid(definition: dict[str, Any]) -> None:
    """What the strategy makes has no mistakes: else the laws below would be about something else."""
    assert errors(plain(definition)) == []


@given(definition=definitions(UNIQUE))
@several
def test_what_is_created_is_what_was_declared(shared: LocalScalekit, definition: dict[str, Any]) -> None:
    """Create, diff, read: the store holds the declaration, types included, and nothing differs afterwards."""
    host = Host(shared)
    resource = host.create(definition)
    provider = shared.store.get_provider(resource.id)
    assert provider
    wanted = {"proxy_enabled": True, **without_none(definition)}
    assert exactly(provider.payload) == exactly(plain(wanted))

    later = Host(shared)
    assert not later.changes(resource, definition)
    read = later.read(resource)
    assert read
    assert exactly(read.inputs) == exactly(resource.inputs)
    assert exactly(read.outputs) == exactly(resource.outputs)
    assert not later.changes(read, definition)


def reachable(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The new definition, with what Scalekit's update cannot change taken from the old one."""
    kept = {key: old[key] for key in ("description", "icon_src") if old.get(key) and not new.get(key)}
    if replacements(plain(old), plain(new)):
        kept |= {key: old[key] for key in ("auth_patterns", "proxy_url")}
    return {**new, **kept}


@given(before=definitions(UNIQUE), after=definitions(UNIQUE))
@several
def test_what_is_updated_is_what_was_declared(
    shared: LocalScalekit, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Update, diff, read: the new definition takes the place of the old one, whole."""
    after = reachable(before, after)
    host = Host(shared)
    resource = host.update(host.create(before), after)
    provider = shared.store.get_provider(resource.id)
    assert provider
    assert normalize(plain(provider.payload)) == normalize(plain(after))
    later = Host(shared)
    assert not later.changes(resource, after)
    read = later.read(resource)
    assert read
    assert exactly(read.inputs) == exactly(resource.inputs)
    assert not later.changes(read, after)


@given(declared=definitions(UNIQUE), drifted=definitions(UNIQUE))
@several
def test_drift_is_seen_and_put_back(
    shared: LocalScalekit, declared: dict[str, Any], drifted: dict[str, Any]
) -> None:
    """Whatever is changed behind Pulumi's back, a refresh sees it, and an update restores the declaration."""
    drifted = reachable(declared, drifted)
    declared = reachable(drifted, declared)
    resource = Host(shared).create(declared)
    payload = {"proxy_enabled": True, **without_none(drifted)}
    shared.store.update_provider(resource.id, lambda _: payload)
    host = Host(shared)
    read = host.read(resource)
    assert read
    seen = {key: value for key, value in read.inputs.items() if key in DEFINITION_KEYS}
    assert normalize(plain(seen)) == normalize(plain(payload))
    assert host.changes(read, declared)
    updated = host.update(read, declared)
    provider = shared.store.get_provider(resource.id)
    assert provider
    assert normalize(plain(provider.payload)) == normalize(plain(declared))
    assert not Host(shared).changes(updated, declared)
    Host(shared).delete(updated)
    assert Host(shared, allowEmptyEnvironment=True).read(updated) is None


@given(definition=st.one_of(damaged(), st.dictionaries(st.sampled_from(DEFINITION_KEYS), ANYTHING)))
@several
def test_check_never_crashes(shared: LocalScalekit, definition: dict[str, Any]) -> None:
    """Any JSON with unknown values anywhere is either fine or has mistakes; the inputs go on as they were."""
    host = Host(shared)
    inputs, mistakes = host.check(sent(definition))
    assert all("; " in mistake for mistake in mistakes)
    given_values = exactly(plain(without_none(definition)))
    kept = exactly({key: value for key, value in inputs.items() if key in DEFINITION_KEYS})
    assert kept == given_values


@given(old=definitions(UNIQUE), new=damaged())
@several
def test_diff_never_crashes(shared: LocalScalekit, old: dict[str, Any], new: dict[str, Any]) -> None:
    """A change to anything, unknown values among it, is compared; what is replaced is what cannot change in place."""
    host = Host(shared)
    resource = host.create(old)
    inputs, _ = host.check(sent({**new, "display_name": old["display_name"]}), resource.inputs)
    result = host.diff(resource, inputs)
    assert all(path.endswith((".type", ".is_mcp")) for path in result.replaces or ())
    if has_unknown(new):
        assert result.changes is not False


def without_none(value: Any) -> Any:
    """A value without the members that are `None`: Pulumi does not carry them."""
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    return [without_none(item) for item in value] if isinstance(value, list) else value


def has_unknown(value: Any) -> bool:
    """Whether a value that is not known is anywhere in it."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    return any(map(has_unknown, value)) if isinstance(value, list) else value is UNKNOWN


def exactly(value: Any) -> str:
    """A value as canonical JSON text, which tells 1 from true; whole numbers are the same as 1 and 1.0."""

    def canonical(item: Any) -> Any:
        if item is UNKNOWN or isinstance(item, Unknown):
            return "<unknown>"
        if isinstance(item, dict):
            return {key: canonical(member) for key, member in item.items()}
        if isinstance(item, list):
            return [canonical(member) for member in item]
        if isinstance(item, float) and item.is_integer():
            return int(item)
        assert not (isinstance(item, float) and math.isnan(item))
        return item

    return json.dumps(canonical(value), sort_keys=True)
