"""The dynamic provider: check, diff, create, read, update, delete.

Pulumi pickles the provider object into the state of every resource, and reads it back with that state forever.
So the class below is importable, has no state of its own, and its import path never changes. Everything that a
run needs is made in `configure`. The HTTP client and the rules are imported where they are needed: a program that
declares connectors imports this module only to name the class, and a run without changes makes no call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final

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

from pulumi_scalekit.definition.changes import (
    align,
    authorization_note,
    changes,
    is_as_declared,
    replacements,
    same,
)
from pulumi_scalekit.definition.keys import DEFINITION_KEYS, UNKNOWN
from pulumi_scalekit.definition.normalize import (
    create_payload,
    definition_of,
    normalize,
    normalize_live,
    update_payload,
    without_defaults,
)
from pulumi_scalekit.definition.paths import format_path
from pulumi_scalekit.definition.stored import accepted_form, merge_drift, unapplied
from pulumi_scalekit.errors import AmbiguousConnector, ConnectorExists, ConnectorNotFound

from .call import current_urn, ignored_paths, log
from .failures import explained, redacting, secret_paths_in
from .keys import (
    ADOPT,
    CONTEXT_KEY,
    ENVIRONMENT,
    IDENTICAL,
    SECRET_PATHS,
    SECRETS,
    SERVER_FORM,
    Inputs,
    Level,
)
from .ownership import name_of
from .session import Session, open_session
from .values import identical, overlap, received, replaced_at, sent, server_outputs

if TYPE_CHECKING:
    from pulumi_scalekit.api.responses import Attributes


class ConnectorProvider(ResourceProvider):
    """Maps a `Connector` onto Scalekit's custom-provider API."""

    # Pickled by reference there is nothing secret in it.
    serialize_as_secret_always = False

    _session: Session

    @explained
    def configure(self, req: ConfigureRequest) -> None:
        """Read the settings. Called once in a provider process, before anything else."""
        self._session = open_session(req.config.get)

    @explained
    def check(self, _olds: Inputs, news: Inputs) -> CheckResult:
        """Check a declaration: every mistake at once; and name the environment that it goes to."""
        olds, inputs, session = received(_olds), received(news), self._session
        urn = current_urn()
        session.note(urn, inputs.pop(CONTEXT_KEY, {}))
        with session.redacting(urn, olds, inputs) as redact:
            session.guard(_what(olds), olds.get(ENVIRONMENT))
            old_name = str(olds.get("display_name", "")) if olds else None
            session.connector_owners.check(urn, old_name, inputs.get("display_name"))
            unchanged = {**inputs, ENVIRONMENT: session.settings.environment_url}
            if identical(olds, unchanged):
                # What is stored was checked before; most runs change little, and need no rules loaded.
                return CheckResult(sent(unchanged), [])
            from pulumi_scalekit.definition.check import findings

            found = findings({key: value for key, value in inputs.items() if key not in _INTERNAL})
            failures = [
                CheckFailure("", redact(f"{finding.path} {finding}"))
                for finding in found
                if finding.severity == "error"
            ]
            for finding in found:
                if finding.severity != "error":
                    level: Level = "info" if finding.severity == "hint" else "warning"
                    session.tell(level, redact(f"{_what(inputs)}: {finding.path} {finding}"))
            if not failures and not olds and isinstance(inputs.get("display_name"), str):
                self._check_new(urn, inputs, redact)
        # What means the same keeps its old form, so that Pulumi's own comparison shows just what differs.
        inputs = align(olds, inputs) if olds else inputs
        inputs[ENVIRONMENT] = session.settings.environment_url
        return CheckResult(sent(inputs), failures)

    def _check_new(self, urn: str, inputs: Inputs, redact: Callable[[str], str]) -> None:
        """Find out at preview already whether a create would make a duplicate, and what an adoption would change.

        Args:
            urn: The resource.
            inputs: What is to be created.
            redact: Keeps secret values out of a message.
        """
        session, owners, name = self._session, self._session.connector_owners, inputs["display_name"]
        if owners.is_replacing(urn):
            owners.claim_replaced(urn, name, [c["identifier"] for c in session.connectors.known(name)])
            live = self._made_before(inputs, urn)
            if live is None:
                others = self._others_named(name, urn)
                self._refuse_taken(name, others, urn, identical=self._is_identical(inputs, others, urn))
        else:
            live = self._to_adopt(inputs, urn)
            if live is not None:
                owners.own(live["identifier"], urn)
                owners.change(urn)
        if live is not None:
            secret = secret_paths_in(inputs) | session.secret_paths_of(urn)
            session.tell("info", redact(_adoption(live, inputs, session.settings.environment_url, secret)))

    def _made_before(self, inputs: Inputs, urn: str) -> Attributes | None:
        """What an earlier run has made to replace a connector, where the settings or `adopt` let it be taken over."""
        others, adopt = self._others_named(inputs["display_name"], urn), inputs.get(ADOPT)
        may_adopt = adopt or self._session.settings.adopt_identical
        if not may_adopt or not self._is_identical(inputs, others, urn):
            return None
        return others[0] if adopt in (None, True, IDENTICAL, others[0]["identifier"]) else None

    def _is_identical(self, inputs: Inputs, others: list[Attributes], urn: str) -> bool:
        """Whether the only one of them is as declared, and nobody's."""
        return (
            len(others) == 1
            and not self._session.connector_owners.other_manager(others[0]["identifier"], urn)
            and is_as_declared(inputs, others[0])
        )

    def _others_named(self, name: str, urn: str) -> list[Attributes]:
        """The live connectors of a display name but for the resource's own."""
        own = self._session.connector_owners.owned_by(urn)
        return [c for c in self._session.connectors.known(name) if c.get("identifier") not in own]

    def _refuse_taken(
        self,
        name: str,
        others: list[Attributes],
        urn: str,
        *,
        identical: bool = False,
        renamed: bool = False,
    ) -> None:
        from pulumi_scalekit.api.connectors import exists_error

        owners = self._session.connector_owners
        if former := owners.former_owner(name, urn):
            # Whether it has been given up already depends on what comes first.
            raise ConnectorExists(
                f"The resource {name_of(former)!r} of this stack has the display name {name!r} until this run is "
                "over. Let `pulumi up` give it another one first, and take the name in a second run"
            )
        if others:
            manager = owners.other_manager(others[0]["identifier"], urn)
            where = self._session.settings.environment_url
            raise exists_error(
                name,
                others,
                where,
                manager=name_of(manager or ""),
                identical=identical,
                renamed=renamed,
            )

    @explained
    def diff(self, _id: str, _olds: Inputs, _news: Inputs) -> DiffResult:
        """Compare what two definitions mean, and name what Scalekit cannot change in place."""
        olds, news, session = received(_olds), received(_news), self._session
        urn, owners = current_urn(), session.connector_owners
        with session.redacting(urn, olds, news) as redact:
            session.guard(_what(olds), olds.get(ENVIRONMENT))
            is_declared = owners.is_declared(urn)
            owners.compare(_identifier(_id, olds), urn)
            if identical({k: v for k, v in olds.items() if k in news or k in DEFINITION_KEYS}, news):
                return DiffResult(changes=False)

            moved = olds.get(ENVIRONMENT) not in (None, news.get(ENVIRONMENT))
            old, new = normalize(olds), normalize(news)
            if same(old, new) and not moved:
                return DiffResult(changes=False)
            name = news.get("display_name")
            if is_declared and name is not UNKNOWN and name != olds.get("display_name"):
                self._refuse_taken(str(name), self._others_named(str(name), urn), urn, renamed=True)
            if is_declared and (replaced := [format_path(path) for path in replacements(old, new)]):
                owners.replace(urn)
                session.tell("warning", redact(_replacement(olds, replaced)))
                # Whether Scalekit lets two connectors have one name for a moment is not known.
                return DiffResult(changes=None, replaces=replaced, delete_before_replace=True)
            owners.change(urn)
            if note := authorization_note(old, new):
                session.tell("warning", redact(f"{_what(news)}: {note}"))
        # `None` lets Pulumi compare the properties itself: it shows paths, and honours replace_on_changes.
        return DiffResult(changes=None)

    @explained
    def create(self, props: Inputs) -> CreateResult:
        """Create the connector, or take over the one that `adopt` names."""
        inputs, session = received(props), self._session
        urn, owners = current_urn(), session.connector_owners
        session.widen()
        with session.redacting(urn, inputs) as redact:
            # A connector that was adopted once and is to be replaced is created.
            is_replacing = owners.is_replacing(urn)
            live = self._made_before(inputs, urn) if is_replacing else self._to_adopt(inputs, urn)
            if live is None:
                own = owners.owned_by(urn)
                connector = session.connectors.create(create_payload(inputs), replaces=own)
            else:
                owners.keep(live["identifier"], urn)
                connector = live
                if not is_as_declared(inputs, live):
                    connector = session.connectors.update(live["identifier"], update_payload(inputs))
            owners.own(connector["identifier"], urn)
            self._tell_unapplied(inputs, connector, live, redact)
            secret = session.secret_paths_of(urn)
            return CreateResult(
                connector["identifier"], self._outputs(inputs, connector, live, secret=secret)
            )

    @explained
    def read(self, id_: str, props: Inputs) -> ReadResult:
        """Read the connector: drift in the words of the declaration; nothing where it is gone."""
        session = self._session

        state = received(props)
        context = state.pop(CONTEXT_KEY, {})
        with redacting(state):
            session.guard(_what(state), state.get(ENVIRONMENT))
            identifier = _identifier(id_, state)
            live = session.connectors.get(identifier)
            if live is None:
                if context.get("get"):
                    raise ConnectorNotFound(
                        f"There is no connector {identifier} in {session.settings.environment_url}. "
                        "`pulumi-scalekit list` shows those that exist"
                    )
                session.missing(_what(state), state.get(ENVIRONMENT))
                session.guard_empty(f"{_what(state)} ({identifier})")
                return ReadResult("", {})
            if not context.get("get"):
                session.connector_owners.record(str(live["identifier"]), current_urn())
            if unchanged := is_as_declared(state, live):
                inputs = {key: state[key] for key in (*DEFINITION_KEYS, ADOPT, SECRETS) if key in state}
            else:
                inputs = _live_inputs(state, live)
            inputs[ENVIRONMENT] = session.settings.environment_url
            # Without inputs in the result the state keeps its own, and they need not be sent back and forth.
            kept = unchanged and state.get(ENVIRONMENT) == inputs[ENVIRONMENT]
            outputs = self._outputs(inputs, live, secret=state.get(SECRET_PATHS) or ())
            return ReadResult(str(live["identifier"]), outputs, None if kept else inputs)

    @explained
    def update(self, _id: str, _olds: Inputs, _news: Inputs) -> UpdateResult:
        """Send the whole definition."""
        olds, news, session = received(_olds), received(_news), self._session
        urn = current_urn()
        session.widen()
        with session.redacting(urn, olds, news) as redact:
            session.guard(_what(olds), olds.get(ENVIRONMENT))
            identifier = _identifier(_id, olds)
            declared = self._with_ignored(identifier, news)
            connector = session.connectors.update(identifier, update_payload(declared))
            session.connector_owners.own(connector["identifier"], urn)
            self._tell_unapplied(declared, connector, olds, redact)
            secret = session.secret_paths_of(urn)
            # Of an ignored property the outputs have what is declared, so that a refresh shows what lives there.
            return UpdateResult(self._outputs(news, connector, olds, secret=secret))

    def _with_ignored(self, identifier: str, declared: Inputs) -> Inputs:
        """What is declared, but what lives there of the properties that the program ignores."""
        paths = ignored_paths()
        live = self._session.connectors.get(identifier) if paths else None
        return declared if live is None else replaced_at(declared, definition_of(live), *paths)

    def _tell_unapplied(
        self, declared: Inputs, stored: Attributes, before: Inputs | None, redact: Callable[[str], str]
    ) -> None:
        """Say what a write did not do, though Scalekit accepted it."""
        if is_as_declared(declared, stored) or not (left := unapplied(declared, stored, before)):
            return
        paths = ", ".join(str(change) for change in left)
        message = (
            f"{_what(declared)}: Scalekit accepted the definition and stored something else at {paths}. An update "
            "cannot clear a description or an icon, and may merge metadata. Change it in the Scalekit Dashboard, or "
            "replace the connector with the option replacement_trigger"
        )
        log("warning", redact(message))

    @explained
    def delete(self, _id: str, _props: Inputs) -> None:
        """Delete the connector. One that is gone already is fine."""
        state, session = received(_props), self._session
        session.widen()
        with redacting(state) as redact:
            session.guard(_what(state), state.get(ENVIRONMENT))
            identifier = _identifier(_id, state)
            owners, urn = session.connector_owners, current_urn()
            if (keeper := owners.keeper(identifier, urn)) is not None:
                stays = f"stays as it is: the resource {name_of(keeper)!r} of this stack manages it"
                log("info", redact(f"{_what(state)} ({identifier}) {stays}"))
                return
            if not session.connectors.delete(identifier, name=str(state.get("display_name", ""))):
                session.missing(_what(state), state.get(ENVIRONMENT))
            owners.replace(urn)  # a create that follows is of another one, also where it says to adopt

    def _to_adopt(self, inputs: Inputs, urn: str) -> Attributes | None:
        """The live connector that a new resource takes over; `None` where it is to create one.

        Raises:
            ConnectorExists: It is to create one, and the name is taken; or what it adopts is managed already.
        """
        session, adopt, name = self._session, inputs.get(ADOPT), inputs["display_name"]
        if adopt and adopt != IDENTICAL:
            live = self._adoptable(inputs)
            self._refuse_managed(live, urn)
            others = [c for c in session.connectors.known(name) if c["identifier"] != live["identifier"]]
            if live.get("display_name") != name:
                self._refuse_taken(name, others, urn, renamed=True)
            return live
        named = session.connectors.known(name)
        identical = self._is_identical(inputs, named, urn)
        if identical and (adopt or session.settings.adopt_identical):
            return named[0]
        self._refuse_taken(name, self._others_named(name, urn), urn, identical=identical)
        return None

    def _refuse_managed(self, live: Attributes, urn: str) -> None:
        identifier = live["identifier"]
        if manager := self._session.connector_owners.other_manager(identifier, urn):
            name = name_of(manager)
            raise ConnectorExists(
                f"adopt: the resource {name!r} of this stack manages {identifier} already. If it was renamed in the "
                "program, leave adopt out and give the new name an alias: "
                f"opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name={name!r})])"
            )

    @explained
    def listed(self) -> list[Attributes]:
        """Every custom connector of the environment, for the function `getConnectors` of the native provider."""
        return self._session.connectors.listed()

    def _adoptable(self, inputs: Inputs) -> Attributes:
        """The live connector that `adopt` means: by its identifier, or as the only one of the display name."""
        connectors, where = self._session.connectors, self._session.settings.environment_url
        adopt, name = inputs[ADOPT], inputs["display_name"]
        if isinstance(adopt, str):
            if (found := connectors.get(adopt)) is None:
                raise ConnectorNotFound(
                    f"adopt={adopt!r}: there is no connector of that identifier in {where}. "
                    "`pulumi-scalekit list` shows those that exist. If it was deleted, leave adopt out to create it"
                )
        else:
            named = connectors.named(name)
            if not named:
                raise ConnectorNotFound(
                    f"adopt=True: there is no connector named {name!r} in {where}. "
                    "Leave adopt out to create it, or adopt it by its identifier"
                )
            if len(named) > 1:
                raise AmbiguousConnector(
                    f"adopt=True: {len(named)} connectors are named {name!r} in {where}. "
                    f"Say which one, with adopt= one of {', '.join(repr(c['identifier']) for c in named)}"
                )
            found = named[0]
        if fixed := replacements(found, inputs):
            raise AmbiguousConnector(
                f"adopt: {found['identifier']} in {where} has another {' and '.join(map(format_path, fixed))}, which "
                "Scalekit cannot change. Declare it as it is, or leave adopt out and choose another display name"
            )
        return found

    def _outputs(
        self,
        inputs: Inputs,
        connector: Attributes,
        before: Inputs | None = None,
        *,
        secret: Collection[str] = (),
    ) -> dict[str, Any]:
        outputs = {**inputs, **server_outputs(connector), ENVIRONMENT: self._session.settings.environment_url}
        if secret:
            outputs[SECRET_PATHS] = sorted(secret)
        if not is_as_declared(inputs, connector):
            accepted = accepted_form(inputs, connector, before)
            if not same(normalize(inputs), accepted):
                outputs[SERVER_FORM] = accepted
        return outputs


