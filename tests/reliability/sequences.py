"""Random sequences: names move, connectors are adopted, renamed, replaced and changed by others, runs are killed.

Each sequence has an environment with connectors that are nobody's business, a server with habits of its own, and a
program that is edited from run to run. Whatever happens, a run that has succeeded leaves what is declared, each
connector with one owner, and the others' as they were. The suite plays a few; by hand as many as you like:

    python -m tests.reliability.sequences --sequences 500 --start 0
"""

from __future__ import annotations

import argparse
import copy
import random
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any

from pulumi_scalekit import local
from pulumi_scalekit.definition.normalize import normalize, normalize_live, plain
from pulumi_scalekit.local import LocalScalekit

from ..support.definitions import Definition, bearer
from .conftest import empty
from .matrix import settle
from .stack import Run, Stack

Program = dict[str, Definition]

RUNS = 7
"""Edits and runs of one sequence."""
ROUNDS = 8
"""How many runs it may take until one succeeds, doing as the messages say."""
ANCHOR = "Anchor"
"""A connector that stays what it is, so that the environment is never empty."""
SCOPES = ("read", "write", "delete", "share")
HABITS = (
    (),
    ("list:reorder", "create:reorder", "update:reorder"),
    ("list:normalize", "create:normalize", "update:normalize"),
    ("list:stale=2",),
)
"""What a server does all through a sequence."""
MISHAPS = (
    "create:empty=204*1",
    "create:empty=html*1",
    "create:drop-after-commit*2",
    "create:error=400*1,skip=1",
    "create:error=500*2",
    "update:new-identifier*1",
    "update:new-identifier*1",
    "update:drop-after-commit*1",
    "update:error=400*1,skip=1",
    "update:empty=object*1",
    "delete:error=400*1",
    "delete:drop-after-commit*1",
    "list:empty=object*1",
    "list:empty=204*1",
    "list:missing=1*1",
    "list:error=503*1",
    "list:stale=2",
    "any:rate-limited=0*2",
)
"""What may go wrong in a run."""


