"""The resource in programs that are tested with Pulumi's mocks."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pulumi
import pytest
from pulumi.runtime import mocks, settings
from pulumi.runtime.rpc import unwrap_rpc_secret

import pulumi_scalekit as scalekit
from pulumi_scalekit import local
from pulumi_scalekit.auth import Definition

from ..support.definitions import bearer
from ..support.documented import DOCUMENTED


class Recorder(mocks.Mocks):
    """Answers every resource with its inputs, and remembers those."""

    def __init__(self) -> None:
        self.inputs: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Remember the inputs, and answer them."""
        self.inputs[args.name] = dict(args.inputs)
        return f"{args.name}-id", {**args.inputs, "identifier": f"{args.name.upper()}:1"}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]]]:
        """Name a connector that exists."""
        listed = [{"identifier": "OLD:1", "display_name": "Old"}]
        return {"connectors": listed} if args.token == "scalekit:index:getConnectors" else {}, []


@pytest.fixture
def recorder(event_loop: object) -> Iterator[Recorder]:
    """Pulumi's mocks, for one test."""
    recorder = Recorder()
    mocks.set_mocks(recorder)
    yield recorder
    settings.reset_options()


def run(program: Callable[[], object]) -> None:
    """Run a program to its end, and raise what it raises."""
    pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]


def test_typed_and_plain_declarations_are_one(recorder: Recorder) -> None:
    """Typed patterns, dicts, mappings and JSON files declare the same inputs."""

    def program() -> None:
        plain = DOCUMENTED["bearer"]
        scalekit.Connector("plain", **plain)
        typed = scalekit.BearerAuth(
            display_name="Bearer Token",
            description="Authenticate with a static bearer token",
            fields=[
                scalekit.Field(
                    "token",
                    label="Bearer Token",
                    input_type="password",
                    hint="Your long-lived bearer token",
                    required=True,
                )
            ],
        )
        rest = {key: value for key, value in plain.items() if key not in ("auth_patterns", "display_name")}
        scalekit.Connector("typed", display_name="Typed", auth_patterns=[typed], **rest)
        scalekit.Connector.from_json("mapping", plain, display_name="Mapping")

    run(program)
    assert recorder.inputs.keys() == {"plain", "typed", "mapping"}
    declared = [
        {key: value for key, value in inputs.items() if key in DOCUMENTED["bearer"] and key != "display_name"}
        for inputs in recorder.inputs.values()
    ]
    assert declared[0] == declared[1] == declared[2]
    assert declared[0] == {k: v for k, v in DOCUMENTED["bearer"].items() if k != "display_name"}


def test_json_files(recorder: Recorder, tmp_path: Path) -> None:
    """A file may hold an answer of the API: what the server made is left out. A broken one says what is wrong."""
    answer = {**bearer("From a file"), "identifier": "X:1", "id": "prov_1", "is_custom": True}
    (tmp_path / "good.json").write_text(json.dumps(answer))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")

    run(lambda: scalekit.Connector.from_json("good", tmp_path / "good.json"))
    assert recorder.inputs["good"]["display_name"] == "From a file"
    assert not recorder.inputs["good"].keys() & {"identifier", "id", "is_custom"}
    for name, message in (
        ("missing", "No such file"),
        ("broken", "is not valid JSON"),
        ("list", "is not a JSON object"),
    ):
        path = tmp_path / f"{name}.json"
        with pytest.raises(pulumi.RunError, match=message):
            run(lambda path=path: scalekit.Connector.from_json("bad", path))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"x": scalekit.BearerAuth}, r"x is the class BearerAuth: make an object, BearerAuth\(\.\.\.\)$"),
        ({"x": b"bytes"}, "x is a bytes, which JSON cannot hold$"),
        ({"x": {"a", "b"}}, "x is a set, which JSON cannot hold$"),
        ({5: "x"}, "has the key 5: keys must be strings$"),
    ],
)
def test_what_is_no_json_is_refused(recorder: Recorder, value: dict[Any, Any], message: str) -> None:
    """A value that no payload can hold stops the program, with its place, before Pulumi trips over it."""
    definition = bearer("One")
    definition["auth_patterns"] = [value]
    with pytest.raises(pulumi.RunError, match=rf"one: auth_patterns\[0\].*{message}"):
        run(lambda: scalekit.Connector("one", **definition))


