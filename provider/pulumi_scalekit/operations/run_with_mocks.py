"""Runs a Pulumi program against Pulumi's own mocks, and reports the connectors and connections that it declares.

This file is run as a script, by the program's own interpreter: it imports nothing but the standard library and
Pulumi's SDK. No engine, no plugin and no credentials are involved; nothing is sent anywhere.

Usage: run_with_mocks.py REQUEST RESPONSE, two JSON files.
"""

from __future__ import annotations

import asyncio
import json
import runpy
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

import pulumi
from pulumi.runtime import mocks, stack
from pulumi.runtime.config import set_all_config

UNKNOWN = {"pulumi_scalekit:unknown": True}
"""Stands for a value that only a deployment will know."""


class Recorder(mocks.Mocks):
    """Pretends that everything is created as declared, and notes the resources of these types."""

    def __init__(self, types: list[str]) -> None:
        self.types = types
        self.resources: list[dict[str, Any]] = []

    def call(
        self,
        args: mocks.MockCallArgs,  # noqa: ARG002 - as Pulumi calls it
    ) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """No function returns anything: in a preview what is missing counts as not known yet."""
        return {}, []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """The inputs are the outputs; what only a server makes is not known yet, as in a preview."""
        if args.typ in self.types and not args.resource_id:
            self.resources.append({"type": args.typ, "name": args.name, "inputs": args.inputs})
        return None, dict(args.inputs)


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Run a program.

    Args:
        request: `program` (a directory, or a file), `types` (of the connectors and connections), `project`, `stack`,
            `config` (strings by full key) and `secrets` (the keys of those that are secret).

    Returns:
        `resources`: the type, the name and the inputs of each connector and connection, and where it is declared
        (`file`, `line`) as far as that is in the program's directory; or `error`, what the program failed with.
    """
    program = Path(request["program"]).resolve()
    directory = program.parent if program.is_file() else program
    # The program finds what it finds on Pulumi, and nothing beside this script.
    sys.path[:] = [place for place in sys.path if place != str(Path(__file__).parent)]
    sys.argv = [str(program)]
    recorder = Recorder(request["types"])
    # The mocks' root stack and the program have to live in one event loop.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mocks.set_mocks(recorder, project=request["project"], stack=request["stack"], preview=True)
    set_all_config(request["config"], request["secrets"])
    places: dict[tuple[str, str], list[tuple[str, int]]] = {}
    register = pulumi.Resource.__init__

    def note_place(self: Any, t: str, name: str, *arguments: Any, **more: Any) -> None:
        places.setdefault((t, name), []).append(place_in(directory, sys._getframe(1)))
        register(self, t, name, *arguments, **more)

    pulumi.Resource.__init__ = note_place  # type: ignore[method-assign] # this process does nothing else
    try:
        loop.run_until_complete(stack.run_pulumi_func(lambda: run(program)))
    except BaseException as error:  # noqa: BLE001 - whatever the program fails with is the result
        return {"resources": [], "error": described(error, directory)}
    for resource in recorder.resources:
        found = places.get((resource["type"], resource["name"]))
        file, line = found.pop(0) if found else ("", 0)
        resource |= {"file": file, "line": line}
    return {"resources": recorder.resources, "error": ""}


def run(program: Path) -> None:
    """Run a program, as Pulumi's language host does. The import path has its directory, but not that of a file."""
    runpy.run_path(str(program), run_name="__main__")


def place_in(directory: Path, frame: FrameType | None) -> tuple[str, int]:
    """The innermost line of the program that led here, or ("", 0)."""
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(directory) and "site-packages" not in file.parts:
            return str(file), frame.f_lineno
        frame = frame.f_back
    return "", 0


def described(error: BaseException, directory: Path) -> str:
    """What a program failed with, and where, in one line."""
    text = " ".join(f"{type(error).__name__}: {error}".split()) if str(error) else type(error).__name__
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).is_relative_to(directory) and "site-packages" not in frame.filename:
            return f"{text} ({frame.filename}:{frame.lineno})"
    return text


if __name__ == "__main__":
    asked, told = map(Path, sys.argv[1:])
    result = main(json.loads(asked.read_text(encoding="utf-8")))
    told.write_text(json.dumps(result, default=lambda _: UNKNOWN), encoding="utf-8")
    sys.stdout.flush()
