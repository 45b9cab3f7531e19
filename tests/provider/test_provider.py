"""What the provider promises beyond its laws: messages, adoption, replacement, and what goes into the state."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from pulumi_scalekit import local
from pulumi_scalekit.connector import Connector
from pulumi_scalekit.local import LocalScalekit
from pulumi_scalekit.provider.connector import ConnectorProvider
from pulumi_scalekit.provider.failures import Failure

from ..support.definitions import ALL, OAUTH, bearer, named
from ..support.host import PICKLED, Host
from ..support.live import edit, identifier_of, live


def test_the_provider_in_the_state_never_changes() -> None:
    """The pickled provider holds its import path and nothing else, and the type token stays."""
    assert serialize_provider(ConnectorProvider()) == PICKLED
    assert len(PICKLED) < 100
    strings = re.findall(rb"[\w.]{3,}", base64.b64decode(PICKLED))
    assert strings == [b"pulumi_scalekit.provider", b"ConnectorProvider"]
    assert ConnectorProvider.serialize_as_secret_always is False
    assert f"pulumi-python:{Connector._resource_type_name}" == "pulumi-python:dynamic/scalekit:Connector"


def test_every_kind_of_definition_goes_round(scalekit: LocalScalekit) -> None:
    """Create, read, update and delete work for every auth type; a second delete is fine."""
    for definition in ALL:
        host = Host(scalekit)
        resource = host.create(definition)
        assert live(scalekit)[definition["display_name"]] == definition
        assert (
            resource.outputs["identifier"]
            == resource.id
            == identifier_of(scalekit, definition["display_name"])
        )
        assert resource.outputs["environment_url"] == scalekit.url
        assert not host.changes(resource, definition)
        resource = host.update(resource, {**definition, "description": "Changed"})
        read = host.read(resource)
        assert read
        assert read.inputs == resource.inputs
        assert read.outputs == resource.outputs
        destroying = Host(scalekit)
        destroying.delete(resource)
        destroying.delete(resource)
        assert Host(scalekit, allowEmptyEnvironment=True).read(resource) is None
    assert live(scalekit) == {}


ADOPTIONS: dict[str, tuple[bool | str, str]] = {
    "no such name": (True, "adopt=True: there is no connector named 'One' in "),
    "no such identifier": ("NOBODY:1", "adopt='NOBODY:1': there is no connector of that identifier in "),
}


@pytest.mark.parametrize("case", ADOPTIONS)
def test_adopting_what_is_not_there(scalekit: LocalScalekit, case: str) -> None:
    """An adoption that cannot be done fails at preview already, and creates nothing."""
    adopt, message = ADOPTIONS[case]
    with pytest.raises(Failure, match="there is no connector") as failure:
        Host(scalekit).check({**bearer("One"), "adopt": adopt})
    assert str(failure.value).startswith(message)
    assert live(scalekit) == {}


def test_adopting_one_of_several(scalekit: LocalScalekit) -> None:
    """Where a name is not enough, the message lists the identifiers to choose from."""
    duplicates = [scalekit.store.create_provider(bearer("One")).identifier for _ in range(2)]
    with pytest.raises(Failure, match="2 connectors are named 'One'") as failure:
        Host(scalekit).check({**bearer("One"), "adopt": True})
    assert all(repr(identifier) in str(failure.value) for identifier in duplicates)
    host = Host(scalekit)
    assert host.create({**bearer("One"), "adopt": duplicates[1]}).id == duplicates[1]


def test_an_adoption_without_a_difference_writes_nothing(scalekit: LocalScalekit) -> None:
    """What is as declared already is only noted in the state."""
    identifier = scalekit.store.create_provider(OAUTH).identifier
    resource = Host(scalekit).create({**OAUTH, "adopt": True})
    assert resource.id == identifier
    assert scalekit.requests.count("update") == scalekit.requests.count("create") == 0


def test_a_duplicate_is_refused(scalekit: LocalScalekit) -> None:
    """A create whose name is taken fails at preview and at update, with the identifier and the ways out."""
    identifier = scalekit.store.create_provider(bearer("One")).identifier
    for attempt in (
        lambda: Host(scalekit).check(bearer("One")),
        lambda: Host(scalekit).create(bearer("One")),
    ):
        with pytest.raises(Failure, match="A connector named 'One' exists already") as failure:
            attempt()
        for text in (identifier, f"adopt={identifier!r}", "pulumi-scalekit import", "alias"):
            assert text in str(failure.value)
    assert len(scalekit.store.providers()) == 1


def test_a_replacement_is_no_duplicate(scalekit: LocalScalekit) -> None:
    """A connector that this stack manages may be replaced by one of the same name."""
    old = Host(scalekit).create(bearer("One"))
    host = Host(scalekit)
    changed = bearer("One", description="Changed")
    inputs, _ = host.check(changed, old.inputs)
    host.diff(old, inputs)
    new = host.create(changed)
    assert new.id != old.id
    host.delete(old)
    assert live(scalekit) == {"One": changed}


def test_replacing_what_was_adopted_makes_it_anew(scalekit: LocalScalekit) -> None:
    """An adoption is done once: a replacement that the user asks for is a new connector, also with a new name."""
    old_id = scalekit.store.create_provider(bearer("One")).identifier
    old = Host(scalekit).create({**bearer("One"), "adopt": True})
    assert old.id == old_id
    host = Host(scalekit)
    renamed = {**bearer("Two"), "adopt": True}
    host.check(renamed, old.inputs)
    new = host.create(renamed)
    assert new.id != old_id
    host.delete(old)
    assert live(scalekit) == {"Two": bearer("Two")}


def test_what_is_only_read_may_not_have_a_duplicate(scalekit: LocalScalekit) -> None:
    """A `get`, or a refresh before a resource is renamed, opens no way to make a connector of the same name."""
    identifier = scalekit.store.create_provider(bearer("One")).identifier
    host = Host(scalekit)
    assert host.provider.read(identifier, {"__context": {"get": True}}).id == identifier
    with pytest.raises(Failure, match="A connector named 'One' exists already"):
        host.check(bearer("One"))
    with pytest.raises(Failure, match="A connector named 'One' exists already"):
        host.provider.create(bearer("One"))
    assert len(scalekit.store.providers()) == 1


def test_a_get_of_a_missing_connector_fails(scalekit: LocalScalekit) -> None:
    """`get` never passes over a connector that is not there."""
    provider = Host(scalekit).provider
    with pytest.raises(Failure, match="There is no connector NOBODY:1 in"):
        provider.read("NOBODY:1", {"__context": {"get": True}})


def test_the_wrong_environment_is_refused_everywhere(scalekit: LocalScalekit) -> None:
    """Every operation on a connector of another environment stops, with both URLs."""
    resource = Host(scalekit).create(bearer("One"))
    elsewhere = "https://production.scalekit.dev"
    host = Host(scalekit, environmentUrl=elsewhere)
    operations: list[Any] = [
        lambda: host.check(bearer("One"), resource.inputs),
        lambda: host.diff(resource, resource.inputs),
        lambda: host.read(resource),
        lambda: host.provider.update(resource.id, resource.outputs, resource.inputs),
        lambda: host.delete(resource),
    ]
    for operation in operations:
        with pytest.raises(Failure, match="Nothing was changed") as failure:
            operation()
        assert scalekit.url in str(failure.value)
        assert elsewhere in str(failure.value)
    assert live(scalekit) == {"One": bearer("One")}


def test_a_read_answers_inputs_only_where_they_change(scalekit: LocalScalekit) -> None:
    """What is live as declared leaves the inputs in the state alone; drift and a new URL change them."""

    def read(outputs: dict[str, Any], **settings: str) -> dict[str, Any] | None:
        return (
            Host(scalekit, **settings).provider.read(resource.id, {**outputs, "__provider": PICKLED}).inputs
        )

    resource = Host(scalekit).create(bearer("One"))
    assert read(resource.outputs) is None
    former = "https://former.example.com"
    moved = read({**resource.outputs, "environment_url": former}, formerEnvironmentUrl=former)
    assert moved == {k: v for k, v in resource.inputs.items() if k != "__provider"}
    scalekit.store.update_provider(resource.id, lambda payload: {**payload, "description": "Changed"})
    drifted = read(resource.outputs)
    assert drifted
    assert drifted["description"] == "Changed"


def test_a_former_url_that_is_another_environment(scalekit: LocalScalekit) -> None:
    """Where a connector is not in what is said to be its environment's new URL, it is not forgotten."""
    resource = Host(scalekit).create(bearer("One"))
    with local.running() as other:
        host = Host(other, formerEnvironmentUrl=scalekit.url)
        for operation in (lambda: host.read(resource), lambda: host.delete(resource)):
            with pytest.raises(Failure, match="Nothing was changed") as failure:
                operation()
            assert scalekit.url in str(failure.value)
            assert other.url in str(failure.value)
    assert live(scalekit) == {"One": bearer("One")}


