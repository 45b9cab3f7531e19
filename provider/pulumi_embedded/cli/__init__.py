"""The `pulumi-embedded` command."""
