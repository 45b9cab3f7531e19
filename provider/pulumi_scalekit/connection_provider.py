"""The import path of `ConnectionProvider` that is pickled into states."""

from .provider.connection import ConnectionProvider

__all__ = ["ConnectionProvider"]
