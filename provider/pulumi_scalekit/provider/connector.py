"""The dynamic provider: check, diff, create, read, update, delete.

Pulumi pickles the provider object into the state of every resource, and reads it back with that state forever.
So the class below is importable, has no state of its own, and its import path never changes. Everything that a
run needs is made in `configure`. The modules that do the work are imported there too: a program that declares
connectors imports this module only to name the class.
"""

from __future__ import annotations

import contextlib
import functools
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

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

from pulumi_scalekit.definition.keys import DEFINITION_KEYS
from pulumi_scalekit.errors import ScalekitError

from .sdk import show_message_alone

if TYPE_CHECKING:
    from pulumi_scalekit.api.responses import Attributes

    from .session import Session

CONTEXT_KEY: Final = "__context"
"""The input by which a program tells the provider about itself.

`check` takes it out of what the state holds; only a `get`, which Pulumi does not check, keeps it in its inputs.
"""
ADOPT: Final = "adopt"
ENVIRONMENT: Final = "environment_url"
SECRETS: Final = "secret_properties"
"""Names the properties whose values must not appear in messages; there only when there are any."""
SERVER_FORM: Final = "server_form"
"""The definition as the server stored it, kept (encrypted) only where that is not what was declared."""

Inputs = dict[str, Any]
_F = TypeVar("_F", bound=Callable[..., Any])


def explained(method: _F) -> _F:
    """Make every exception of a provider method a message that can stand alone."""

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except ScalekitError as error:
            message = str(error)
        except Exception:  # noqa: BLE001 - the last resort
            message = f"pulumi-scalekit failed unexpectedly, please report this:\n{traceback.format_exc()}"
        show_message_alone(message)
        raise Failure(message)

    return wrapper  # type: ignore[return-value]


class Failure(ScalekitError):
    """A failed operation, with nothing secret in its message."""


