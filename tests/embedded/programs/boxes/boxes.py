# ruff: noqa: D102 - the methods are those of every dynamic provider
"""A provider of boxes, which live as files in a folder, and a log of every call to it.

`BOXES_DIR` names the folder: `<id>.json` is a box, `calls.jsonl` the log. Some properties steer the provider:

    kind      a change needs a replacement
    first     with a change of `kind`: delete before replacing
    verdict   what `diff` says: engine (it does not know), none, or some
    fail      the call that fails: create, update, delete or read; crash ends the process in the middle of a create
    invalid   the check refuses the box, with this as the reason
    wait      a file; create waits until it is there
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

HIDDEN = "__provider"


def folder() -> Path:
    """Return where the boxes are."""
    return Path(os.environ["BOXES_DIR"])


def plain(properties: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not a box's own."""
    return {key: value for key, value in properties.items() if key != HIDDEN}


def shown(value: Any) -> Any:
    """Make a value fit for the log."""
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else "<unknown>"


class Boxes(ResourceProvider):
    """The provider; it is pickled by reference, so that state does not hold its code."""

    serialize_as_secret_always = False

    def __reduce__(self) -> Any:
        return (Boxes, ())

    def configure(self, req: ConfigureRequest) -> None:
        self.token = req.config.get("token")

    def _log(self, call: str, **details: Any) -> None:
        line = json.dumps(
            {"call": call, **{key: shown(value) for key, value in details.items()}}, sort_keys=True
        )
        with (folder() / "calls.jsonl").open("a") as stream:
            stream.write(line + "\n")

    def _write(self, identifier: str, properties: dict[str, Any]) -> None:
        (folder() / f"{identifier}.json").write_text(json.dumps(properties, sort_keys=True))

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        self._log("check", olds=plain(olds), news=plain(news))
        inputs = dict(news)
        inputs.setdefault("color", olds.get("color", "white"))
        failures = [CheckFailure("invalid", news["invalid"])] if news.get("invalid") else []
        return CheckResult(inputs, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        self._log("diff", id=_id, olds=plain(olds), news=plain(news))
        if _id.startswith("undiffable"):
            raise RuntimeError("cannot compare")
        verdict = news.get("verdict", "engine")
        replaces = ["kind"] if shown(olds.get("kind")) != shown(news.get("kind")) else []
        return DiffResult(
            changes={"engine": None, "none": False, "some": True}[verdict],
            replaces=replaces if verdict != "none" else [],
            delete_before_replace=bool(news.get("first")),
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        self._log("create", props=plain(props))
        while props.get("wait") and not (folder() / props["wait"]).exists():
            time.sleep(0.02)
        if props.get("fail") == "create":
            raise RuntimeError("no box today")
        if props.get("fail") == "crash":
            os._exit(1)
        number = 1 + sum(1 for _ in folder().glob(f".made-{props['name']}-*"))
        identifier = f"{props['name']}-{number}"
        (folder() / f".made-{identifier}").touch()
        box = {**plain(props), "serial": identifier}
        self._write(identifier, box)
        return CreateResult(identifier, box)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        self._log("read", id=id_)
        if props.get("fail") == "read":
            raise RuntimeError("cannot look")
        path = folder() / f"{id_}.json"
        if not path.exists():
            return ReadResult("", {})
        box = json.loads(path.read_text())
        inputs = {key: value for key, value in box.items() if key != "serial"}
        return ReadResult(id_, box, inputs if not props.get("outputs_only") else None)

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        self._log("update", id=_id, olds=plain(olds), news=plain(news))
        if news.get("fail") == "update":
            raise RuntimeError("the box is stuck")
        box = {**plain(news), "serial": _id}
        self._write(_id, box)
        return UpdateResult(box)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        self._log("delete", id=_id)
        if props.get("fail") == "delete":
            raise RuntimeError("the box is in use")
        (folder() / f"{_id}.json").unlink(missing_ok=True)