class Sequence:
    """One sequence of edits, mishaps and runs, by its seed."""

    def __init__(self, scalekit: LocalScalekit, seed: int) -> None:
        empty(scalekit)
        self.scalekit = scalekit
        self.random = random.Random(seed)
        self.journal: list[str] = []
        """What happened, for a failure's message."""
        self.habits = self.random.choice(HABITS)
        scalekit.settings.same_name = self.random.choice(("allowed", "allowed", "just-made", "refused"))
        scalekit.settings.just_made = 0.05
        scalekit.settings.identifier_format = self.random.choice(("name", "opaque"))
        self.order = (
            self.random.choice((None, True, False)) if scalekit.settings.same_name == "allowed" else None
        )
        """What the resource option `delete_before_replace` says."""
        self.adopts_identical = self.random.random() < 0.5
        self.stack = Stack(
            scalekit,
            threads=self.random.choice((1, 4)),
            attempts=4,
            rateLimitWait=0.5,
            adoptIdentical=self.adopts_identical,
        )
        self.program: Program = {}
        self.aliases: dict[str, str] = {}
        self.others: dict[str, Definition] = {}
        """The connectors that the stack has nothing to do with, by identifier, as they are."""
        self.before: tuple[Program, dict[str, str]] | None = None
        """The program before its last edit and its aliases, until it goes back to that."""
        self.number = 0
        self.note(f"habits {self.habits}, order {self.order}, {scalekit.settings}, {self.stack.settings}")
        self.other_makes(ANCHOR)
        self.other_makes(self.fresh())

    # --- What lives -----------------------------------------------------------------------------------------

    def live(self) -> dict[str, Definition]:
        """Every connector of the environment, by identifier."""
        return {
            p.identifier: copy.deepcopy(p.payload) for p in self.scalekit.store.all_providers() if p.is_custom
        }

    def owned(self) -> dict[str, str]:
        """The identifiers in the state, by resource."""
        return {name: str(resource.outputs["identifier"]) for name, resource in self.stack.state.items()}

    def fresh(self) -> str:
        """A display name that nobody has had."""
        self.number += 1
        return f"Name {self.number}"

    def definition(self, display_name: str) -> Definition:
        """Some definition."""
        description = self.random.choice(("red", "green", "blue"))
        if self.random.random() < 0.6:
            return bearer(display_name, description=description)
        scopes = self.random.sample(SCOPES, self.random.randint(1, len(SCOPES)))
        config = {
            "authorize_uri": "https://Login.example.com/authorize",
            "token_uri": "https://login.example.com/token",
            "available_scopes": [{"scope": scope, "display_name": scope.title()} for scope in scopes],
        }
        pattern = {"type": "OAUTH", "display_name": "OAuth", "oauth_config": config}
        return bearer(display_name, description=description, auth_patterns=[pattern])

    # --- What others do -------------------------------------------------------------------------------------

    def other_makes(self, display_name: str) -> None:
        """Somebody else creates a connector."""
        payload = {"proxy_enabled": True, **self.definition(display_name)}
        identifier = self.scalekit.store.create_provider(payload).identifier
        self.others[identifier] = payload
        self.note(f"others make {identifier} named {display_name!r}")

    def other_changes(self, identifier: str, **changes: Any) -> None:
        """Somebody else changes a connector."""
        self.scalekit.store.update_provider(identifier, lambda payload: {**payload, **changes})
        if identifier in self.others:
            self.others[identifier] = {**self.others[identifier], **changes}
        self.note(f"others change {identifier}: {changes}")

    def others_act(self) -> None:
        """Something happens that the stack does not know of."""
        owned, names = sorted(self.owned().values()), [d["display_name"] for d in self.program.values()]
        theirs = sorted(i for i, d in self.others.items() if d["display_name"] != ANCHOR)
        what = self.random.randrange(7)
        if what == 0:
            self.other_makes(self.fresh())
        elif what == 1 and names:
            self.other_makes(self.random.choice(names))
        elif what == 2 and owned:
            self.other_changes(self.random.choice(owned), description="by hand")
        elif what == 3 and owned:
            self.other_changes(self.random.choice(owned), display_name=self.fresh())
        elif what == 4 and owned and names:
            self.other_changes(self.random.choice(owned), display_name=self.random.choice(names))
        elif what == 5 and owned:
            identifier = self.random.choice(owned)
            self.scalekit.store.delete_provider(identifier, lambda _users: None)
            self.note(f"others delete {identifier}")
        elif what == 6 and theirs:
            self.other_changes(
                self.random.choice(theirs), display_name=self.random.choice([*names, self.fresh()])
            )

    # --- What the author of the program does ----------------------------------------------------------------

    def edit(self) -> None:
        """Change the program."""
        edits: list[Callable[[], None]] = [
            self.add,
            self.add,
            self.drop,
            self.redefine,
            self.redefine,
            self.rename,
            self.take_a_name,
            self.swap,
            self.hand_over,
            self.move,
            self.adopt,
            self.adopt,
            self.forget_adoptions,
        ]
        self.random.choice(edits)()

    def some(self) -> str | None:
        """A resource of the program."""
        return self.random.choice(sorted(self.program)) if self.program else None

    def new_resource(self) -> str:
        """A name for a resource."""
        self.number += 1
        return f"r{self.number}"

    def add(self) -> None:
        """A new connector."""
        self.program[self.new_resource()] = self.definition(self.fresh())

    def drop(self) -> None:
        """One connector less."""
        if name := self.some():
            del self.program[name]

    def redefine(self) -> None:
        """Another definition under the same name: an update, or a replacement where the type differs."""
        if name := self.some():
            old = self.program[name]
            self.program[name] = {**self.definition(old["display_name"]), **_adoption_of(old)}

    def rename(self) -> None:
        """A display name that nobody has had."""
        if name := self.some():
            self.program[name] = {**self.program[name], "display_name": self.fresh()}

    def take_a_name(self) -> None:
        """A display name that something has."""
        if name := self.some():
            taken = self.random.choice(sorted({d["display_name"] for d in self.live().values()} - {ANCHOR}))
            self.program[name] = {**self.program[name], "display_name": taken}

    def swap(self) -> None:
        """Two display names change places."""
        if len(self.program) > 1:
            one, two = self.random.sample(sorted(self.program), 2)
            names = [self.program[two]["display_name"], self.program[one]["display_name"]]
            for name, display_name in zip((one, two), names, strict=True):
                self.program[name] = {**self.program[name], "display_name": display_name}

    def hand_over(self) -> None:
        """A new resource takes the name that another one gives up."""
        if name := self.some():
            given_up = self.program[name]["display_name"]
            self.program[name] = {**self.program[name], "display_name": self.fresh()}
            self.program[self.new_resource()] = self.definition(given_up)

    def move(self) -> None:
        """A resource gets another name in the program: with an alias, by adoption, or with neither."""
        if name := self.some():
            new, definition = self.new_resource(), self.program.pop(name)
            how = self.random.choice(("alias", "adopt", "identifier", "identical", "neither"))
            if how == "alias":
                self.aliases[new] = name
            adopt = {"adopt": True, "identifier": self.owned().get(name, True), "identical": "identical"}.get(
                how
            )
            self.program[new] = {**definition, **({"adopt": adopt} if adopt else {})}
            self.note(f"moves {name} to {new}: {how}")

    def adopt(self) -> None:
        """A new resource takes over what somebody else made."""
        adoptable = [i for i, d in self.others.items() if d["display_name"] != ANCHOR]
        if not adoptable:
            return
        identifier = self.random.choice(sorted(adoptable))
        theirs = self.others[identifier]
        name = theirs["display_name"]
        how: Any = self.random.choice((True, identifier, "identical"))
        changed = self.random.random() < 0.3
        definition = {**theirs, **({"description": "adopted"} if changed else {})}
        if isinstance(how, str) and how == identifier and self.random.random() < 0.3:
            definition["display_name"] = self.fresh()
        self.program[self.new_resource()] = {**definition, "adopt": how}
        self.note(f"adopts {identifier} ({name!r}) by {how!r}")

    def forget_adoptions(self) -> None:
        """`adopt` is taken out where it is done."""
        for name in self.stack.state.keys() & self.program.keys():
            self.program[name] = {k: v for k, v in self.program[name].items() if k != "adopt"}

    # --- Playing --------------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Write down what happened."""
        self.journal.append(text)

    def play(self) -> None:
        """Play the whole sequence."""
        for _ in range(3):
            self.add()
        for _ in range(RUNS):
            self.before = copy.deepcopy(self.program), dict(self.aliases)
            for _ in range(self.random.randint(1, 2)):
                self.edit()
            if self.random.random() < 0.4:
                self.others_act()
            mishaps = self.random.sample(MISHAPS, self.random.choice((0, 0, 1, 2)))
            kill = self.random.randint(0, 3) if self.random.random() < 0.2 else None
            self.note(f"program: {_shown(self.program)}; mishaps {mishaps}; kill after {kill}")
            self.run_until_it_succeeds(mishaps, kill)
            if self.random.random() < 0.5:
                self.check_all()
        self.check_all()

    def serve(self, mishaps: list[str] | None = None) -> None:
        """Have the server behave by its habits, and by mishaps."""
        self.scalekit.faults.clear()
        for spec in (*self.habits, *(mishaps or ())):
            self.scalekit.faults.add(spec)

    def up(self) -> Run:
        """Run `up` once."""
        return self.stack.up(self.program, aliases=self.aliases, delete_before_replace=self.order)

    def let_time_pass(self) -> None:
        """A late list shows by now what the last run did: a minute has passed since."""
        for _ in range(3):
            self.scalekit.store.providers()

    def run_until_it_succeeds(self, mishaps: list[str], kill: int | None) -> None:
        """Run `up`, doing as the messages say; what is refused is taken out of the program again."""
        self.serve(mishaps)
        self.stack.results_until_kill = kill
        uncertain = bool(mishaps) or kill is not None
        for round_ in range(ROUNDS):
            self.let_time_pass()
            run = self.up()
            settle(self.scalekit)
            self.serve()
            self.note(f"up: {run.errors or 'succeeds'}; state {self.owned()}")
            self.check_others()
            if run.succeeded:
                self.check_owners()
                return
            for error in run.errors:
                assert "failed unexpectedly" not in error, error
            if round_ or not uncertain:  # what a mishap stopped is tried again first
                self.follow(run, uncertain=uncertain)
        raise AssertionError("no run succeeds")

    def follow(self, run: Run, *, uncertain: bool) -> None:
        """Do as the messages of a run say.

        Args:
            run: The run that has failed.
            uncertain: Whether it may have made what no state knows.
        """
        text = "\n".join(run.errors)
        if "pulumi refresh" in text:
            refreshed = self.stack.refresh()
            self.note(f"refresh: {refreshed.errors or 'succeeds'}; state {self.owned()}")
            return
        doomed = {str(resource.outputs["identifier"]) for _, resource in self.stack.doomed}
        left_behind = self.live().keys() - self.owned().values() - self.others.keys() - doomed
        for display_name, identifier in re.findall(
            r"named '([\w ]+)' exists already in \S+: (\S+)\. .*adopt='\2'", text
        ):
            for name, definition in self.program.items():
                if (
                    definition["display_name"] == display_name
                    and identifier in left_behind
                    and name not in self.stack.state
                ):
                    self.program[name] = {**definition, "adopt": identifier}
                    self.note(f"{name} adopts {identifier}, which a run left behind")
                    return
        if self.before is None:
            self.give_up(run)
        else:  # refused: the program goes back to what it was
            (self.program, self.aliases), self.before = self.before, None
        self.note(f"goes on with {_shown(self.program)}")
        assert uncertain or not left_behind, f"left behind: {left_behind}"
        # What a run may have made of what is not declared any more has no owner.
        declared = {d["display_name"] for d in self.program.values()}
        live = self.live()
        self.others |= {i: live[i] for i in left_behind if live[i]["display_name"] not in declared}

    # --- What must hold -------------------------------------------------------------------------------------

    def check_others(self) -> None:
        """What the stack has not taken over is as others left it."""
        live, owned = self.live(), set(self.owned().values())
        claimed = {self.claims(definition) for definition in self.program.values()} - {None}
        for identifier, payload in list(self.others.items()):
            if identifier in owned:
                assert identifier in claimed, f"{identifier} was taken over unasked"
                del self.others[identifier]
            elif identifier not in claimed:
                assert live.get(identifier) == payload, f"{identifier} was touched"
            elif identifier not in live:
                del self.others[identifier]  # taken over and lost with a kill, then followed to another one
            else:
                self.others[identifier] = live[identifier]

    def claims(self, definition: Definition) -> str | None:
        """The identifier of somebody else's connector that a declaration may take over."""
        adopt = definition.get("adopt") or ("identical" if self.adopts_identical else None)
        if adopt in self.others:
            return str(adopt)
        named = [i for i, d in self.others.items() if d["display_name"] == definition["display_name"]]
        if adopt not in (True, "identical") or len(named) != 1:
            return None
        if adopt is True or _same(self.others[named[0]], definition):
            return named[0]
        return None

    def check_owners(self) -> None:
        """Each connector has one owner, and none has lost its."""
        owned = self.owned()
        assert self.stack.state.keys() == self.program.keys()
        assert not self.stack.doomed
        assert len(set(owned.values())) == len(owned), f"two owners: {owned}"
        orphans = self.live().keys() - owned.values() - self.others.keys()
        assert not orphans, f"orphans: {orphans}"

    def check_all(self) -> None:
        """After a refresh and a run, live is as declared, and another run finds nothing to do."""
        for _ in range(3):
            self.let_time_pass()
            refreshed = self.stack.refresh()
            self.note(f"refresh: {refreshed.errors or 'succeeds'}; state {self.owned()}")
            assert refreshed.succeeded, refreshed.errors
            run = self.up()
            self.note(f"up: {run.errors or 'succeeds'}; state {self.owned()}")
            self.check_others()
            if run.succeeded:
                break
            # What others have taken meanwhile is given up.
            self.give_up(run)
        assert run.succeeded, run.errors
        self.check_owners()
        live, owned = self.live(), self.owned()
        for name, definition in self.program.items():
            assert _same(live[owned[name]], definition), f"{name}: {live[owned[name]]} is not {definition}"
        again = self.up()
        assert (again.errors, again.changes) == ([], 0), "the next run finds something to do"

    def give_up(self, run: Run) -> None:
        """Declare other names where somebody else has the declared ones, and adopt nothing that is gone."""
        gone = {
            adopt for error in run.errors for adopt in re.findall(r"^adopt='?([\w:]+)'?: there is no", error)
        }
        taken = set(re.findall(r"'(Name \d+)'", "\n".join(run.errors)))
        for name, definition in self.program.items():
            kept = {key: value for key, value in definition.items() if key != "adopt"}
            if definition["display_name"] in taken:
                self.program[name] = {**kept, "display_name": self.fresh()}
            elif str(definition.get("adopt")) in gone:
                self.program[name] = kept
        self.note(f"gives up {taken | gone}")


def _adoption_of(definition: Definition) -> Definition:
    return {"adopt": definition["adopt"]} if "adopt" in definition else {}


def _same(live: Definition, declared: Definition) -> bool:
    declared = {key: value for key, value in declared.items() if key != "adopt"}
    return bool(normalize_live(plain(live)) == normalize(plain(declared)))


def _shown(program: Program) -> str:
    return ", ".join(
        f"{name}={d['display_name']}/{d['auth_patterns'][0]['type']}/{d['description']}"
        f"{'/adopt=' + str(d['adopt']) if 'adopt' in d else ''}"
        for name, d in program.items()
    )


def main() -> int:
    """Play the sequences of a range of seeds; return 1 if any ends wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", type=int, default=100, help="how many")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    arguments = parser.parse_args()
    failed = []
    with local.running() as scalekit:
        for seed in range(arguments.start, arguments.start + arguments.sequences):
            sequence = Sequence(scalekit, seed)
            try:
                sequence.play()
            except AssertionError:
                failed.append(seed)
                print(f"seed {seed}:", *sequence.journal, traceback.format_exc(), sep="\n  ", flush=True)  # noqa: T201
    print(f"{arguments.sequences} sequences, {len(failed)} wrong: {failed}")  # noqa: T201
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
