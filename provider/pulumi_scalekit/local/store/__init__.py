"""What the local Scalekit remembers, in one SQLite database."""

from .connectors import Store
from .database import FILE_NAME, StoreError
from .records import (
    Account,
    Connection,
    IdentifierFormat,
    Json,
    Lag,
    Provider,
    name_and_number,
    opaque,
)

__all__ = [
    "FILE_NAME",
    "Account",
    "Connection",
    "IdentifierFormat",
    "Json",
    "Lag",
    "Provider",
    "Store",
    "StoreError",
    "name_and_number",
    "opaque",
]
