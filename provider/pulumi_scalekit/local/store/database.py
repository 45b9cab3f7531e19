"""The SQLite database under the store: its schema, its transactions, and how late lists are.

Every write is one transaction, and the call returns only after it is on disk (WAL, synchronous=FULL): what
the server acknowledged survives a kill -9. Without a path the database lives in memory.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi_scalekit.local.clock import Clock

from .records import Lag

SCHEMA_VERSION = 3
FILE_NAME = "scalekit.sqlite3"

SCHEMA = """
CREATE TABLE providers (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    identifier TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL UNIQUE,
    is_custom INTEGER NOT NULL,
    plain_name TEXT NOT NULL,
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
    is_app INTEGER NOT NULL,
    auth_mode TEXT NOT NULL,
    settings TEXT NOT NULL,
    resolved_proxy_url TEXT NOT NULL,
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
CREATE INDEX providers_by_name ON providers (plain_name)"""


class StoreError(Exception):
    """The data directory cannot be used: it cannot be written, another schema, another server, or not our database."""


@dataclass(frozen=True)
class Change:
    """A write of a row, kept so that a list can be made as if it had not happened yet."""

    table: str
    at: float
    lists: int
    seq: int
    before: Any


class Database:
    """One SQLite database. Safe to use from several threads."""

    def __init__(self, directory: Path | None = None, *, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self._lists: Counter[str] = Counter()
        self._lock = threading.RLock()
        self._changes: deque[Change] = deque(maxlen=10_000)
        target = ":memory:" if directory is None else _private_file(directory)
        self._db = sqlite3.connect(target, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._open(target)

    def _open(self, target: str) -> None:
        try:
            # One server for each directory: the lock ends with the process, however that ends.
            self._db.execute("PRAGMA busy_timeout = 500")
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            with self._write():
                (found,) = self._db.execute("PRAGMA user_version").fetchone()
                if found == 0:
                    for statement in SCHEMA.split(";\n"):
                        self._db.execute(statement)
                    self._fill()
                    self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except sqlite3.Error as error:
            self._db.close()
            if "locked" in str(error):
                raise StoreError(
                    f"{target} is in use by another local Scalekit: stop that one, or use another directory"
                ) from None
            raise StoreError(f"{target} cannot be used as the local Scalekit's database: {error}") from None
        if found not in (0, SCHEMA_VERSION):
            self._db.close()
            raise StoreError(
                f"{target} has schema version {found}; this release reads {SCHEMA_VERSION}. "
                "Use another directory, or remove this one."
            )

    def _fill(self) -> None:
        """Put into a new database what every environment has."""

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

    def secret_key(self) -> bytes:
        """Return the key that signs tokens, made once for each database."""
        with self._write():
            row = self._db.execute("SELECT value FROM meta WHERE key = 'signing_key'").fetchone()
            if row is None:
                key = secrets.token_bytes(32)
                self._db.execute("INSERT INTO meta VALUES ('signing_key', ?)", (key.hex(),))
                return key
            return bytes.fromhex(row["value"])

    # --- Late lists ---

    def _changed(self, table: str, seq: int, before: object | None) -> None:
        """Note a write of a row, which was ``before`` until now; None for one that is new."""
        self._changes.append(Change(table, self.clock.now(), self._lists[table], seq, before))

    def _as_listed(self, table: str, found: dict[int, Any], lag: Lag | None) -> dict[int, Any]:
        """Return rows by their number as a list shows them that is late by ``lag``, and count the list."""
        shown = dict(found)
        if lag is not None:
            self._undo_recent(table, shown, lag)
        self._lists[table] += 1
        return shown

    def _undo_recent(self, table: str, shown: dict[int, Any], lag: Lag) -> None:
        for change in reversed(self._changes):
            if change.table != table:
                continue
            by_time = self.clock.now() - change.at >= lag.seconds
            by_count = self._lists[table] - change.lists >= lag.lists
            if by_time and by_count:
                break
            if change.before is None:
                shown.pop(change.seq, None)
            else:
                shown[change.seq] = change.before


def _private_file(directory: Path) -> str:
    """The path of the database in a directory, readable by the user only; both are made where they are not there."""
    path = directory / FILE_NAME
    # Connected accounts hold credentials: nobody else may read them, whatever the umask. SQLite gives its side
    # files the mode of the database.
    try:
        if not directory.is_dir():
            directory.mkdir(parents=True)
            directory.chmod(0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from None
    return str(path)
