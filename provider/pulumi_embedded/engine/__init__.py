"""Plans and carries out a deployment."""