class ConnectorProvider(ResourceProvider):
    """Maps a `Connector` onto Scalekit's custom-provider API."""

    # Pickled by reference there is nothing secret in it.
    serialize_as_secret_always = False

    _session: Session

    @explained
    def configure(self, req: ConfigureRequest) -> None:
        """Read the settings. Called once in a provider process, before anything else."""
        from .session import open_session

        self._session = open_session(req.config.get)

    @explained
    def check(self, _olds: Inputs, news: Inputs) -> CheckResult:
        """Check a declaration: every mistake at once; and name the environment that it goes to."""
        from .values import identical, received, sent

        olds, inputs, session = received(_olds), received(news), self._session
        context = inputs.pop(CONTEXT_KEY, {})
        session.previewing = bool(context.get("preview"))
        replaced = session.checked(
            str(context.get("name", "")), olds.get("display_name"), inputs.get("display_name")
        )
        if secrets := context.get("secret"):
            inputs[SECRETS] = secrets
        with redacting(olds, inputs) as redact:
            session.guard(_what(olds), olds.get(ENVIRONMENT))
            unchanged = {**inputs, ENVIRONMENT: session.settings.environment_url}
            if identical(olds, unchanged):
                # What is stored was checked before; most runs change little, and need no rules loaded.
                return CheckResult(sent(unchanged), [])
            if not olds:
                # Something new: the list that tells of duplicates is on its way while the rules are loaded.
                session.read_ahead(session.settings.environment_url)
            from pulumi_scalekit.definition.changes import align
            from pulumi_scalekit.definition.check import findings

            found = findings({key: value for key, value in inputs.items() if key not in _INTERNAL})
            failures = [
                CheckFailure("", redact(f"{finding.path} {finding}"))
                for finding in found
                if finding.severity == "error"
            ]
            for finding in found:
                if finding.severity != "error":
                    severity: Literal["info", "warning"] = "info" if finding.severity == "hint" else "warning"
                    self._tell(severity, redact(f"{_what(inputs)}: {finding.path} {finding}"))
            if not failures and not olds and isinstance(inputs.get("display_name"), str):
                self._check_new(inputs, replaced, redact)
        # What means the same keeps its old form, so that Pulumi's own comparison shows just what differs.
        inputs = align(olds, inputs) if olds else inputs
        inputs[ENVIRONMENT] = session.settings.environment_url
        return CheckResult(sent(inputs), failures)

    def _check_new(self, inputs: Inputs, replaced: str | None, redact: Callable[[str], str]) -> None:
        """Find out at preview already whether a create would make a duplicate, and what an adoption would change.

        Args:
            inputs: What is to be created.
            replaced: The display name of the connector that it replaces, if it does.
            redact: Keeps secret values out of a message.
        """
        from pulumi_scalekit.api.connectors import exists_error

        session, name = self._session, inputs["display_name"]
        if inputs.get(ADOPT) and replaced is None:
            live = self._adoptable(inputs)
            self._tell("info", redact(_adoption(live, inputs, session.settings.environment_url)))
            return
        unmanaged = [c for c in session.connectors.known(name) if c.get("identifier") not in session.managed]
        if len(unmanaged) == 1 and name == replaced:
            # A replacement by replacement_trigger comes without a diff, which would have told the identifier.
            session.manages(unmanaged.pop()["identifier"])
        if unmanaged:
            raise exists_error(name, unmanaged, session.settings.environment_url)

    def _tell(self, severity: Literal["info", "warning"], message: str) -> None:
        """Say something at preview; the update that follows would only repeat it."""
        from . import sdk as host

        if self._session.previewing:
            host.log(severity, message)

    @explained
    def diff(self, _id: str, _olds: Inputs, _news: Inputs) -> DiffResult:
        """Compare what two definitions mean. Every property can be updated in place."""
        from .values import identical, received

        olds, news, session = received(_olds), received(_news), self._session
        with redacting(olds, news) as redact:
            session.guard(_what(olds), olds.get(ENVIRONMENT))
            if session.declares(olds.get("display_name")):
                session.manages(_identifier(_id, olds))
            if identical({k: v for k, v in olds.items() if k in news or k in DEFINITION_KEYS}, news):
                return DiffResult(changes=False)
            from pulumi_scalekit.definition.changes import authorization_note, same_definition
            from pulumi_scalekit.definition.normalize import normalize

            moved = olds.get(ENVIRONMENT) not in (None, news.get(ENVIRONMENT))
            old, new = normalize(olds), normalize(news)
            if same_definition(old, new) and not moved:
                return DiffResult(changes=False)
            if note := authorization_note(old, new):
                self._tell("warning", redact(f"{_what(news)}: {note}"))
        # `None` lets Pulumi compare the properties itself: it shows paths, and honours replace_on_changes.
        return DiffResult(changes=None)

    @explained
    def create(self, props: Inputs) -> CreateResult:
        """Create the connector, or take over the one that `adopt` names."""
        from pulumi_scalekit.api.connectors import equals
        from pulumi_scalekit.definition.normalize import create_payload, update_payload

        from .values import received

        inputs, session = received(props), self._session
        with redacting(inputs):
            # What has been adopted once and is to be replaced is made anew.
            if not inputs.get(ADOPT) or session.replaces(inputs["display_name"]):
                answer = session.connectors.create(create_payload(inputs), replaces=session.managed)
            else:
                answer = self._adoptable(inputs)
                session.takes_over(answer["identifier"])
                if not equals(answer, inputs):
                    answer = session.connectors.update(answer["identifier"], update_payload(inputs))
                    session.takes_over(answer["identifier"])
            session.manages(answer["identifier"])
            return CreateResult(answer["identifier"], self._outputs(inputs, answer))

    @explained
    def read(self, id_: str, props: Inputs) -> ReadResult:
        """Read the connector: drift in the words of the declaration; nothing where it is gone."""
        session = self._session
        session.read_ahead(props.get(ENVIRONMENT))
        from .values import as_declared, received

        state = received(props)
        context = state.pop(CONTEXT_KEY, {})
        with redacting(state):
            session.guard(_what(state), state.get(ENVIRONMENT))
            identifier = _identifier(id_, state)
            live = session.connectors.get(identifier)
            if live is None:
                if context.get("get"):
                    from pulumi_scalekit.errors import ConnectorNotFound

                    raise ConnectorNotFound(
                        f"There is no connector {identifier} in {session.settings.environment_url}. "
                        "`pulumi-scalekit list` shows those that exist"
                    )
                session.missing(_what(state), state.get(ENVIRONMENT))
                return ReadResult("", {})
            if unchanged := as_declared(state, live):
                inputs = {key: state[key] for key in (*DEFINITION_KEYS, ADOPT, SECRETS) if key in state}
            else:
                inputs = _live_inputs(state, live)
            inputs[ENVIRONMENT] = session.settings.environment_url
            # Without inputs in the answer those in the state stay, and have not to be carried back and forth.
            kept = unchanged and state.get(ENVIRONMENT) == inputs[ENVIRONMENT]
            return ReadResult(str(live["identifier"]), self._outputs(inputs, live), None if kept else inputs)

    @explained
    def update(self, _id: str, _olds: Inputs, _news: Inputs) -> UpdateResult:
        """Send the whole definition."""
        from pulumi_scalekit.definition.normalize import update_payload

        from .values import received

        olds, news, session = received(_olds), received(_news), self._session
        with redacting(olds, news):
            session.guard(_what(olds), olds.get(ENVIRONMENT))
            answer = session.connectors.update(_identifier(_id, olds), update_payload(news))
            session.manages(answer["identifier"])
            return UpdateResult(self._outputs(news, answer))

    @explained
    def delete(self, _id: str, _props: Inputs) -> None:
        """Delete the connector. One that is gone already is fine."""
        from .values import received

        state, session = received(_props), self._session
        with redacting(state):
            session.guard(_what(state), state.get(ENVIRONMENT))
            identifier = _identifier(_id, state)
            if session.took_over(identifier):
                return
            if not session.connectors.delete(identifier, name=str(state.get("display_name", ""))):
                session.missing(_what(state), state.get(ENVIRONMENT))

    def _adoptable(self, inputs: Inputs) -> Attributes:
        """The live connector that `adopt` means: by its identifier, or as the only one of the display name."""
        from pulumi_scalekit.errors import AmbiguousConnector, ConnectorNotFound

        connectors, where = self._session.connectors, self._session.settings.environment_url
        adopt, name = inputs[ADOPT], inputs["display_name"]
        if isinstance(adopt, str):
            if (found := connectors.get(adopt)) is None:
                raise ConnectorNotFound(
                    f"adopt={adopt!r}: there is no connector of that identifier in {where}. "
                    "`pulumi-scalekit list` shows those that exist"
                )
            return found
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
        return named[0]

    def _outputs(self, inputs: Inputs, answer: Attributes) -> dict[str, Any]:
        from .values import as_declared, server_outputs

        outputs = {**inputs, **server_outputs(answer), ENVIRONMENT: self._session.settings.environment_url}
        if not as_declared(inputs, answer):
            from pulumi_scalekit.definition.changes import same_definition
            from pulumi_scalekit.definition.normalize import normalize, normalize_live

            stored = normalize_live(answer)
            if not same_definition(normalize(inputs), stored):
                outputs[SERVER_FORM] = stored
        return outputs


