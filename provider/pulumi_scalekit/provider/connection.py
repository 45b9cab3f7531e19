"""The dynamic provider of connections: check, diff, create, read, update, delete.

As with `ConnectorProvider`, its import path is part of every state file and never changes.
"""

from __future__ import annotations

import os
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

from pulumi_scalekit.api.paths import is_identifier
from pulumi_scalekit.definition.connection import (
    AUTH_MODES,
    DRAFT,
    RESPONSE_KEYS,
    SECRET,
    SECRET_VARIABLE,
    aligned_app,
    differing_settings,
    findings,
    kept_settings,
    lacks_app,
    live_app,
    same_app,
    same_secret,
    shown_settings,
)
from pulumi_scalekit.definition.keys import UNKNOWN
from pulumi_scalekit.errors import ConnectorNotFound, ScalekitError, SettingsError
from pulumi_scalekit.redaction import printable

from . import takeover
from .call import current_urn, ignored_paths, log
from .failures import Failure, explained, redacting
from .keys import ADOPT, CONTEXT_KEY, ENVIRONMENT, SECRET_PATHS, SECRETS, Inputs
from .session import Session, open_session
from .values import received, replaced_at, sent

if TYPE_CHECKING:
    from pulumi_scalekit.api.responses import Attributes

DECLARED: Final = (
    "connector",
    "connection_name",
    "auth_type",
    "auth_mode",
    "context",
    "enabled",
    "oauth_app",
)
"""What a connection is made from."""
IMMUTABLE: Final = ("connector", "context", "auth_mode")
"""What cannot be changed in place: another value makes another connection."""
OUTPUTS: Final = ("status", "enabled", "redirect_uri", "mcp_server_url", "resolved_proxy_url")
"""What Scalekit says about a connection."""