def test_programs_under_mocks_are_apart(recorder: Recorder) -> None:
    """Two components may name their connectors alike; whether display names clash is found by the provider."""

    def program() -> None:
        for kind in ("one", "two"):
            component = pulumi.ComponentResource(f"test:index:{kind}", kind)
            opts = pulumi.ResourceOptions(parent=component)
            scalekit.Connector("api", **bearer(f"Connector {kind}"), opts=opts)

    run(program)
    run(program)
    assert recorder.inputs.keys() == {"one", "two", "api"}


@pytest.mark.parametrize("number", [2**53 + 1, float("nan"), float("inf")])
def test_numbers_that_would_change_are_refused(recorder: Recorder, number: float) -> None:
    """A number that Pulumi could not carry exactly stops the program, with its place."""
    definition = bearer("One")
    definition["auth_patterns"] = [{**definition["auth_patterns"][0], "x_number": number}]
    with pytest.raises(pulumi.RunError, match=r"one: auth_patterns\[0\]\.x_number is"):
        run(lambda: scalekit.Connector("one", **definition))


def test_public_names() -> None:
    """The public names are sorted, complete and there."""
    assert sorted(scalekit.__all__) == list(scalekit.__all__)
    assert all(hasattr(scalekit, name) for name in scalekit.__all__)


def test_awaitables_and_outputs_anywhere(recorder: Recorder) -> None:
    """Coroutines and outputs, of typed objects too, may stand anywhere, and in an object that is used twice."""

    async def later(value: Any) -> Any:
        return value

    def program() -> None:
        field = scalekit.Field("token", label=later("Token"))
        pattern = scalekit.BearerAuth("Token", fields=pulumi.Output.from_input([field]))
        for name in ("one", "two"):
            scalekit.Connector(
                name,
                display_name=name,
                proxy_url=later("https://api.example.com"),
                auth_patterns=later([pattern]),
                metadata={"team": later("platform")},
            )

    run(program)
    for inputs in recorder.inputs.values():
        assert inputs["proxy_url"] == "https://api.example.com"
        assert inputs["metadata"] == {"team": "platform"}
        assert inputs["auth_patterns"] == [
            {
                "type": "BEARER",
                "display_name": "Token",
                "fields": [{"field_name": "token", "label": "Token"}],
            }
        ]


def test_a_connection_of_awaitables(recorder: Recorder) -> None:
    """Coroutines may stand anywhere in a connection, too, for its OAuth application and within that."""

    async def later(value: Any) -> Any:
        return value

    def program() -> None:
        for name, app in {
            "inside": scalekit.OAuthApp(client_id=later("id"), scopes=[later("read")]),
            "whole": later({"client_id": "id", "scopes": ["read"]}),
        }.items():
            scalekit.Connection(
                name,
                connector=later("CRM:1"),
                connection_name=later(name),
                auth_type=later("OAUTH"),
                context={"domain": later("acme.example.com")},
                oauth_app=app,
            )

    run(program)
    for name, inputs in recorder.inputs.items():
        assert (inputs["connector"], inputs["connection_name"]) == ("CRM:1", name)
        assert inputs["context"] == {"domain": "acme.example.com"}
        # One that is not known in parts is secret as a whole.
        assert unwrap_rpc_secret(inputs["oauth_app"]) == {"client_id": "id", "scopes": ["read"]}


def test_the_constructor_takes_what_a_definition_declares() -> None:
    """A property of a definition is an argument of `Connector`, of the same type and with the same default."""
    declared = inspect.signature(Definition).parameters
    taken = inspect.signature(scalekit.Connector).parameters
    hints = {
        name: get_type_hints(of.__init__, localns={"Output": pulumi.Output, "T": Any})
        for name, of in (("declared", Definition), ("taken", scalekit.Connector))
    }
    for name, parameter in declared.items():
        assert taken[name].default == parameter.default, name
        assert hints["taken"][name] == hints["declared"][name], name


def test_the_provider_is_told_what_the_program_calls_otherwise(recorder: Recorder) -> None:
    """Wherever a typed object stands, also in an output; a plain mapping has the payload's own words."""
    mutations = {"token": scalekit.Mutation(prefix="x ")}
    field = scalekit.Field("token", extra={"x_a": 1})
    typed = scalekit.BearerAuth("T", fields=[field], mutations=mutations)

    async def later() -> list[scalekit.BearerAuth]:
        return [typed]

    patterns: dict[str, Any] = {
        "typed": [typed],
        "in-output": [pulumi.Output.from_input("x").apply(lambda _: typed)],
        "list-in-output": pulumi.Output.secret("x").apply(lambda _: [typed]),
        "awaited": later(),
        "mapping": [typed.to_payload()],
    }

    def program() -> None:
        for name, value in patterns.items():
            scalekit.Connector(name, **{**bearer(name), "auth_patterns": value})

    run(program)
    told = {name: inputs["__context"].get("written", {}) for name, inputs in recorder.inputs.items()}
    written = {
        "auth_patterns[0].auth_field_mutations": "auth_patterns[0].mutations",
        "auth_patterns[0].fields[0].x_a": "auth_patterns[0].fields[0].extra.x_a",
    }
    assert told == {name: {} if name == "mapping" else written for name in patterns}