# States name the class by this path.
ConnectorProvider.__module__ = "pulumi_scalekit.provider"

_POSITION: Final = re.compile(r"\[\d+\]")
_INTERNAL: Final = frozenset({ADOPT, ENVIRONMENT, SECRETS})


def _what(properties: Inputs) -> str:
    name = properties.get("display_name")
    return f"Connector {name!r}" if isinstance(name, str) else "The connector"


def _identifier(id_: str, state: Inputs) -> str:
    # An update may have returned another identifier; Pulumi's own id cannot follow before a refresh.
    identifier = state.get("identifier")
    return identifier if isinstance(identifier, str) and identifier else id_


def _live_inputs(state: Inputs, live: Attributes) -> Inputs:
    """What is live as the inputs of a program: drift in the words of the declaration in the state, if it has one."""
    if state.get("display_name") is None:
        return definition_of(live)
    declared = normalize(state)
    merged = merge_drift(declared, state.get(SERVER_FORM) or declared, normalize_live(live))
    kept: Inputs = {key: state[key] for key in (ADOPT, SECRETS) if key in state}
    return align(state, {**kept, **without_defaults(merged)})


def _replacement(olds: Inputs, paths: list[str]) -> str:
    """What a replacement means, for the preview."""
    return (
        f"{_what(olds)} is to be replaced, since Scalekit cannot change {' and '.join(paths)} of a connector. "
        "Connections and connected accounts do not move to the new one: accounts, and a connection that this stack "
        "does not manage, have to be removed first"
    )


def _adoption(live: Attributes, inputs: Inputs, where: str, secret: Collection[str]) -> str:
    """What an adoption does, for the preview. Values at secret paths are not shown."""
    differing = list(changes(normalize_live(live), normalize(inputs)))
    start = f"{_what(inputs)}: takes over {live['identifier']} in {where}"
    if not differing:
        return f"{start}, which is as declared"
    # Of a secret property neither the declared value is shown nor the one that lives there now, which may stand at
    # another position of its list.
    hidden = [_POSITION.sub("", path) for path in secret]
    shown = (
        f"{c} (secret)" if any(overlap(_POSITION.sub("", str(c)), path) for path in hidden) else c.describe()
        for c in differing
    )
    return f"{start}, and changes {'; '.join(shown)}"
