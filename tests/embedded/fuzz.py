"""Plays random sequences on both engines and says where they differ: `python -m tests.embedded.fuzz --sequences 300`.

A sequence is a program that is edited at random between commands with random options, while boxes change outside.
What is compared is what the scenarios compare: exit codes, provider calls, plans, states, counts, remaining boxes.

What the CLI does is recorded in a folder, sequence by sequence, and read from there the next time; with
`--no-cli` only recorded sequences are played. A recording holds the sequence itself, so that it stays what it is
when the generator changes. Those in `fuzz_recordings` are part of the test suite.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from .harness import Scenario, cli, differences, embedded, play

RECORDINGS = Path(__file__).parent / "fuzz_recordings"

URN = "urn:pulumi:dev::bench::pulumi-python:dynamic/boxes:Box::"
NAMES = ("a", "b", "c", "d", "e")
PROPERTIES = ("size", "label", "nested", "tags", "kind", "first", "verdict", "outputs_only", "color")


class Generator:
    """Makes one sequence. Everything random comes from the seed.

    In a chained sequence each resource depends on the one before it, so that the order of everything is fixed;
    only then may calls fail, since otherwise it depends on timing what happens before the failure. It has no
    components: to depend on one is to depend on its children only, so that nothing would wait for it.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.chained = self.random.random() < 0.6
        self.program: dict[str, Any] = {}
        self.renamed = 0

    def chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return self.random.random() < probability

    def sequence(self) -> list[dict[str, Any]]:
        """Return the steps."""
        steps = []
        for number in range(self.random.randint(3, 5)):
            self.edit()
            steps.append(self.step(first=number == 0))
        return steps

    # -- programs

    def edit(self) -> None:
        """Change the program somewhat."""
        for key in ("$raise", "$exit", "$export"):
            self.program.pop(key, None)
        for node in self.program.values():
            if self.chance(0.7):
                node.pop("fail", None)
        for _ in range(self.random.randint(1, 3) if self.program else 4):
            self.random.choice(
                (self.add, self.add, self.change, self.change, self.change, self.drop, self.option)
            )()
        self.drop_dangling()
        if self.chance(0.5):
            boxes = [name for name, node in self.program.items() if node.get("$is") != "component"]
            chosen = self.random.sample(boxes, min(2, len(boxes)))
            exported: dict[str, Any] = {name: {"$ref": f"{name}.serial"} for name in chosen}
            if self.chance(0.3):
                exported["s"] = {"$secret": self.random.choice(["x", {"k": "v", "a": [1, 2.5]}])}
            self.program["$export"] = exported
        if self.chained and self.chance(0.08):
            self.program["$raise"] = "on purpose"
        elif self.chained and self.chance(0.04):
            self.program["$exit"] = 3

    def boxes(self) -> list[str]:
        """Return the names of the resources."""
        return [name for name in self.program if not name.startswith("$")]

    def add(self) -> None:
        """Declare one more."""
        free = [name for name in NAMES if name not in self.program]
        if not free:
            return self.change()
        name = self.random.choice(free)
        if not self.chained and self.chance(0.25):
            self.program[name] = {"$is": "component", "height": self.random.randint(1, 3)}
        elif self.chance(0.08):
            self.program[name] = {"$is": "get", "$id": "other-1", "name": "other"}
        else:
            self.program[name] = {"size": self.value(name)}
            for _ in range(self.random.randint(0, 2)):
                self.set_property(name)
        for _ in range(self.random.randint(0, 1)):
            self.option(name)
        return None

    def earlier(self, name: str) -> list[str]:
        """Return what is declared before a resource."""
        names = self.boxes()
        return names[: names.index(name)] if name in names else names

    def value(self, name: str) -> Any:
        """Return a property's value, perhaps the output of an earlier resource."""
        boxes = [found for found in self.earlier(name) if self.program[found].get("$is") != "component"]
        if boxes and self.chance(0.35):
            return {"$ref": f"{self.random.choice(boxes)}.serial"}
        choices: tuple[Any, ...] = (
            1,
            2,
            3,
            2.5,
            "x",
            True,
            None,
            [1, 2],
            {"deep": [1, {"k": "v"}]},
            {"$secret": "hush"},
            [],
        )
        return copy.deepcopy(self.random.choice(choices))

    def set_property(self, name: str) -> None:
        """Set one property of a box."""
        node = self.program[name]
        key = self.random.choice(
            ("size", "label", "nested", "tags", "kind", "first", "verdict", "outputs_only", "color")
        )
        if key == "kind":
            node[key] = self.random.choice(("wood", "steel", "glass"))
        elif key in ("first", "outputs_only"):
            node[key] = self.chance(0.5)
        elif key == "verdict":
            node[key] = self.random.choice(("engine", "engine", "none", "some"))
        elif key == "color":
            node[key] = self.random.choice(("red", "blue"))
        else:
            node[key] = self.value(name)
        if self.chained and self.chance(0.12):
            node["fail"] = self.random.choice(("create", "update", "delete", "read"))
        if self.chained and self.chance(0.05):
            node["invalid"] = "too round"

    def change(self) -> None:
        """Change a resource."""
        names = [name for name in self.boxes() if "$is" not in self.program[name]]
        if not names:
            return
        name = self.random.choice(names)
        if self.chance(0.2):
            keys = [key for key in self.program[name] if not key.startswith("$") and key != "size"]
            if keys:
                del self.program[name][self.random.choice(keys)]
                return
        self.set_property(name)
        if self.chance(0.3):
            self.program[name].pop("invalid", None)

    def drop(self) -> None:
        """Remove a resource."""
        names = self.boxes()
        if len(names) > 1:
            del self.program[self.random.choice(names)]

    def option(self, name: str | None = None) -> None:
        """Set or remove an option of a resource."""
        names = self.boxes()
        if not names:
            return
        name = name or self.random.choice(names)
        node, earlier = self.program[name], self.earlier(name)
        options = node.setdefault("$opts", {})
        if options and self.chance(0.3):
            del options[self.random.choice(list(options))]
            return
        key = self.random.choice(
            (
                "protect",
                "depends_on",
                "parent",
                "ignore_changes",
                "delete_before_replace",
                "replace_on_changes",
                "retain_on_delete",
                "deleted_with",
                "replace_with",
                "additional_secret_outputs",
                "aliases",
                "replacement_trigger",
            )
        )
        component = node.get("$is") == "component"
        managed = [found for found in earlier if "$is" not in self.program[found]]
        if key in ("protect", "delete_before_replace", "retain_on_delete"):
            options[key] = self.chance(0.6)
        elif key == "depends_on" and earlier:
            options[key] = [self.random.choice(earlier)]
        elif key == "parent" and earlier:
            options[key] = self.random.choice(earlier)
        elif key in ("deleted_with", "replace_with") and managed and not component:
            chosen = self.random.choice(managed)
            options[key] = chosen if key == "deleted_with" else [chosen]
        elif component:
            return
        elif key == "ignore_changes":
            options[key] = [self.random.choice(("size", "nested.deep", "tags[0]", "*"))]
        elif key == "replace_on_changes":
            options[key] = [self.random.choice(("size", "nested", "tags[*]", "*"))]
        elif key == "additional_secret_outputs":
            options[key] = ["serial"]
        elif key == "replacement_trigger":
            options[key] = self.random.choice(("one", "two"))
        elif key == "aliases" and "$is" not in node and "$name" not in node:
            self.renamed += 1
            options[key] = [{"name": name}]
            node["$name"] = f"{name}{self.renamed}"

    def drop_dangling(self) -> None:
        """Remove references to what is not declared any more, and chain the rest."""

        def resolved(node: Any, known: set[str]) -> Any:
            if isinstance(node, dict):
                if "$ref" in node and node["$ref"].partition(".")[0] not in known:
                    return 7
                return {key: resolved(item, known) for key, item in node.items()}
            return [resolved(item, known) for item in node] if isinstance(node, list) else node

        known: set[str] = set()
        previous = ""
        for name in self.boxes():
            node = self.program[name] = resolved(self.program[name], known)
            options = node.get("$opts", {})
            for key in ("parent", "deleted_with"):
                if options.get(key, next(iter(known), "")) not in known:
                    options.pop(key, None)
            for key in ("depends_on", "replace_with"):
                if key in options:
                    options[key] = [found for found in options[key] if found in known]
            if self.chained and previous:
                options.setdefault("depends_on", [])
                if previous not in options["depends_on"]:
                    options["depends_on"].append(previous)
                node["$opts"] = options
            known.add(name)
            previous = name

    # -- commands

    def step(self, *, first: bool) -> dict[str, Any]:
        """Return a command on the program as it is now."""
        command = (
            "up"
            if first
            else self.random.choices(("up", "preview", "refresh", "destroy"), (55, 22, 15, 8))[0]
        )
        step: dict[str, Any] = {
            "run": command,
            "program": copy.deepcopy(self.program),
            "args": self.arguments(command, first=first),
        }
        if first:
            step["live"] = {"other-1": {"name": "other", "size": 4, "serial": "other-1"}}
        elif self.chance(0.35):
            name = self.random.choice(NAMES)
            step["drift"] = {name: None if self.chance(0.4) else {"size": self.random.choice((9, "y", [1]))}}
        return step

    def arguments(self, command: str, *, first: bool) -> list[str]:
        """Return options for a command."""
        found: list[str] = []
        if self.chance(0.08 if first else 0.25):
            found += self.targets()
            if self.chance(0.35):
                found.append("--target-dependents")
        if command in ("up", "preview", "destroy") and self.chance(0.15):
            found.append("--refresh")
        if command in ("up", "preview") and self.chance(0.12):
            found += ["--replace", f"{URN}{self.random.choice(NAMES)}"]
        if command in ("up", "destroy") and self.chance(0.12):
            found.append("--continue-on-error")
        if command in ("up", "destroy", "preview") and self.chance(0.1):
            found.append("--ignore-protect")
        if command in ("up", "refresh", "preview") and self.chance(0.1):
            found.append("--expect-no-changes")
        return found

    def targets(self) -> list[str]:
        """Return one or two targets, perhaps the same twice, perhaps of nothing."""
        found = []
        for _ in range(self.random.choice((1, 1, 2))):
            name = self.random.choice(NAMES)
            found += ["--target", self.random.choice((f"{URN}{name}", f"**::{name}"))]
        return found