def test_existing_connectors_are_what_the_mocks_say(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under mocks `get_connectors` makes no request, though the settings name an environment."""
    with local.running() as environment:
        for name, value in environment.env.items():
            monkeypatch.setenv(name, value)
        found: list[scalekit.ConnectorInfo] = []
        run(lambda: found.extend(scalekit.get_connectors()))
        assert [info.identifier for info in found] == ["OLD:1"]
        assert not environment.requests.counts


def test_the_provider_is_told_what_the_program_marks_as_secret(recorder: Recorder) -> None:
    """Secret outputs at any depth, and `additional_secret_outputs`, by their paths; nothing where nothing is secret."""

    def program() -> None:
        hint = pulumi.Output.secret("On your desk")
        pattern = scalekit.BearerAuth(display_name="T", fields=[scalekit.Field("token", hint=hint)])
        options = pulumi.ResourceOptions(additional_secret_outputs=["description"])
        declared = {"proxy_url": "https://api.example.com", "auth_patterns": [pattern]}
        scalekit.Connector("marked", display_name="Marked", description="D", **declared, opts=options)
        scalekit.Connector("plain", **bearer("Plain"))

    run(program)
    told = recorder.inputs["marked"]["__context"]["secret"]
    assert sorted(told) == ["auth_patterns[0].fields[0].hint", "description"]
    assert "secret" not in recorder.inputs["plain"]["__context"]


def test_a_connections_application_is_marked_whatever_is_beside_it(recorder: Recorder) -> None:
    """What is secret in an OAuth application is named by its path, also where nothing else comes later."""
    secret = pulumi.Output.secret

    def program() -> None:
        app = scalekit.OAuthApp(client_id=secret("id"), scopes=[secret("read"), "write"])
        declared = {"connector": "CRM:1", "auth_type": "OAUTH", "connection_name": "crm"}
        scalekit.Connection("marked", **declared, oauth_app=app)
        scalekit.Connection("plain", **declared, oauth_app=scalekit.OAuthApp(client_id="id"))

    run(program)
    told = recorder.inputs["marked"]["__context"]["secret"]
    assert sorted(told) == ["oauth_app.client_id", "oauth_app.scopes[0]"]
    assert "secret" not in recorder.inputs["plain"]["__context"]


@pytest.mark.parametrize(
    ("secret", "hidden"),
    [("", []), ("context", ["resolved_proxy_url"]), ("connection_name", ["mcp_server_url"])],
)
def test_a_url_that_a_secret_fills_is_secret(recorder: Recorder, secret: str, hidden: list[str]) -> None:
    """Scalekit puts a connection's context and name into URLs: these outputs are as secret."""
    asked: list[list[str]] = []

    def noting(args: pulumi.ResourceTransformationArgs) -> None:
        asked.append(list(args.opts.additional_secret_outputs or ()))

    def program() -> None:
        declared: dict[str, Any] = {"context": {"domain": "acme.io"}, "connection_name": "crm"}
        if secret:
            declared[secret] = pulumi.Output.secret(declared[secret])
        options = pulumi.ResourceOptions(transformations=[noting])
        scalekit.Connection("one", connector="CRM:1", auth_type="BEARER", **declared, opts=options)

    run(program)
    assert asked == [["oauth_app", *hidden]]


def test_transformations_change_what_is_declared_and_shown(recorder: Recorder) -> None:
    """What a transformation sets goes to the provider, and is what the program's outputs have."""
    shown: list[str | None] = []

    def describe(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        return pulumi.ResourceTransformationResult({**args.props, "description": "By policy"}, args.opts)

    def program() -> None:
        options = pulumi.ResourceOptions(transformations=[describe])
        one = scalekit.Connector("one", **bearer("One"), opts=options)
        one.description.apply(shown.append)

    run(program)
    assert recorder.inputs["one"]["description"] == "By policy"
    assert shown == ["By policy"]
