"""The dynamic provider of connections: check, diff, create, read, delete.

As with `ConnectorProvider`, its import path is part of every state file and never changes.
"""

from __future__ import annotations

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

from .connector import ADOPT, CONTEXT_KEY, ENVIRONMENT, SECRETS, Inputs, explained, redacting

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulumi_scalekit.api.responses import Attributes

    from .session import Session

DECLARED: Final = ("connector", "connection_name", "auth_type")
"""What a connection is made from. None of it can be changed later: another value makes another connection."""


class ConnectionProvider(ResourceProvider):
    """Maps a `Connection` onto Scalekit's connection API."""

    # Pickled by reference there is nothing secret in it.
    serialize_as_secret_always = False

    _session: Session

    @explained
    def configure(self, req: ConfigureRequest) -> None:
        """Read the settings. Connectors and connections of one process share a session."""
        from .session import open_session

        self._session = open_session(req.config.get)

    @explained
    def check(self, _olds: Inputs, news: Inputs) -> CheckResult:
        """Check a declaration, and name the environment that it goes to."""
        from pulumi_scalekit.api.connections import exists_error

        from .values import received, sent

        olds, inputs, session = received(_olds), received(news), self._session
        context = inputs.pop(CONTEXT_KEY, {})
        session.previewing = bool(context.get("preview"))
        if secrets := context.get("secret"):
            inputs[SECRETS] = secrets
        with redacting(olds, inputs) as redact:
            session.guard(_what(olds), olds.get(ENVIRONMENT))
            failures = [CheckFailure("", text) for text in mistakes(inputs)]
            name = inputs.get("connection_name")
            if not failures and not olds and isinstance(name, str):
                if inputs.get(ADOPT):
                    self._tell_of_adoption(inputs, redact)
                elif others := [c for c in session.connections.known(name) if c["id"] not in session.managed]:
                    raise exists_error(name, others, session.settings.environment_url)
        inputs[ENVIRONMENT] = session.settings.environment_url
        return CheckResult(sent(inputs), failures)

    @explained
    def diff(self, _id: str, _olds: Inputs, _news: Inputs) -> DiffResult:
        """Compare; whatever differs makes another connection."""
        from .values import received

        olds, news, session = received(_olds), received(_news), self._session
        with redacting(olds, news) as redact:
            session.guard(_what(olds), olds.get(ENVIRONMENT))
            session.manages(_id)
            differing = [key for key in DECLARED if self._differs(key, olds.get(key), news.get(key))]
            if differing and session.previewing:
                self._warn_of_accounts(olds, redact)
        moved = olds.get(ENVIRONMENT) not in (None, news.get(ENVIRONMENT))
        if not differing:
            return DiffResult(changes=moved)
        # The name can be given once, so the old connection goes first.
        return DiffResult(changes=None, replaces=differing, delete_before_replace=True)

    def _tell_of_adoption(self, inputs: Inputs, redact: Callable[[str], str]) -> None:
        """Say at preview which connection `adopt` takes over. Nothing in it can change: it is as declared."""
        from . import sdk as host

        live = self._adoptable(inputs)
        if live is not None and self._session.previewing:
            where = self._session.settings.environment_url
            host.log(
                "info", redact(f"{_what(inputs)}: takes over {live['id']} in {where}, which is as declared")
            )

    def _warn_of_accounts(self, olds: Inputs, redact: Callable[[str], str]) -> None:
        """Say at preview what the update would otherwise find out half-way, with the connector changed already."""
        from pulumi_scalekit.api.accounts import Accounts
        from pulumi_scalekit.errors import ScalekitError
        from pulumi_scalekit.redaction import printable

        from . import sdk as host

        connections = self._session.connections
        try:
            accounts = Accounts(connections.client).of(str(olds.get("connection_name")))
        except ScalekitError:
            return  # the update will tell
        if accounts:
            text = f"{_what(olds)} is to be replaced, and its connected accounts would be lost"
            names = ", ".join(printable(account.get("identifier")) for account in accounts)
            remedy = f"Scalekit refuses that while there are any. Remove these first: {names}"
            host.log("warning", redact(f"{text}. {remedy}"))

    def _differs(self, key: str, old: Any, new: Any) -> bool:
        from pulumi_scalekit.definition.keys import UNKNOWN

        if key == "connector" and new is UNKNOWN:
            # In a preview, the identifier of a connector that changes is not known. An update keeps it.
            connector = self._session.connectors.get(old)
            return connector is None or self._session.replaces(str(connector.get("display_name")))
        if key == "auth_type" and new is UNKNOWN:
            return False
        return bool(old != new)

    @explained
    def create(self, props: Inputs) -> CreateResult:
        """Create the connection, or take over the one that has the name."""
        from .values import received

        inputs, session = received(props), self._session
        with redacting(inputs):
            answer = self._adoptable(inputs) if inputs.get(ADOPT) else None
            if answer is not None:
                session.takes_over(answer["id"])
            else:
                answer = session.connections.create(
                    name=inputs["connection_name"],
                    connector=inputs["connector"],
                    auth_type=inputs["auth_type"],
                )
            session.manages(answer["id"])
            return CreateResult(answer["id"], self._outputs(inputs, answer))

    @explained
    def read(self, id_: str, props: Inputs) -> ReadResult:
        """Read the connection; nothing where it is gone."""
        from pulumi_scalekit.errors import ConnectorNotFound

        from .values import received

        state, session = received(props), self._session
        context = state.pop(CONTEXT_KEY, {})
        with redacting(state):
            session.guard(_what(state), state.get(ENVIRONMENT))
            live = session.connections.get(id_)
            if live is None:
                if context.get("get"):
                    where = session.settings.environment_url
                    raise ConnectorNotFound(f"There is no connection {id_} in {where}")
                return ReadResult("", {})
            session.manages(id_)
            inputs: Inputs = {key: state[key] for key in (ADOPT, SECRETS) if key in state}
            for key, answered in zip(DECLARED, ("provider_key", "key_id", "type"), strict=True):
                # What an answer leaves out is as it was declared.
                if (value := live.get(answered) or state.get(key)) is not None:
                    inputs[key] = value
            inputs[ENVIRONMENT] = session.settings.environment_url
            return ReadResult(id_, self._outputs(inputs, live), inputs)

    @explained
    def update(self, _id: str, _olds: Inputs, _news: Inputs) -> UpdateResult:
        """Record the environment's new URL: all else makes another connection."""
        from .values import received

        news = received(_news)
        live = self._session.connections.get(_id)
        return UpdateResult(self._outputs(news, live or {}))

    @explained
    def delete(self, _id: str, _props: Inputs) -> None:
        """Delete the connection. One that is gone already is fine."""
        from .values import received

        state, session = received(_props), self._session
        with redacting(state):
            session.guard(_what(state), state.get(ENVIRONMENT))
            if session.took_over(_id):
                return  # another resource of this run has adopted it: this one goes, the connection stays
            session.connections.delete(_id, name=str(state.get("connection_name", "")))

    def _adoptable(self, inputs: Inputs) -> Attributes | None:
        """The live connection of the declared name, if it is one of the declared connector and type.

        `None` where the stack has adopted it already and now replaces it: another one is to be created.
        """
        from pulumi_scalekit.definition.keys import UNKNOWN
        from pulumi_scalekit.errors import AmbiguousConnector, ConnectorNotFound

        session, name = self._session, inputs["connection_name"]
        where = session.settings.environment_url
        found = session.connections.named(name)
        if not found and session.connections.deleted(name):
            return None
        if not found:
            raise ConnectorNotFound(
                f"adopt=True: there is no connection named {name!r} in {where}. Leave adopt out to create it"
            )
        if len(found) > 1:
            ids = ", ".join(str(c.get("id")) for c in found)
            raise AmbiguousConnector(f"adopt=True: several connections are named {name!r} in {where}: {ids}")
        for key, answered in (("connector", "provider_key"), ("auth_type", "type")):
            declared: Any = inputs.get(key)
            live = found[0].get(answered)
            if declared is not UNKNOWN and live not in (None, "", declared):
                if found[0]["id"] in session.managed:
                    return None
                raise AmbiguousConnector(
                    f"adopt=True: the connection {name!r} in {where} has another {key} ({live}). "
                    "Declare that one, or choose another name"
                )
        return found[0]

    def _outputs(self, inputs: Inputs, answer: Attributes) -> dict[str, Any]:
        outputs = {**inputs, ENVIRONMENT: self._session.settings.environment_url}
        for key in ("status", "enabled"):
            if answer.get(key) is not None:
                outputs[key] = answer[key]
        return outputs


