"""Tool Proxy: the upstream request that a definition makes, and calls through it."""
