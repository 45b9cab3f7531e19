"""Scalekit's management API over HTTP: one client, and one module per noun."""