def test_a_defect_shows_where_it_is(scalekit: LocalScalekit, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw asks to be reported, with its traceback in the message."""
    host = Host(scalekit)
    monkeypatch.setattr("pulumi_scalekit.provider.connector.create_payload", lambda _inputs: 1 / 0)
    with pytest.raises(Failure, match="please report this") as failure:
        host.create(bearer("One"))
    assert "ZeroDivisionError" in str(failure.value)
    assert "provider.py" in str(failure.value)


def test_secret_values_stay_out_of_messages(scalekit: LocalScalekit) -> None:
    """The values of properties that the program marks secret appear in no message, whatever the server says."""
    secret = "Tenant-of-Acme"
    definition = named(OAUTH, "One", description=secret)
    host = Host(scalekit)
    scalekit.faults.add("create:echo*1")
    with pytest.raises(Failure, match="the server did not accept") as failure:
        host.provider.create({**definition, "secret_properties": ["description"]})
    assert secret not in str(failure.value)
    assert "[secret]" in str(failure.value)


PATTERN = "auth_patterns[0]"


def test_messages_use_the_names_that_the_program_wrote(scalekit: LocalScalekit) -> None:
    """A mistake, a preview's warning and what is not applied name an argument as the program has it."""
    written = {"__context": {"written": {f"{PATTERN}.auth_field_mutations": f"{PATTERN}.mutations"}}}
    wrong = edit(bearer("One"), {f"{PATTERN}.auth_field_mutations": {"tokn": {"prefix": "x"}}})
    for context, name in (({}, "auth_field_mutations"), (written, "mutations")):
        _, mistakes = Host(scalekit).check({**wrong, **context})
        assert mistakes == [
            f"{PATTERN}.{name}.tokn changes a field that is not declared; did you mean 'token'?"
        ]


def test_an_adoption_is_told_in_the_names_that_the_program_wrote(
    scalekit: LocalScalekit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The differences that a preview of an adoption lists are those of the program's arguments."""
    scalekit.store.create_provider(bearer("One"))
    said: list[str] = []
    monkeypatch.setattr("pulumi_scalekit.provider.sdk.log", lambda _severity, message: said.append(message))
    changed = edit(bearer("One"), {f"{PATTERN}.auth_field_mutations": {"token": {"prefix": "x"}}})
    written = {f"{PATTERN}.auth_field_mutations": f"{PATTERN}.mutations"}
    Host(scalekit).check({**changed, "adopt": True, "__context": {"written": written}})
    assert f"{PATTERN}.mutations" in said[-1]
    assert "auth_field_mutations" not in said[-1]
