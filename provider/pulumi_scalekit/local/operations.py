"""The names of the operations that faults can be set for."""

from __future__ import annotations

OPERATIONS = (
    "any",
    "token",
    "create",
    "list",
    "update",
    "delete",
    "connection-create",
    "connection-list",
    "connection-get",
    "connection-update",
    "connection-delete",
    "account-create",
    "account-list",
    "account-get",
    "account-update",
    "account-delete",
    "magic-link",
    "proxy",
)
"""What a fault can be switched on for. ``any`` is every one of the others."""
