"""Property values, paths to them, and what differs between two."""