class ConnectionProvider(ResourceProvider):
    """Maps a `Connection` onto Scalekit's connection API."""

    # Pickled by reference there is nothing secret in it.
    serialize_as_secret_always = False

    _session: Session

    @explained
    def configure(self, req: ConfigureRequest) -> None:
        """Read the settings. Connectors and connections of one process share a session."""
        self._session = open_session(req.config.get)

    @explained
    def check(self, _olds: Inputs, news: Inputs) -> CheckResult:
        """Check a declaration, and name the environment that it goes to."""
        olds, inputs, session = received(_olds), received(news), self._session
        about = inputs.pop(CONTEXT_KEY, {})
        urn, name = current_urn(), inputs.get("connection_name")
        session.note(urn, about)
        if "enabled" in inputs:
            session.leaves_enabled.discard(urn)
        else:
            session.leaves_enabled.add(urn)
        with session.redacting(urn, olds, inputs) as redact:
            session.guard(_what(olds), olds.get(ENVIRONMENT))
            session.connection_owners.check(urn, str(olds.get("connection_name", "")) if olds else None, name)
            failures = [CheckFailure("", redact(f"{f.path} {f}")) for f in findings(inputs)]
            connector = inputs.get("connector")
            if connector not in (None, UNKNOWN) and not is_identifier(connector):
                words = "connector is not an identifier; use the one that `pulumi-scalekit list` shows"
                failures.append(CheckFailure("", words))
            if not failures:
                self._warn_of_variable(olds, inputs, redact)
            may_be_draft = not failures and session.previewing and lacks_app(inputs)
            if may_be_draft and takeover.is_mcp(session, connector, about.get("mcp")) is False:
                session.tell("info", redact(f"{_what(inputs)}: {DRAFT.path} {DRAFT}"))
            if not failures and not olds and isinstance(name, str):
                owners = session.connection_owners
                owners.claim_replaced(urn, name, [c["id"] for c in session.connections.known(name)])
                own = owners.owned_by(urn)
                if takeover.is_adopting(session, inputs, urn):
                    self._tell_of_adoption(inputs, urn, redact)
                elif others := [c for c in session.connections.known(name) if c["id"] not in own]:
                    if takeover.unfinished(session, inputs, urn) is None:
                        from pulumi_scalekit.api.connections import exists_error

                        raise exists_error(name, others, session.settings.environment_url)
                    left = f"goes on with what an earlier run left, {printable(others[0]['id'])}"
                    session.tell("info", redact(f"{_what(inputs)}: {left}"))
        inputs = {**inputs, **_kept_inputs(olds, inputs), ENVIRONMENT: session.settings.environment_url}
        return CheckResult(sent(inputs), failures)

    @explained
    def diff(self, _id: str, _olds: Inputs, _news: Inputs) -> DiffResult:
        """Compare: what cannot change in place makes another connection."""
        olds, news, session = received(_olds), received(_news), self._session
        urn, owners = current_urn(), session.connection_owners
        with session.redacting(urn, olds, news) as redact:
            session.guard(_what(olds), olds.get(ENVIRONMENT))
            owners.compare(_id, urn)
            differing = [key for key in DECLARED if self._differs(_id, key, olds.get(key), news.get(key))]
            replaces = [key for key in differing if key in IMMUTABLE]
            if replaces and session.previewing:
                self._warn_of_accounts(_id, olds, redact)
        if replaces:
            owners.replace(urn)
            # The name can be given once, so the old connection goes first.
            return DiffResult(changes=None, replaces=replaces, delete_before_replace=True)
        if differing:
            # `None` lets Pulumi compare the properties itself, and show them by path.
            return DiffResult(changes=None)
        return DiffResult(changes=olds.get(ENVIRONMENT) not in (None, news.get(ENVIRONMENT)))

    def _differs(self, id_: str, key: str, old: Any, new: Any) -> bool:
        if key == "connector":
            return bool(old != new) and not self._moved(id_, old, new)
        if key == "auth_type" and new is UNKNOWN:
            return False
        if key == "auth_mode":
            return bool((old or AUTH_MODES[0]) != (new or AUTH_MODES[0]))
        if key == "enabled":
            is_left = current_urn() in self._session.leaves_enabled
            return new is not None and not is_left and bool(old != new)
        if key == "oauth_app" and UNKNOWN not in (old, new):
            return not same_app(old or {}, new or {})
        return bool((old or None) != (new or None))

    def _moved(self, id_: str, old: Any, new: Any) -> bool:
        """Whether a connector of another identifier is the same one, and the connection still belongs to it.

        An update of a connector may give it a new identifier.
        """
        if new is UNKNOWN:
            # In a preview, the identifier of a connector that changes is not known. An update keeps it; that of
            # another connector, which is to be created, is not known either. The program may say which one it is.
            owners = self._session.connector_owners
            urn = self._session.connector_urn_of(current_urn())
            is_other = isinstance(urn, str) and old not in owners.owned_by(urn)
            return owners.is_changing(old) and not owners.is_replaced(old) and not is_other
        live = self._session.connections.get(id_)
        return live is not None and live.get("provider_key") == new

    @explained
    def create(self, props: Inputs) -> CreateResult:
        """Create the connection with its settings, or take over the one that has the name."""
        inputs, session = received(props), self._session
        urn = current_urn()
        secret = session.secret_paths_of(urn)
        with session.redacting(urn, inputs) as redact:
            self._secret(inputs)  # before anything is made, it must be there
            live: Attributes | None
            if is_adopting := takeover.is_adopting(session, inputs, urn):
                live = takeover.adoptable(session, inputs, urn)
                takeover.refuse_context(session, session.connections.get(live["id"]) or {}, inputs, urn)
            else:
                live = takeover.unfinished(session, inputs, urn)
            if live is not None:
                session.connection_owners.keep(live["id"], urn)
            else:
                live = session.connections.create(
                    name=inputs["connection_name"],
                    connector=inputs["connector"],
                    auth_type=inputs["auth_type"],
                    auth_mode=inputs.get("auth_mode"),
                    context=inputs.get("context"),
                    replaces=session.connection_owners.owned_by(urn),
                    may_be_own=lambda live: takeover.may_be_own(session, inputs, live),
                )
            try:
                stored = self._apply(live["id"], {}, inputs, redact)
                if not stored:
                    raise ConnectorNotFound(
                        f"{_what(inputs)}: Scalekit does not show it, so it has no settings yet"
                    )
            except ScalekitError as error:
                # It counts as without settings, which were not accepted, or only in part.
                bare = {k: v for k, v in inputs.items() if k not in ("oauth_app", "enabled")}
                raise Failure(
                    f"{error}. The connection itself exists ({printable(live['id'])}): the next run goes on with it, "
                    "or, where it is refused because the name is taken, one with SCALEKIT_ADOPT_IDENTICAL=true",
                    # What is not taken over in full stays nobody's: a destroy must not delete it.
                    made=None if is_adopting else CreateResult(live["id"], self._outputs(bare, live, secret)),
                ) from None
            session.connection_owners.own(live["id"], urn)
            return CreateResult(live["id"], self._outputs(inputs, {**live, **stored}, secret))

    @explained
    def read(self, id_: str, props: Inputs) -> ReadResult:
        """Read the connection: drift in the words of the declaration; nothing where it is gone."""
        state, session = received(props), self._session
        about = state.pop(CONTEXT_KEY, {})
        with redacting(state):
            session.guard(_what(state), state.get(ENVIRONMENT))
            live = session.connections.get(id_)
            if live is None:
                if about.get("get"):
                    where = session.settings.environment_url
                    raise ConnectorNotFound(f"There is no connection {id_} in {where}")
                session.missing(_what(state), state.get(ENVIRONMENT))
                return ReadResult("", {})
            if not about.get("get"):
                session.connection_owners.record(id_, current_urn())
            inputs = {**self._live_inputs(state, live), ENVIRONMENT: session.settings.environment_url}
            secret = state.get(SECRET_PATHS) or ()
            return ReadResult(id_, self._outputs({**_kept_outputs(state), **inputs}, live, secret), inputs)

    def _live_inputs(self, state: Inputs, live: Attributes) -> Inputs:
        inputs: Inputs = {key: state[key] for key in (ADOPT, SECRETS, "context") if key in state}
        for key, name in RESPONSE_KEYS.items():
            # What a response leaves out is as it was declared.
            value = live.get(name) if live.get(name) is not None else state.get(key)
            if key == "auth_mode" and key not in state and value == AUTH_MODES[0]:
                continue  # Scalekit's default
            if value not in (None, ""):
                inputs[key] = value
        if app := state.get("oauth_app"):
            config = live.get("oauth_config")
            inputs["oauth_app"] = live_app(app, config) if isinstance(config, dict) else app
        return inputs

    @explained
    def update(self, _id: str, _olds: Inputs, _news: Inputs) -> UpdateResult:
        """Change in place what differs; record the environment's new URL."""
        olds, news, session = received(_olds), received(_news), self._session
        urn = current_urn()
        with session.redacting(urn, olds, news) as redact:
            session.guard(_what(olds), olds.get(ENVIRONMENT))
            declared = self._with_ignored(_id, news)
            if urn in session.leaves_enabled:
                declared = {**declared, "enabled": None}
            stored = self._apply(_id, olds, declared, redact)
            if not stored:
                raise ConnectorNotFound(
                    f"{_what(news)} ({_id}) was deleted outside of Pulumi. Run `pulumi refresh`, then `pulumi up` "
                    "makes it again"
                )
            session.connection_owners.own(_id, urn)
            secret = session.secret_paths_of(urn)
            return UpdateResult(self._outputs({**_kept_outputs(olds), **news}, stored, secret))

    @explained
    def delete(self, _id: str, _props: Inputs) -> None:
        """Delete the connection. One that is gone already is fine."""
        state, session = received(_props), self._session
        with redacting(state):
            session.guard(_what(state), state.get(ENVIRONMENT))
            owners, urn = session.connection_owners, current_urn()
            if owners.keeper(_id, urn) is not None:
                return  # a resource of the program goes on with it
            if not session.connections.delete(_id):
                session.missing(_what(state), state.get(ENVIRONMENT))
            owners.replace(urn)  # a create that follows is of another one, also where it says to adopt

    def _with_ignored(self, id_: str, declared: Inputs) -> Inputs:
        """What is declared, but what lives there of the properties that the program ignores."""
        paths = ignored_paths()
        live = self._session.connections.get(id_) if paths else None
        return declared if live is None else replaced_at(declared, self._live_inputs(declared, live), *paths)

    def _secret(self, inputs: Inputs) -> str | None:
        """The client secret of a declaration, which nothing shows from now on.

        Raises:
            SettingsError: The environment variable that is to have it is not set.
        """
        app = inputs.get("oauth_app") or {}
        secret, variable = app.get(SECRET), app.get(SECRET_VARIABLE)
        if variable is not None:
            secret = os.environ.get(variable)
            if not secret:
                raise SettingsError(
                    f"{_what(inputs)}: the environment variable {variable}, which is to have its client secret, is "
                    "not set. Nothing was changed"
                )
        if secret is not None:
            self._session.connections.client.redact.hide(secret)
        return secret

    def _warn_of_variable(self, olds: Inputs, news: Inputs, redact: Callable[[str], str]) -> None:
        """Say at preview that the update will need an environment variable that is not set."""
        app = news.get("oauth_app")
        if not isinstance(app, dict) or not isinstance(variable := app.get(SECRET_VARIABLE), str):
            return
        before = olds.get("oauth_app")
        if not os.environ.get(variable) and not (isinstance(before, dict) and same_secret(before, app)):
            text = f"its client secret is to come from the environment variable {variable}, which is not set here"
            self._session.tell("warning", redact(f"{_what(news)}: {text}"))

    def _apply(self, id_: str, olds: Inputs, news: Inputs, redact: Callable[[str], str]) -> Attributes:
        """Make the live connection what is declared, and return it as stored; nothing where it is gone."""
        before, app = olds.get("oauth_app") or {}, news.get("oauth_app") or {}
        has_secret = app.get(SECRET) is not None or app.get(SECRET_VARIABLE) is not None
        stored = self._session.connections.apply(
            id_,
            before=before,
            declared=news,
            secret=lambda: self._secret(news),
            is_rotated=has_secret and not (before and same_secret(before, app)),
        )
        if stored:
            self._tell_of_differences(before, news, stored, redact)
        return stored

    def _tell_of_differences(
        self, before: Inputs, news: Inputs, stored: Attributes, redact: Callable[[str], str]
    ) -> None:
        """Say which settings Scalekit took and did not store as declared, or keeps though they are declared no more."""
        app, shown = news.get("oauth_app") or {}, shown_settings(stored)
        if differing := differing_settings(shown, app, app):
            log(
                "warning",
                redact(
                    f"{_what(news)}: Scalekit accepted the settings, and stored others than declared: "
                    f"{_paths(differing)}. A refresh shows what is live"
                ),
            )
        if kept := kept_settings(before, app, shown):
            log(
                "warning",
                redact(
                    f"{_what(news)}: no longer declared, and still stored by Scalekit: {_paths(kept)}. Declare what is "
                    "to be instead, or change it in the Scalekit Dashboard; no later preview shows it"
                ),
            )

    def _tell_of_adoption(self, inputs: Inputs, urn: str, redact: Callable[[str], str]) -> None:
        """Say at preview which connection `adopt` takes over, and which of its settings change."""
        listed = takeover.adoptable(self._session, inputs, urn)
        self._session.connection_owners.own(listed["id"], urn)
        if not self._session.previewing:
            return
        where = self._session.settings.environment_url
        live = self._session.connections.get(listed["id"]) or {}
        takeover.refuse_context(self._session, live, inputs, urn)
        app, changed = inputs.get("oauth_app"), []
        if isinstance(app, dict):
            changed = [f"oauth_app.{key}" for key in differing_settings(shown_settings(live), app, app)]
            if app.keys() & {SECRET, SECRET_VARIABLE}:
                changed.append("oauth_app.client_secret")
        if inputs.get("enabled") not in (None, UNKNOWN, live.get("enabled")):
            changed.append("enabled")
        ends = f"and sets {', '.join(changed)}" if changed else "which is as declared"
        self._session.tell(
            "info", redact(f"{_what(inputs)}: takes over {printable(listed['id'])} in {where}, {ends}")
        )

    def _warn_of_accounts(self, id_: str, olds: Inputs, redact: Callable[[str], str]) -> None:
        """Say at preview what the update would otherwise find out half-way, with the connector changed already."""
        connections = self._session.connections
        try:
            live = connections.get(id_)
            accounts = connections.accounts_of(live) if live else []
        except ScalekitError:
            return  # the update will tell
        if accounts:
            text = f"{_what(olds)} is to be replaced, and its connected accounts would be lost"
            names = ", ".join(printable(account.get("identifier")) for account in accounts)
            remedy = f"It is not deleted while there are any. Remove these first: {names}"
            self._session.tell("warning", redact(f"{text}. {remedy}"))

    def _outputs(self, inputs: Inputs, live: Attributes, secret: Collection[str]) -> dict[str, Any]:
        where = {ENVIRONMENT: self._session.settings.environment_url}
        return {**inputs, **where, **outputs_of(live), **({SECRET_PATHS: sorted(secret)} if secret else {})}


