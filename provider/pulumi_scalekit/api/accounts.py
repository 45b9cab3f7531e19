"""The connected accounts of one environment: the credentials that a connection's users have stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pulumi_scalekit.errors import NotFound, ProtocolError

from . import paths
from .client import Client
from .pages import MAX_PAGES, SilentPage, read_list
from .responses import Attributes

PAGE_SIZE: Final = 99
"""The largest page of the account list: it must be less than 100."""


class Accounts:
    """The connected accounts of one environment. Threads may share it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def of(self, connection: str, *, maximum: int = PAGE_SIZE) -> list[Attributes]:
        """The connected accounts of a connection, by its name; `maximum` of them at most.

        A list that does not filter has those of other connections, too.

        Raises:
            ScalekitError: They could not be listed.
        """
        params: dict[str, str | int] = {"connector": connection, "page_size": min(maximum, PAGE_SIZE)}
        accounts, _ = self._page(params)
        return [account for account in accounts if account.get("connector") in (None, connection)][:maximum]

    def under(self, connection: Attributes) -> list[Attributes]:
        """The connected accounts of a connection as read: those of the first page that has any.

        A list that does not filter names those of other connections, too, and a name may have been given again.

        Raises:
            ScalekitError: They could not be listed.
        """
        name, id_ = str(connection.get("key_id")), connection.get("id")
        params: dict[str, str | int] = {"connector": name, "page_size": PAGE_SIZE}
        for _ in range(MAX_PAGES):
            accounts, token = self._page(params)
            own = [
                account
                for account in accounts
                if account.get("connector") == name and account.get("connection_id") in (None, id_)
            ]
            if own or not isinstance(token, str) or not token:
                return own
            params["page_token"] = token
        raise ProtocolError(f"list connected accounts failed: they do not end within {MAX_PAGES} pages")

    def _page(self, params: Mapping[str, str | int]) -> tuple[list[Attributes], object]:
        """The accounts of one page, without what is none, and the token of the next page."""
        page = self.client.call("list connected accounts", "GET", paths.ACCOUNTS, params=params)
        accounts = page.get("connected_accounts")
        listed = accounts if isinstance(accounts, list) else []
        return [account for account in listed if isinstance(account, dict)], page.get("next_page_token")

    def listed(self, connection: str) -> list[Attributes]:
        """Every connected account of a connection, by its name.

        Raises:
            ProtocolError: What came back is not a list of accounts, or has no end.
            ScalekitError: As `Client.call`.
        """
        params: dict[str, str | int] = {"connector": connection, "page_size": PAGE_SIZE}
        action = f"list the connected accounts of {connection!r}"
        try:
            return read_list(self.client, action, paths.ACCOUNTS, params, "connected_accounts", "identifier")
        except SilentPage:
            return []  # as a connection without accounts may be shown

    def magic_link(self, connection: str, identifier: str) -> Attributes:
        """A page where the account's holder connects it: `{"link", "expiry"}`. Makes the account where there is none.

        Raises:
            ProtocolError: The response has no link.
            ScalekitError: As `Client.call`.
        """
        body = {"connector": connection, "identifier": identifier}
        action = f"make a magic link for {identifier!r}"
        response = self.client.call(action, "POST", f"{paths.ACCOUNTS}/magic_link", body=body)
        if not isinstance(response.get("link"), str):
            raise ProtocolError(f"{action} failed: the response has no link")
        return response

    def create(self, connection: str, identifier: str, account: Mapping[str, Any]) -> Attributes:
        """Create a connected account, and return it as stored.

        Args:
            connection: The connection's name.
            identifier: The account's identifier, such as a user's id.
            account: Its `authorization_details` and `api_config`, in the API's own form.

        Raises:
            ScalekitError: It could not be created, or whether it was is not known.
        """
        body = {"connector": connection, "identifier": identifier, "connected_account": account}
        action = f"create connected account {identifier!r}"
        response = self.client.call(action, "POST", paths.ACCOUNTS, body=body, repeatable=False)
        made = response.get("connected_account")
        return made if isinstance(made, dict) else {}

    def delete(self, connection: str, identifier: str) -> bool:
        """Delete a connected account, and return whether it was still there.

        Raises:
            ScalekitError: It could not be deleted.
        """
        body = {"connector": connection, "identifier": identifier}
        action = f"delete connected account {identifier!r}"
        try:
            self.client.call(action, "POST", f"{paths.ACCOUNTS}:delete", body=body)
        except NotFound:
            return False
        return True
