"""Connectors in the database: the whole store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .catalogue import BUILT_IN
from .connections import ConnectionStore
from .records import (
    Connection,
    IdentifierFormat,
    Json,
    Lag,
    Provider,
    name_and_number,
    opaque,
    plain_name,
)


class Store(ConnectionStore):
    """Connectors, connections and connected accounts, durable where a directory is given.

    Calls take about a millisecond when the file system is quick.
    """

    def create_provider(
        self, payload: Mapping[str, Any], make_identifier: IdentifierFormat = name_and_number
    ) -> Provider:
        """Store a definition under a new identifier. Duplicates by display name are allowed."""
        now = self.clock.now()
        with self._write():
            name = str(payload.get("display_name", ""))
            identifier = self._free_identifier(make_identifier, name)
            self._db.execute(
                "INSERT INTO providers (identifier, id, is_custom, plain_name, payload, created_at, updated_at)"
                " VALUES (?, ?, 1, ?, ?, ?, ?)",
                (identifier, opaque(""), plain_name(name), json.dumps(payload), now, now),
            )
            provider = self._provider(identifier)
            self._changed("providers", provider.seq, None)
        return provider

    def get_provider(self, identifier: str) -> Provider | None:
        """Return the provider of an identifier, custom or built in."""
        rows = self._rows("SELECT * FROM providers WHERE identifier = ?", identifier)
        return _provider(rows[0]) if rows else None

    def update_provider(
        self,
        identifier: str,
        change: Callable[[Json], Mapping[str, Any]],
        *,
        new_identifier: IdentifierFormat | None = None,
    ) -> Provider | None:
        """Replace the payload of a custom provider by ``change(stored payload)``, in one transaction.

        Returns None when there is none. What ``change`` raises aborts the write.
        """
        now = self.clock.now()
        with self._write():
            before = self.get_provider(identifier)
            if before is None or not before.is_custom:
                return None
            payload = change(before.payload)
            name = str(payload.get("display_name", ""))
            following = self._free_identifier(new_identifier, name) if new_identifier else identifier
            self._db.execute(
                "UPDATE providers SET identifier = ?, plain_name = ?, payload = ?, updated_at = ? WHERE seq = ?",
                (following, plain_name(name), json.dumps(payload), now, before.seq),
            )
            self._db.execute(
                "UPDATE connections SET provider_key = ? WHERE provider_key = ?", (following, identifier)
            )
            self._changed("providers", before.seq, before)
            return self._provider(following)

    def delete_provider(self, identifier: str, refuse: Callable[[Sequence[Connection]], None]) -> bool:
        """Delete a custom provider; False when there is none.

        ``refuse`` gets the connections that still use it, if any, and raises to keep the provider.
        """
        with self._write():
            before = self.get_provider(identifier)
            if before is None or not before.is_custom:
                return False
            users = self.connections(provider_key=identifier)
            if users:
                refuse(users)
            self._db.execute("DELETE FROM providers WHERE seq = ?", (before.seq,))
            self._changed("providers", before.seq, before)
            return True

    def providers(
        self, provider_type: str = "CUSTOM", identifier: str = "", lag: Lag | None = None
    ) -> list[Provider]:
        """Return providers in the order of their creation.

        ``provider_type`` is DEFAULT (built in), CUSTOM or ALL. With ``lag`` the list leaves out what
        was written too recently, as a replica that is behind would.
        """
        wanted = {"DEFAULT": (False,), "CUSTOM": (True,), "ALL": (False, True)}[provider_type]
        with self._lock:
            if lag is None and identifier:
                rows = self._rows("SELECT * FROM providers WHERE identifier = ?", identifier)
            else:
                rows = self._rows("SELECT * FROM providers ORDER BY seq")
            shown = self._as_listed("providers", {row["seq"]: _provider(row) for row in rows}, lag)
        return [
            shown[seq]
            for seq in sorted(shown)
            if shown[seq].is_custom in wanted and identifier in ("", shown[seq].identifier)
        ]

    def all_providers(self) -> list[Provider]:
        """Return every provider without counting as a list of the API."""
        return [_provider(row) for row in self._rows("SELECT * FROM providers ORDER BY seq")]

    def providers_named(self, display_name: str) -> list[Provider]:
        """Return the providers of a display name, however it is capitalized and spaced."""
        named = plain_name(display_name)
        return [_provider(row) for row in self._rows("SELECT * FROM providers WHERE plain_name = ?", named)]

    def _provider(self, identifier: str) -> Provider:
        provider = self.get_provider(identifier)
        if provider is None:  # pragma: no cover - written in the same transaction
            raise LookupError(f"{identifier} vanished inside its own transaction")
        return provider

    def _free_identifier(self, make_identifier: IdentifierFormat, display_name: str) -> str:
        while True:
            identifier = make_identifier(display_name)
            if self.get_provider(identifier) is None:
                return identifier

    def _fill(self) -> None:
        """Add the catalogue."""
        now = self.clock.now()
        for identifier, payload, category in BUILT_IN:
            self._db.execute(
                "INSERT INTO providers"
                " (identifier, id, is_custom, plain_name, payload, categories, created_at, updated_at)"
                " VALUES (?, ?, 0, ?, ?, ?, ?, ?)",
                (
                    identifier,
                    opaque(""),
                    plain_name(payload["display_name"]),
                    json.dumps(payload),
                    json.dumps([category]),
                    now,
                    now,
                ),
            )


def _provider(row: sqlite3.Row) -> Provider:
    return Provider(
        seq=row["seq"],
        identifier=row["identifier"],
        id=row["id"],
        payload=json.loads(row["payload"]),
        is_custom=bool(row["is_custom"]),
        categories=tuple(json.loads(row["categories"])),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
