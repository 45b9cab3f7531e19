"""Runs the Python program, and serves what it asks for."""
