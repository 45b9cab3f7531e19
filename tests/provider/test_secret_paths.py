"""How the provider remembers which values are secret: not among the inputs, and in no plan."""

from __future__ import annotations

import pytest

from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.provider.failures import Failure
from pulumi_scalekit.provider.keys import CONTEXT_KEY, SECRET_PATHS

from ..support.definitions import Definition, bearer
from ..support.host import Host, Resource

SECRET = "Tenant of Acme"
DEFINITION = bearer("One", description=SECRET)


def marked(definition: Definition) -> Definition:
    """A declaration whose program marks the description as secret."""
    return {**definition, CONTEXT_KEY: {"secret": ["description"]}}


def test_only_an_output_keeps_the_paths(scalekit: LocalScalekit) -> None:
    """Inputs are what the program declares; the paths go with the outputs, through updates and refreshes."""
    resource = Host(scalekit).create(marked(DEFINITION))
    assert resource.inputs == {**DEFINITION, "environment_url": scalekit.url}
    assert resource.outputs[SECRET_PATHS] == ["description"]
    assert not Host(scalekit).changes(resource, marked(DEFINITION))
    resource = Host(scalekit).update(
        resource, marked({**DEFINITION, "proxy_url": "https://api.example.com/v2"})
    )
    assert resource.outputs[SECRET_PATHS] == ["description"]
    assert Host(scalekit).read(resource) == resource
    plain = Host(scalekit).update(resource, DEFINITION)
    assert SECRET_PATHS not in plain.outputs


def test_no_call_shows_what_is_secret(scalekit: LocalScalekit) -> None:
    """In one run, each call for the resource knows what its check was told; a later process, what the state keeps."""
    for operation in ("create", "update"):
        scalekit.faults.add(f"{operation}:echo*1")
    with pytest.raises(Failure, match="did not accept") as created:
        Host(scalekit).create(marked(DEFINITION))
    resource = Host(scalekit).create(marked(DEFINITION))
    with pytest.raises(Failure, match="did not accept") as updated:
        Host(scalekit).update(resource, marked({**DEFINITION, "description": f"{SECRET} and Bros"}))
    renamed = Resource(
        resource.id,
        resource.inputs,
        {**resource.outputs, "display_name": SECRET, SECRET_PATHS: ["display_name"]},
    )
    scalekit.faults.add("delete:error=400*1")
    with pytest.raises(Failure, match="delete connector") as deleted:
        Host(scalekit).delete(renamed)
    for failure in (created, updated, deleted):
        assert SECRET not in str(failure.value)
        assert "[secret]" in str(failure.value)


def test_older_states_go_on(scalekit: LocalScalekit) -> None:
    """A state with the paths among its inputs previews and refreshes without a change, and still keeps its secrets."""
    made = Host(scalekit).create(DEFINITION)
    old = {"secret_properties": ["description"]}
    resource = Resource(made.id, {**made.inputs, **old}, {**made.outputs, **old})
    run = Host(scalekit)
    inputs, mistakes = run.check(marked(DEFINITION), resource.inputs)
    assert mistakes == []
    assert run.diff(resource, inputs).changes is False
    assert Host(scalekit).read(resource) == resource
    scalekit.faults.add("update:echo*1")
    with pytest.raises(Failure, match="did not accept") as failure:
        Host(scalekit).change(resource, {**inputs, "icon_src": "https://example.com/i.svg"})
    assert SECRET not in str(failure.value)


def test_a_mistake_in_a_secret_url_does_not_quote_it(scalekit: LocalScalekit) -> None:
    """Of a secret URL neither the host nor a placeholder is in a message; words outside of it stay as they are."""
    definition = bearer("One", proxy_url="http://tenant.example.com/{{field}}")
    _, mistakes = Host(scalekit).check({**definition, CONTEXT_KEY: {"secret": ["proxy_url"]}}, {})
    text = " ".join(mistakes)
    assert "{{field}}" not in text
    assert "tenant" not in text
    assert "has the placeholder [secret] that no field fills; add a field of that name to fields" in text