def make_sequence(seed: int) -> Scenario:
    """Return the sequence of a seed."""
    generator = Generator(seed)
    steps = generator.sequence()
    return Scenario(
        f"fuzz-{seed}", f"random sequence {seed}", "fuzz", steps, ordered=generator.chained, exact=True
    )


def load(path: Path) -> tuple[Scenario, list[dict[str, Any]]]:
    """Read a recording: the sequence, and what the CLI did."""
    found = json.loads(path.read_text())
    scenario = Scenario(path.stem, path.stem, "fuzz", found["steps"], ordered=found["ordered"], exact=True)
    return scenario, found["recorded"]


def record(scenario: Scenario, path: Path) -> None:
    """Play a sequence on the CLI and keep what it did."""
    engine = cli()
    assert engine is not None, "pulumi is not on PATH"
    with tempfile.TemporaryDirectory() as folder:
        recorded = play(scenario, engine, Path(folder))
    found = {"ordered": scenario.ordered, "steps": scenario.steps, "recorded": recorded}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")


def compare(path: Path) -> list[str]:
    """Play a recorded sequence on the embedded engine; return where it differs, up to the first step that does."""
    scenario, recorded = load(path)
    with tempfile.TemporaryDirectory() as folder:
        actual = play(scenario, embedded(), Path(folder))
    for number, (step, expected, found) in enumerate(zip(scenario.steps, recorded, actual, strict=True)):
        where = f"step {number} ({' '.join([step['run'], *step['args']])})"
        if differing := differences(expected, found, where):
            return differing
    return []


def main() -> int:
    """Play the sequences of a range of seeds; return 1 if any differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=20, help="how many")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--folder", type=Path, default=None, help="where recordings are kept")
    parser.add_argument("--no-cli", action="store_true", help="play only what is recorded")
    parser.add_argument("--record-only", action="store_true", help="play only on the CLI")
    arguments = parser.parse_args()
    same = different = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        for seed in range(arguments.start, arguments.start + arguments.sequences):
            path = folder / f"fuzz-{seed}.json"
            if not path.exists():
                if arguments.no_cli:
                    continue
                try:
                    record(make_sequence(seed), path)
                except AssertionError as error:
                    print(f"{seed}: not recorded: {str(error)[:200]}", flush=True)  # noqa: T201 - a script
                    continue
            if arguments.record_only:
                continue
            found = compare(path)
            same, different = same + (not found), different + bool(found)
            print(f"{seed}: {'same' if not found else 'DIFFERENT'}", *found[:12], sep="\n    ", flush=True)  # noqa: T201
    print(f"{same} the same, {different} different")  # noqa: T201
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main())
