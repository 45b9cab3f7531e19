"""What several test directories use."""
