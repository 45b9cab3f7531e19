"""The error of this room."""

from __future__ import annotations

from pulumi_scalekit.errors import ScalekitError


class DiscoveryError(ScalekitError):
    """A source cannot be used at all: it cannot be read, or does not describe an API."""