def outputs_of(live: Attributes) -> dict[str, Any]:
    """What a response says of a connection, by the names of the outputs; what it leaves out is not in it."""
    redirect_uri = shown_settings(live).get("redirect_uri")
    shown = {**live, "redirect_uri": redirect_uri, "connection_id": live.get("id")}
    return {key: shown[key] for key in ("connection_id", *OUTPUTS) if shown.get(key) not in (None, "")}


def _kept_inputs(olds: Inputs, news: Inputs) -> Inputs:
    """What keeps its old form, so that Pulumi's own comparison shows just what differs."""
    kept: Inputs = {}
    if "enabled" in olds and "enabled" not in news:
        kept["enabled"] = olds["enabled"]  # shown as it was, and not written: see `Session.leaves_enabled`
    old, new = olds.get("oauth_app"), news.get("oauth_app")
    if isinstance(old, dict) and isinstance(new, dict):
        kept["oauth_app"] = aligned_app(old, new)
    return kept


def _kept_outputs(state: Inputs) -> Inputs:
    """The outputs that a response may leave out."""
    return {key: state[key] for key in OUTPUTS if key in state}


def _paths(settings: list[str]) -> str:
    return ", ".join(f"oauth_app.{key}" for key in settings)


def _what(properties: Inputs) -> str:
    name = properties.get("connection_name")
    return f"Connection {name!r}" if isinstance(name, str) else "The connection"


# States name the class by this path.
ConnectionProvider.__module__ = "pulumi_scalekit.connection_provider"
