"""Which live connection a create takes over: the one that `adopt` means, or one that an earlier run has left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi_scalekit.definition.connection import (
    AUTH_MODES,
    RESPONSE_KEYS,
    differing_settings,
    has_context,
    pattern_of,
    shown_settings,
)
from pulumi_scalekit.definition.keys import UNKNOWN
from pulumi_scalekit.errors import AmbiguousConnector, ConnectorNotFound, ScalekitError
from pulumi_scalekit.redaction import printable

from .keys import ADOPT, Inputs
from .ownership import name_of
from .session import Session
from .values import overlap

if TYPE_CHECKING:
    from pulumi_scalekit.api.responses import Attributes


def is_adopting(session: Session, inputs: Inputs, urn: str) -> bool:
    """Whether a connection is taken over. Where `adopt` did that in an earlier run, its replacement is created."""
    return bool(inputs.get(ADOPT)) and not session.connection_owners.is_replacing(urn)


def adoptable(session: Session, inputs: Inputs, urn: str) -> Attributes:
    """The live connection of the declared name, which `adopt` means.

    Raises:
        ConnectorNotFound: There is none.
        AmbiguousConnector: There are several, it is another one than declared, or a resource manages it already.
    """
    name = inputs["connection_name"]
    where = session.settings.environment_url
    found = session.connections.named(name)
    if not found:
        raise ConnectorNotFound(
            f"adopt=True: there is no connection named {name!r} in {where}. Leave adopt out to create it"
        )
    if len(found) > 1:
        ids = ", ".join(printable(c.get("id")) for c in found)
        raise AmbiguousConnector(f"adopt=True: several connections are named {name!r} in {where}: {ids}")
    if manager := session.connection_owners.other_manager(found[0]["id"], urn):
        raise AmbiguousConnector(
            f"adopt=True: the resource {name_of(manager)!r} of this stack manages the connection {name!r} already. "
            "If it was renamed in the program, leave adopt out and give the new name an alias"
        )
    for key in ("connector", "auth_type", "auth_mode"):
        declared: Any = inputs.get(key) or (AUTH_MODES[0] if key == "auth_mode" else None)
        live = found[0].get(RESPONSE_KEYS[key])
        if declared not in (None, UNKNOWN) and live not in (None, "", declared):
            raise AmbiguousConnector(
                f"adopt=True: the connection {name!r} in {where} has another {key} ({printable(live)}). "
                "Declare that one, or choose another name"
            )
    return found[0]


def refuse_context(session: Session, live: Attributes, inputs: Inputs, urn: str) -> None:
    """Refuse to adopt a connection that was made with another context: it cannot be changed.

    Raises:
        AmbiguousConnector: It was.
    """
    if live and not _was_made_with(session, live, inputs.get("context")):
        filled = printable(live.get("resolved_proxy_url"))
        if not filled or any(overlap(path, "context") for path in session.secret_paths_of(urn)):
            which = "another context, or none"  # what is secret here may be a secret there
        else:
            which = f"another context, which gave it the URL {filled}"
        raise AmbiguousConnector(
            f"adopt=True: the connection {inputs['connection_name']!r} was made with {which}. Declare that context, or "
            "choose another name"
        )


def unfinished(session: Session, inputs: Inputs, urn: str) -> Attributes | None:
    """What a run left that was refused the settings, or was stopped: a draft of this very connection.

    A draft has no OAuth application yet, so nothing of it can be lost. What is complete is taken only where the
    settings of the run say that what is as declared is to be taken over.
    """
    app = inputs.get("oauth_app") or {}
    if app is UNKNOWN:
        return None
    takes_identical = session.settings.adopt_identical
    if not app and not takes_identical:
        return None
    owners = session.connection_owners
    found = [
        c
        for c in session.connections.known(inputs["connection_name"])
        if c["id"] not in owners.owned_by(urn) and owners.other_manager(c["id"], urn) is None
    ]
    if len(found) != 1 or not (takes_identical or found[0].get("status") == "DRAFT"):
        return None
    if not _is_alike(inputs, found[0]):
        return None
    live = session.connections.get(found[0]["id"])
    if live is None or not _was_made_with(session, live, inputs.get("context")):
        return None
    shown = shown_settings(live)
    if app and not shown.get("client_id"):
        return live
    # Every connection is enabled at first: one that is to be disabled may have been left before that.
    is_same = live.get("enabled") in (None, True, inputs.get("enabled"))
    return live if takes_identical and is_same and not differing_settings(shown, app, app) else None


def may_be_own(session: Session, inputs: Inputs, live: Attributes) -> bool:
    """Whether a create may have made a connection: over REST it gets its application by a later request."""
    has_app = shown_settings(live).get("client_id")
    return (
        _is_alike(inputs, live)
        and _was_made_with(session, live, inputs.get("context"))
        and (not has_app or is_mcp(session, inputs["connector"], None) is True)
    )


def is_mcp(session: Session, connector: object, told: object) -> object:
    """Whether a connection's connector is one over MCP, which the program knows of a `Connector` that it declares.

    Of an identifier, the environment's list tells; `None` where it does not.
    """
    if isinstance(told, bool) or not isinstance(connector, str):
        return told
    found = _listed(session, connector)
    return None if found is None else pattern_of(found).get("is_mcp") is True


def _was_made_with(session: Session, live: Attributes, context: Any) -> bool:
    """Whether a connection was made with a context, as far as the `proxy_url` tells that was filled with it."""
    resolved = live.get("resolved_proxy_url")
    if not resolved and not context:
        return True
    found = _listed(session, live.get("provider_key"))
    return has_context(resolved, found and found.get("proxy_url"), context)


def _listed(session: Session, identifier: object) -> Attributes | None:
    """A custom connector as listed; `None` where there is none, or no list: no failure is worth what it would tell."""
    try:
        listed = session.connectors.all()
    except ScalekitError:
        return None
    return next((connector for connector in listed if connector["identifier"] == identifier), None)


def _is_alike(inputs: Inputs, live: Attributes) -> bool:
    """Whether a connection is of the declared connector, type and mode."""
    defaults = {"connector": None, "auth_type": None, "auth_mode": AUTH_MODES[0]}
    return all(
        (inputs.get(key) or default) in (UNKNOWN, live.get(RESPONSE_KEYS[key]) or default)
        for key, default in defaults.items()
    )
