"""What the user sees of a deployment."""