# States name the class by this path.
ConnectorProvider.__module__ = "pulumi_scalekit.provider"

_INTERNAL: Final = frozenset({ADOPT, ENVIRONMENT, SECRETS})


@contextlib.contextmanager
def redacting(*properties: Inputs) -> Iterator[Callable[[str], str]]:
    """Keep the values of secret properties out of messages: of errors raised inside, and by the yielded function.

    Pulumi hands a dynamic provider its inputs without their secret marks. The program names the properties that
    have them.
    """
    values: set[str] = set()
    for bag in properties:
        for key in bag.get(SECRETS) or ():
            _collect(bag.get(key), values)

    def redact(text: str) -> str:
        for value in sorted(values, key=len, reverse=True):
            text = text.replace(value, "[secret]")
        return text

    try:
        yield redact
    except ScalekitError as error:
        raise Failure(redact(str(error))) from None


def _collect(value: object, into: set[str]) -> None:
    """Gather the strings of a secret value, whole and as the words that messages may quote from them."""
    if isinstance(value, str):
        into.update(part for part in (value, *re.findall(r"[\w.:/-]{4,}", value)) if part)
    elif isinstance(value, Mapping):
        for item in value.values():
            _collect(item, into)
    elif isinstance(value, list):
        for item in value:
            _collect(item, into)


def _what(properties: Inputs) -> str:
    name = properties.get("display_name")
    return f"Connector {name!r}" if isinstance(name, str) else "The connector"


def _identifier(id_: str, state: Inputs) -> str:
    # An update may have answered with another identifier; Pulumi's own id cannot follow before a refresh.
    identifier = state.get("identifier")
    return identifier if isinstance(identifier, str) and identifier else id_


def _live_inputs(state: Inputs, live: Attributes) -> Inputs:
    """What is live as the inputs of a program: drift in the words of the declaration in the state, if it has one."""
    from pulumi_scalekit.definition.changes import align
    from pulumi_scalekit.definition.normalize import (
        definition_of,
        normalize,
        normalize_live,
        without_defaults,
    )
    from pulumi_scalekit.definition.stored import merge_drift

    if state.get("display_name") is None:
        return definition_of(live)
    declared = normalize(state)
    merged = merge_drift(declared, state.get(SERVER_FORM) or declared, normalize_live(live))
    kept: Inputs = {key: state[key] for key in (ADOPT, SECRETS) if key in state}
    return align(state, {**kept, **without_defaults(merged)})


def _adoption(live: Attributes, inputs: Inputs, where: str) -> str:
    """What an adoption does, for the preview."""
    from pulumi_scalekit.definition.changes import changes
    from pulumi_scalekit.definition.normalize import normalize, normalize_live

    differing = list(changes(normalize_live(live), normalize(inputs)))
    start = f"{_what(inputs)}: takes over {live['identifier']} in {where}"
    if not differing:
        return f"{start}, which is as declared"
    # Of a secret property neither the declared value is shown nor the one that lives there now.
    secret = inputs.get(SECRETS) or ()
    shown = (f"{c} (secret)" if c.path[0] in secret else c.describe() for c in differing)
    return f"{start}, and changes {'; '.join(shown)}"
