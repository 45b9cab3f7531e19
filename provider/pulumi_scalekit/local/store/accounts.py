"""Connected accounts in the database."""

from __future__ import annotations

import json
import secrets
import sqlite3
from dataclasses import replace

from .database import Database
from .records import Account, Json


class AccountStore(Database):
    """Keeps connected accounts."""

    def create_account(
        self, connection_id: str, identifier: str, status: str, details: Json, api_config: Json
    ) -> Account | None:
        """Store a connected account; None when the connection has one of that identifier."""
        account_id = f"ca_{secrets.randbelow(9 * 10**17) + 10**17}"
        with self._write():
            if self.find_account(connection_id, identifier) is not None:
                return None
            self._db.execute(
                "INSERT INTO accounts"
                " (id, connection_id, identifier, status, authorization_details, api_config, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    account_id,
                    connection_id,
                    identifier,
                    status,
                    json.dumps(details),
                    json.dumps(api_config),
                    self.clock.now(),
                ),
            )
            return self.get_account(account_id)

    def get_account(self, account_id: str) -> Account | None:
        """Return a connected account by its id."""
        rows = self._rows("SELECT * FROM accounts WHERE id = ?", account_id)
        return _account(rows[0]) if rows else None

    def find_account(self, connection_id: str, identifier: str) -> Account | None:
        """Return the account of a connection that has this identifier."""
        rows = self._rows(
            "SELECT * FROM accounts WHERE connection_id = ? AND identifier = ?", connection_id, identifier
        )
        return _account(rows[0]) if rows else None

    def accounts(self, *, connection_id: str = "") -> list[Account]:
        """Return connected accounts in the order of their creation, of one connection or of all."""
        rows = self._rows("SELECT * FROM accounts WHERE ? IN ('', connection_id) ORDER BY seq", connection_id)
        return [_account(row) for row in rows]

    def update_account(self, account: Account) -> Account:
        """Write an account's status, details and configuration back."""
        account = replace(account, updated_at=self.clock.now())
        with self._write():
            self._db.execute(
                "UPDATE accounts SET status = ?, authorization_details = ?, api_config = ?, updated_at = ?"
                " WHERE seq = ?",
                (
                    account.status,
                    json.dumps(account.authorization_details),
                    json.dumps(account.api_config),
                    account.updated_at,
                    account.seq,
                ),
            )
        return account

    def touch_account(self, account: Account) -> None:
        """Note that an account was used now."""
        with self._write():
            self._db.execute(
                "UPDATE accounts SET last_used_at = ? WHERE seq = ?", (self.clock.now(), account.seq)
            )

    def delete_account(self, account: Account) -> None:
        """Delete a connected account with its credentials."""
        with self._write():
            self._db.execute("DELETE FROM accounts WHERE seq = ?", (account.seq,))


def _account(row: sqlite3.Row) -> Account:
    values = dict(row)
    for key in ("authorization_details", "api_config"):
        values[key] = json.loads(values[key])
    return Account(**values)
