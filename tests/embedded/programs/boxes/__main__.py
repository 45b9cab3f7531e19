"""Declares what the file named by `BOXES_PROGRAM` says; see `tests/embedded/README.md` for its language."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pulumi
from boxes import Boxes
from pulumi.dynamic import Resource


class Box(Resource, module="boxes", name="Box"):
    """A box."""

    serial: pulumi.Output[str]
    size: pulumi.Output[int]
    kind: pulumi.Output[str]
    label: pulumi.Output[str]

    def __init__(self, key: str, properties: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        known = {"name": key, "serial": None}
        super().__init__(Boxes(), key, {**known, **properties}, opts)


class Crate(Resource, module="boxes", name="Crate"):
    """A box under another type."""

    serial: pulumi.Output[str]

    def __init__(self, key: str, properties: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(Boxes(), key, {"name": key, "serial": None, **properties}, opts)


class Shelf(pulumi.ComponentResource):
    """A component."""

    def __init__(self, key: str, outputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("boxes:index:Shelf", key, {}, opts)
        self.register_outputs(outputs)


class Mocks(pulumi.runtime.Mocks):
    """Makes resources without any engine."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Return the inputs as outputs."""
        return args.name, dict(args.inputs)

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        """Return nothing: no function is called."""
        return {}


config = pulumi.Config()
made: dict[str, pulumi.Resource] = {}
stacks: dict[str, pulumi.StackReference] = {}


def value(node: Any) -> Any:
    """Resolve the words of the language inside a value."""
    if isinstance(node, list):
        return [value(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        key, _, attribute = node["$ref"].partition(".")
        return getattr(made[key], attribute)
    if "$secret" in node:
        return pulumi.Output.secret(value(node["$secret"]))
    if "$config" in node:
        return config.require(node["$config"])
    if "$secret_config" in node:
        return config.require_secret(node["$secret_config"])
    if "$stack" in node:
        if node["$stack"] not in stacks:
            stacks[node["$stack"]] = pulumi.StackReference(node["$stack"])
        return stacks[node["$stack"]].require_output(node["output"])
    if "$resource" in node:
        return made[node["$resource"]]
    return {key: value(item) for key, item in node.items()}


def options(node: dict[str, Any]) -> pulumi.ResourceOptions:
    """Build resource options."""
    found = dict(node)
    for name in ("depends_on", "replace_with"):
        if name in found:
            found[name] = [made[key] for key in found[name]]
    for name in ("parent", "deleted_with"):
        if name in found:
            found[name] = made[found[name]]
    if "aliases" in found:
        found["aliases"] = [
            alias
            if isinstance(alias, str)
            else pulumi.Alias(**{key: _alias(key, item) for key, item in alias.items()})
            for alias in found["aliases"]
        ]
    if "custom_timeouts" in found:
        found["custom_timeouts"] = pulumi.CustomTimeouts(**found["custom_timeouts"])
    if "replacement_trigger" in found:
        found["replacement_trigger"] = value(found["replacement_trigger"])
    if found.pop("transform", False):
        found["transforms"] = [lambda args: None]
    if found.pop("hook", False):
        found["hooks"] = pulumi.ResourceHookBinding(
            before_create=[pulumi.ResourceHook("hook", lambda args: None)]
        )
    return pulumi.ResourceOptions(**found)


def _alias(key: str, item: Any) -> Any:
    return made[item] if key == "parent" and item in made else item


def declare(key: str, node: dict[str, Any]) -> None:
    """Declare one resource."""
    node = dict(node)
    opts = options(node.pop("$opts", {}))
    kind, name = node.pop("$is", "box"), node.pop("$name", key)
    if kind == "component":
        made[key] = Shelf(name, value(node), opts)
    elif kind == "get":
        identifier = node.pop("$id")
        made[key] = Box(
            name,
            value(node),
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=value(identifier))),
        )
    elif kind == "crate":
        made[key] = Crate(name, value(node), opts)
    elif kind == "foreign":
        made[key] = pulumi.CustomResource("aws:s3/bucket:Bucket", name, {}, opts)
    else:
        made[key] = Box(name, value(node), opts)


for word, content in json.loads(Path(os.environ["BOXES_PROGRAM"]).read_text()).items():
    if word == "$export":
        for name, node in content.items():
            pulumi.export(name, value(node))
    elif word == "$print":
        print(content)  # noqa: T201 - what a program prints is shown
    elif word == "$log":
        for severity, text in content.items():
            getattr(pulumi.log, severity)(text)
    elif word == "$mocks":
        pulumi.runtime.set_mocks(Mocks())
    elif word == "$raise":
        raise RuntimeError(content)
    elif word == "$run_error":
        raise pulumi.RunError(content)
    elif word == "$exit":
        sys.exit(content)
    else:
        declare(word, content)
