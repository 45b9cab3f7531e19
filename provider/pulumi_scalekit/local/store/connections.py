"""Connections in the database."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Sequence

from .accounts import AccountStore
from .records import Account, Connection, Json, Lag


class ConnectionStore(AccountStore):
    """Keeps connections, which connected accounts belong to."""

    def create_connection(
        self,
        name: str,
        provider_key: str,
        auth_type: str,
        *,
        is_app: bool = True,
        auth_mode: str = "USER",
        settings: Json | None = None,
        resolved_proxy_url: str = "",
    ) -> Connection | None:
        """Store a connection; None when the name is taken."""
        now = self.clock.now()
        connection_id = f"conn_{secrets.randbelow(9 * 10**17) + 10**17}"
        with self._write():
            if self.get_connection(name=name) is not None:
                return None
            self._db.execute(
                "INSERT INTO connections (id, name, provider_key, type, enabled, is_app, auth_mode, settings,"
                " resolved_proxy_url, created_at, updated_at) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)",
                (
                    connection_id,
                    name,
                    provider_key,
                    auth_type,
                    int(is_app),
                    auth_mode,
                    json.dumps(settings or {}),
                    resolved_proxy_url,
                    now,
                    now,
                ),
            )
            connection = self.get_connection(connection_id=connection_id)
            if connection is not None:
                self._changed("connections", connection.seq, None)
            return connection

    def get_connection(self, *, connection_id: str = "", name: str = "") -> Connection | None:
        """Return a connection by its id or by its name."""
        rows = self._rows(
            "SELECT * FROM connections WHERE id = ? OR (name = ? AND ? = '')",
            connection_id,
            name,
            connection_id,
        )
        return _connection(rows[0]) if rows else None

    def connections(self, *, provider_key: str = "") -> list[Connection]:
        """Return connections in the order of their creation, of one connector or of all."""
        rows = self._rows(
            "SELECT * FROM connections WHERE ? IN ('', provider_key) ORDER BY seq", provider_key
        )
        return [_connection(row) for row in rows]

    def listed_connections(self, lag: Lag | None = None) -> list[Connection]:
        """Return all connections as a list of the API shows them, which may be late."""
        with self._lock:
            found = {connection.seq: connection for connection in self.connections()}
            shown = self._as_listed("connections", found, lag)
        return [shown[seq] for seq in sorted(shown)]

    def update_connection(
        self, connection_id: str, change: Callable[[Connection], Connection]
    ) -> Connection | None:
        """Replace a connection by ``change(stored)`` in one transaction; None when there is none.

        What ``change`` raises aborts the write.
        """
        with self._write():
            before = self.get_connection(connection_id=connection_id)
            if before is None:
                return None
            after = change(before)
            self._db.execute(
                "UPDATE connections SET name = ?, type = ?, enabled = ?, settings = ?, updated_at = ?"
                " WHERE seq = ?",
                (
                    after.name,
                    after.type,
                    int(after.enabled),
                    json.dumps(after.settings),
                    self.clock.now(),
                    before.seq,
                ),
            )
            self._changed("connections", before.seq, before)
            return self.get_connection(connection_id=connection_id)

    def delete_connection(self, connection_id: str, refuse: Callable[[Sequence[Account]], None]) -> bool:
        """Delete a connection; False when there is none. ``refuse`` gets its accounts, if any."""
        with self._write():
            before = self.get_connection(connection_id=connection_id)
            if before is None:
                return False
            accounts = self.accounts(connection_id=connection_id)
            if accounts:
                refuse(accounts)
            self._db.execute("DELETE FROM connections WHERE id = ?", (connection_id,))
            self._changed("connections", before.seq, before)
            return True


def _connection(row: sqlite3.Row) -> Connection:
    values = dict(row)
    values |= {key: bool(values[key]) for key in ("enabled", "is_app")}
    return Connection(**{**values, "settings": json.loads(values["settings"])})
