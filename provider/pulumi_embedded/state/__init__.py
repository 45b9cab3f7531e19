"""The state of a stack, in the format of the Pulumi CLI."""
