"""The providers of a deployment."""
