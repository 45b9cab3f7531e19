"""What Pulumi calls: the lifecycle of connectors and connections.

Pulumi pickles the provider object of a resource into its state, by the class's import path. States of every release
name these classes here, so they stay importable from here, and name themselves so.
"""

from .connector import ConnectorProvider

__all__ = ["ConnectorProvider"]
