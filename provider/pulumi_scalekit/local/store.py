"""What the local Scalekit remembers, in one SQLite database.

Every write is one transaction, and the call returns only after it is on disk (WAL, synchronous=FULL): what
the server acknowledged survives a kill -9. Without a path the database lives in memory.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .clock import Clock

SCHEMA_VERSION = 1
FILE_NAME = "scalekit.sqlite3"

_SCHEMA = """
CREATE TABLE providers (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    identifier TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL UNIQUE,
    is_custom INTEGER NOT NULL,
    payload TEXT NOT NULL,
    categories TEXT NOT NULL DEFAULT '[]',
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
);
CREATE TABLE connections (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    provider_key TEXT NOT NULL,
    type TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
);
CREATE TABLE accounts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    connection_id TEXT NOT NULL REFERENCES connections (id),
    identifier TEXT NOT NULL,
    status TEXT NOT NULL,
    authorization_details TEXT NOT NULL,
    api_config TEXT NOT NULL,
    updated_at REAL NOT NULL,
    last_used_at REAL,
    UNIQUE (connection_id, identifier)
);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

Json = dict[str, Any]


class StoreError(Exception):
    """The data directory cannot be used: another schema version, or not our database."""


@dataclass(frozen=True)
class Provider:
    """A connector definition with what the server added to it."""

    seq: int
    identifier: str
    id: str
    payload: Json
    is_custom: bool = True
    categories: tuple[str, ...] = ()
    created_at: float = 0.0
    updated_at: float = 0.0


@dataclass(frozen=True)
class Connection:
    """A connection of a connector; its name is what callers pass as `connection_name`."""

    seq: int
    id: str
    name: str
    provider_key: str
    type: str
    enabled: bool
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class Account:
    """A connected account: one user's credentials for one connection."""

    seq: int
    id: str
    connection_id: str
    identifier: str
    status: str
    authorization_details: Json = field(repr=False)
    api_config: Json = field(repr=False)
    updated_at: float = 0.0
    last_used_at: float | None = None


@dataclass(frozen=True)
class _Change:
    """A write of a provider, kept so that a list can be answered as if it had not happened yet."""

    at: float
    lists: int
    seq: int
    before: Provider | None


@dataclass(frozen=True)
class Lag:
    """How late lists show a write: by a number of lists, or by seconds."""

    lists: int = 0
    seconds: float = 0.0


IdentifierFormat = Callable[[str], str]


def name_and_number(display_name: str) -> str:
    """Make an identifier such as `MYASANA:48213` from a display name."""
    letters = "".join(char for char in display_name.upper() if char.isascii() and char.isalnum())
    return f"{letters}:{secrets.randbelow(90_000) + 10_000}"


def opaque(_display_name: str) -> str:
    """Make an identifier such as `prov_84210394875610382`, the other format seen in public material."""
    return f"prov_{secrets.randbelow(9 * 10**16) + 10**16}"


