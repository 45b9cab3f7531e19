"""Faults of the operation itself: what it does differs from what is usual."""

from __future__ import annotations

from typing import ClassVar

from pulumi_scalekit.local.exchange import Exchange
from pulumi_scalekit.local.settings import IDENTIFIER_FORMATS, SAME_NAMES, UPDATE_SEMANTICS
from pulumi_scalekit.local.store import Lag

from .fault import Fault, natural, seconds


class TokenExpires(Fault):
    """A token that dies before its time."""

    name = "token-expires"
    help = "issue a token that is valid for this many seconds while `expires_in` promises the usual"
    default = "0"
    only = ("token",)

    def check(self) -> None:
        """The value is a number of seconds."""
        seconds(self.value)

    def shape(self, exchange: Exchange) -> None:
        """Shorten the token's life."""
        exchange.behaviour.token_lifetime = seconds(self.value)


class TokenRevoked(Fault):
    """A token that is revoked while it is in use."""

    name = "token-revoked"
    help = "revoke the token that the request carries, so that this request and later ones get a 401"

    def shape(self, exchange: Exchange) -> None:
        """Have the token revoked before it is checked."""
        exchange.behaviour.revoke_token = True


class LateList(Fault):
    """A list that does not show recent writes yet."""

    name = "stale"
    help = "show a write only after this many lists have missed it, or (`2.5s`) after this many seconds"
    default = "1"
    only = ("list", "connection-list")

    def check(self) -> None:
        """The value is a count, or seconds with an `s`."""
        self._lag()

    def shape(self, exchange: Exchange) -> None:
        """List what was there a while ago."""
        exchange.behaviour.lag = self._lag()

    def _lag(self) -> Lag:
        if self.value.endswith("s"):
            return Lag(seconds=seconds(self.value[:-1]))
        return Lag(lists=natural(self.value))


class OtherSetting(Fault):
    """A setting that is another one for a while."""

    setting: ClassVar[str]

    def shape(self, exchange: Exchange) -> None:
        """Override the setting."""
        setattr(exchange.behaviour, self.setting, self.value)


class UpdateSemanticsFault(OtherSetting):
    """The other reading of what an update does with fields that are left out."""

    name = "semantics"
    help = f"what an update does with fields left out: {', '.join(UPDATE_SEMANTICS)}"
    default = "wiping"
    only = ("update",)
    choices = UPDATE_SEMANTICS
    setting = "update_semantics"


class SameNameFault(OtherSetting):
    """A create that refuses a name, or allows it twice."""

    name = "same-name"
    help = f"what a create does when a connector has the name already: {', '.join(SAME_NAMES)}"
    default = "refused"
    only = ("create",)
    choices = SAME_NAMES
    setting = "same_name"


class IdentifierFormatFault(OtherSetting):
    """Identifiers of another form."""

    name = "identifier-format"
    help = f"the form of new identifiers: {', '.join(IDENTIFIER_FORMATS)}"
    default = "opaque"
    only = ("create", "update")
    choices = IDENTIFIER_FORMATS
    setting = "identifier_format"


class NewIdentifier(Fault):
    """An update that gives the connector another identifier."""

    name = "new-identifier"
    help = "give the connector a new identifier, as a rename might"
    only = ("update",)

    def shape(self, exchange: Exchange) -> None:
        """Ask the operation for a new identifier."""
        exchange.behaviour.new_identifier = True


class RepeatPageToken(Fault):
    """A list without an end."""

    name = "repeat-page-token"
    help = "send the first page again and again, always with the same `next_page_token`"
    only = ("list",)

    def shape(self, exchange: Exchange) -> None:
        """Ask the operation never to end."""
        exchange.behaviour.repeat_page_token = True