def mistakes(inputs: Inputs) -> list[str]:
    """What is wrong with a declared connection, each as a sentence that begins with the property."""
    from pulumi_scalekit.api.paths import is_identifier
    from pulumi_scalekit.definition.keys import AUTH_TYPES, CATALOGUE_TYPES, UNKNOWN

    found = []
    name: Any = inputs.get("connection_name")
    connector: Any = inputs.get("connector")
    auth_type: Any = inputs.get("auth_type")
    if name is not UNKNOWN and not (isinstance(name, str) and name.strip() and name.isprintable()):
        found.append("connection_name is required; give the name that Tool Proxy calls use")
    elif isinstance(name, str) and len(name) > 255:
        found.append("connection_name must have at most 255 characters; make it shorter")
    if connector is None:
        found.append("connector is required; give a Connector, or its identifier")
    elif connector is not UNKNOWN and not is_identifier(connector):
        found.append("connector is not an identifier; use the one that `pulumi-scalekit list` shows")
    if auth_type is None:
        found.append("auth_type is required; give the type of the connector's auth pattern")
    elif auth_type is not UNKNOWN and auth_type not in (*AUTH_TYPES, *CATALOGUE_TYPES):
        found.append(f"auth_type is no auth type of Scalekit; use one of {', '.join(AUTH_TYPES)}")
    return found


def _what(properties: Inputs) -> str:
    name = properties.get("connection_name")
    return f"Connection {name!r}" if isinstance(name, str) else "The connection"


# States name the class by this path.
ConnectionProvider.__module__ = "pulumi_scalekit.connection_provider"