class Store:
    """Providers, connections and connected accounts, durable where a path is given.

    Safe to use from several threads; calls take about a millisecond when the file system is quick.
    """

    def __init__(self, directory: Path | None = None, *, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.lists = 0
        self._lock = threading.RLock()
        self._changes: deque[_Change] = deque(maxlen=10_000)
        if directory is None:
            target = ":memory:"
        else:
            directory.mkdir(parents=True, exist_ok=True)
            path = directory / FILE_NAME
            # Connected accounts hold credentials: nobody else may read them. SQLite gives its side files
            # the mode of the database.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            target = str(path)
        self._db = sqlite3.connect(target, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._open(target)

    def _open(self, target: str) -> None:
        try:
            self._db.execute("PRAGMA busy_timeout = 5000")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            with self._write():
                (version,) = self._db.execute("PRAGMA user_version").fetchone()
                if version == 0:
                    for statement in _SCHEMA.split(";\n"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                    self._add_builtins()
        except sqlite3.Error as error:
            self._db.close()
            raise StoreError(f"{target} cannot be used as the local Scalekit's database: {error}") from None
        if version not in (0, SCHEMA_VERSION):
            self._db.close()
            raise StoreError(
                f"{target} has schema version {version}; this release reads version {SCHEMA_VERSION}. "
                "Use another directory, or remove this one."
            )

    def close(self) -> None:
        """Close the database. What was acknowledged is on disk already."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _write(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some failures, such as a full disk.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    # --- Values that belong to the environment itself ---

    def secret_key(self) -> bytes:
        """Return the key that signs tokens, made once for each database."""
        with self._write():
            row = self._db.execute("SELECT value FROM meta WHERE key = 'signing_key'").fetchone()
            if row is None:
                key = secrets.token_bytes(32)
                self._db.execute("INSERT INTO meta VALUES ('signing_key', ?)", (key.hex(),))
                return key
            return bytes.fromhex(row["value"])

    # --- Providers ---

    def create_provider(
        self, payload: Mapping[str, Any], make_identifier: IdentifierFormat = name_and_number
    ) -> Provider:
        """Store a definition under a new identifier. Duplicates by display name are allowed."""
        now = self.clock.now()
        with self._write():
            identifier = self._free_identifier(make_identifier, str(payload.get("display_name", "")))
            self._db.execute(
                "INSERT INTO providers (identifier, id, is_custom, payload, created_at, updated_at)"
                " VALUES (?, ?, 1, ?, ?, ?)",
                (identifier, opaque(""), json.dumps(payload), now, now),
            )
            provider = self._provider(identifier)
            self._changes.append(_Change(now, self.lists, provider.seq, None))
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
            name = identifier
            if new_identifier:
                name = self._free_identifier(new_identifier, str(payload.get("display_name", "")))
            self._db.execute(
                "UPDATE providers SET identifier = ?, payload = ?, updated_at = ? WHERE seq = ?",
                (name, json.dumps(payload), now, before.seq),
            )
            self._db.execute(
                "UPDATE connections SET provider_key = ? WHERE provider_key = ?", (name, identifier)
            )
            self._changes.append(_Change(now, self.lists, before.seq, before))
            return self._provider(name)

    def delete_provider(self, identifier: str, refuse: Callable[[Sequence[Connection]], None]) -> bool:
        """Delete a custom provider; False when there is none.

        ``refuse`` gets the connections that still use it, if any, and raises to keep the provider.
        """
        now = self.clock.now()
        with self._write():
            before = self.get_provider(identifier)
            if before is None or not before.is_custom:
                return False
            users = self.connections(provider_key=identifier)
            if users:
                refuse(users)
            self._db.execute("DELETE FROM providers WHERE seq = ?", (before.seq,))
            self._changes.append(_Change(now, self.lists, before.seq, before))
            return True

    def providers(
        self, provider_type: str = "CUSTOM", identifier: str = "", lag: Lag | None = None
    ) -> list[Provider]:
        """Return providers in the order of their creation.

        ``provider_type`` is DEFAULT (built in), CUSTOM or ALL. With ``lag`` the answer leaves out what
        was written too recently, as a replica that is behind would.
        """
        wanted = {"DEFAULT": (0,), "CUSTOM": (1,), "ALL": (0, 1)}[provider_type]
        with self._lock:
            if lag is None and identifier:
                rows = self._rows("SELECT * FROM providers WHERE identifier = ?", identifier)
            else:
                rows = self._rows("SELECT * FROM providers ORDER BY seq")
            found = {row["seq"]: _provider(row) for row in rows if row["is_custom"] in wanted}
            if lag is not None:
                self._undo_recent(found, lag)
            self.lists += 1
        return [found[seq] for seq in sorted(found) if identifier in ("", found[seq].identifier)]

    def all_providers(self) -> list[Provider]:
        """Return every provider without counting as a list of the API."""
        return [_provider(row) for row in self._rows("SELECT * FROM providers ORDER BY seq")]

    def _undo_recent(self, found: dict[int, Provider], lag: Lag) -> None:
        for change in reversed(self._changes):
            by_time = self.clock.now() - change.at >= lag.seconds
            by_count = self.lists - change.lists >= lag.lists
            if by_time and by_count:
                break
            if change.before is None:
                found.pop(change.seq, None)
            else:
                found[change.seq] = change.before

    def _provider(self, identifier: str) -> Provider:
        provider = self.get_provider(identifier)
        if provider is None:  # pragma: no cover - written in the same transaction
            raise StoreError(f"{identifier} vanished inside its own transaction")
        return provider

    def _free_identifier(self, make_identifier: IdentifierFormat, display_name: str) -> str:
        while True:
            identifier = make_identifier(display_name)
            if self.get_provider(identifier) is None:
                return identifier

    def _add_builtins(self) -> None:
        now = self.clock.now()
        for identifier, payload, category in BUILT_IN:
            self._db.execute(
                "INSERT INTO providers"
                " (identifier, id, is_custom, payload, categories, created_at, updated_at)"
                " VALUES (?, ?, 0, ?, ?, ?, ?)",
                (identifier, opaque(""), json.dumps(payload), json.dumps([category]), now, now),
            )

    # --- Connections ---

    def create_connection(self, name: str, provider_key: str, auth_type: str) -> Connection | None:
        """Store a connection; None when the name is taken."""
        now = self.clock.now()
        connection_id = f"conn_{secrets.randbelow(9 * 10**17) + 10**17}"
        with self._write():
            if self.get_connection(name=name) is not None:
                return None
            self._db.execute(
                "INSERT INTO connections (id, name, provider_key, type, enabled, created_at, updated_at)"
                " VALUES (?, ?, ?, ?, 1, ?, ?)",
                (connection_id, name, provider_key, auth_type, now, now),
            )
            return self.get_connection(connection_id=connection_id)

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

    def enable_connection(self, connection_id: str, enabled: bool) -> Connection | None:  # noqa: FBT001
        """Switch a connection on or off; None when there is none."""
        with self._write():
            self._db.execute(
                "UPDATE connections SET enabled = ?, updated_at = ? WHERE id = ?",
                (int(enabled), self.clock.now(), connection_id),
            )
            return self.get_connection(connection_id=connection_id)

    def delete_connection(self, connection_id: str, refuse: Callable[[Sequence[Account]], None]) -> bool:
        """Delete a connection; False when there is none. ``refuse`` gets its accounts, if any."""
        with self._write():
            if self.get_connection(connection_id=connection_id) is None:
                return False
            accounts = self.accounts(connection_id=connection_id)
            if accounts:
                refuse(accounts)
            self._db.execute("DELETE FROM connections WHERE id = ?", (connection_id,))
            return True

    # --- Connected accounts ---

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


def _connection(row: sqlite3.Row) -> Connection:
    return Connection(**{**dict(row), "enabled": bool(row["enabled"])})


def _account(row: sqlite3.Row) -> Account:
    values = dict(row)
    for key in ("authorization_details", "api_config"):
        values[key] = json.loads(values[key])
    return Account(**values)


BUILT_IN: tuple[tuple[str, Json, str], ...] = (
    (
        "GITHUB",
        {
            "display_name": "GitHub",
            "description": "Repositories, issues and pull requests",
            "auth_patterns": [
                {
                    "type": "OAUTH",
                    "display_name": "OAuth 2.0",
                    "fields": [],
                    "oauth_config": {
                        "authorize_uri": "https://github.com/login/oauth/authorize",
                        "token_uri": "https://github.com/login/oauth/access_token",
                        "user_info_uri": "https://api.github.com/user",
                        "available_scopes": [
                            {"scope": "repo", "display_name": "Repositories", "required": True}
                        ],
                    },
                }
            ],
            "proxy_url": "https://api.github.com",
            "proxy_enabled": True,
        },
        "Developer tools",
    ),
    (
        "ATTIO",
        {
            "display_name": "Attio",
            "description": "Customer records",
            "auth_patterns": [
                {
                    "type": "BEARER",
                    "display_name": "API key",
                    "fields": [
                        {
                            "field_name": "token",
                            "label": "API key",
                            "input_type": "password",
                            "required": True,
                        }
                    ],
                }
            ],
            "proxy_url": "https://api.attio.com",
            "proxy_enabled": True,
        },
        "CRM",
    ),
)
"""A few connectors of the catalogue, so that lists which mix them with custom ones can be tried."""
